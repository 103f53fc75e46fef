#include "media/transit.h"

#include <stdlib.h>
#include <string.h>

#define CLOCK_WAS_SET_US 1000000
#define BIN_US 2000
#define BINS 128 /* the last one holds everything beyond a quarter of a second */

void mt_transit_init(mt_transit *t) {
    memset(t, 0, sizeof(*t));
}

static int64_t least_of(const mt_transit *t) {
    int64_t least = t->us[0];
    for (uint32_t i = 1; i < t->count; i++) {
        if (t->us[i] < least)
            least = t->us[i];
    }
    return least;
}

void mt_transit_add(mt_transit *t, int64_t transit_us) {
    if (t->count > 0 && llabs(transit_us - t->least_us) > CLOCK_WAS_SET_US)
        mt_transit_init(t);
    t->us[t->at] = transit_us;
    t->at = (t->at + 1) % MT_TRANSIT_WINDOW;
    if (t->count < MT_TRANSIT_WINDOW)
        t->count++;
    t->least_us = least_of(t);
}

int64_t mt_transit_jitter_us(const mt_transit *t) {
    uint16_t bins[BINS] = {0};
    for (uint32_t i = 0; i < t->count; i++) {
        int64_t bin = (t->us[i] - t->least_us) / BIN_US;
        bins[bin < BINS ? bin : BINS - 1]++;
    }
    uint32_t above = 0, may_exceed = t->count / 200;
    for (int bin = BINS - 1; bin > 0; bin--) {
        above += bins[bin];
        if (above > may_exceed)
            return (int64_t)(bin + 1) * BIN_US;
    }
    return 0;
}
