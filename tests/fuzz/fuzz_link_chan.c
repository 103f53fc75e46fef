/* Messages of the data channel: what is accepted can be encoded and says the same again; a receiver on virtual time
 * takes a stream of them. The input is cut at LF (JSON may hold one, it is then two broken messages: no matter). */
#include <stdlib.h>

#include "base/text.h"
#include "link/chan.h"
#include "link/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            abort();                                                                                                   \
    } while (0)

static void check_message(const mt_chan_msg *m) {
    mt_buf b, text;
    mt_chan_msg again;
    size_t points = 0;
    if (m->type == MT_CHAN_UNKNOWN)
        return;
    if (m->type == MT_CHAN_TEXT)
        CHECK(mt_text_count(m->body, &points) == MT_OK && points >= 1 && points <= MT_CHAN_MAX_TEXT_POINTS);
    mt_buf_init(&b, 1 << 17);
    mt_buf_init(&text, MT_CHAN_MAX_BYTES);
    mt_err err = mt_chan_encode(m, &b);
    CHECK(err == MT_OK);
    CHECK(mt_chan_decode(mt_buf_slice(&b), &text, &again) == MT_OK);
    CHECK(again.type == m->type && again.id == m->id && again.on == m->on && mt_slice_eq(again.body, m->body));
    CHECK(memcmp(again.value, m->value, sizeof m->value) == 0);
    mt_buf_deinit(&b);
    mt_buf_deinit(&text);
}

static void count_member(void *ctx, mt_slice key, mt_json_value value) {
    (void)key;
    (void)value;
    ++*(unsigned *)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    mt_slice rest = {(const char *)data, len};
    mt_chan_rx rx;
    mt_buf text;
    mt_buf_init(&text, MT_CHAN_MAX_BYTES);
    mt_chan_rx_init(&rx, 0);
    uint64_t last = 0;
    for (int64_t now_ms = 0; rest.len > 0; now_ms += 40) {
        mt_slice one = mt_slice_cut(&rest, '\n');
        mt_chan_msg m;
        unsigned members = 0;
        const mt_json_limits limits = {.depth = 8, .keys = 32};
        mt_err wide = mt_json_scan(one, &limits, count_member, &members);
        mt_err err = mt_chan_receive(&rx, one, now_ms, &text, &m);
        CHECK(err == MT_OK || err == MT_EBAD || err == MT_ELIMIT);
        CHECK(rx.credit >= 0 && rx.credit <= MT_CHAN_BURST * 1000);
        if (err != MT_OK)
            continue;
        CHECK(wide == MT_OK && members >= 1 && members <= 32);
        CHECK(m.type != MT_CHAN_TEXT || m.id > last);
        last = m.type == MT_CHAN_TEXT ? m.id : last;
        check_message(&m);
    }
    mt_buf_deinit(&text);
    return 0;
}
