#include "media/narrow.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846
#define CUTOFF (3500.0 / 48000.0)

/* A sinc under a Hamming window, of unity gain. */
void mt_narrow_init(mt_narrow *n) {
    double sum = 0;
    memset(n, 0, sizeof(*n));
    for (int i = 0; i < MT_NARROW_TAPS; i++) {
        double x = i - (MT_NARROW_TAPS - 1) / 2.0;
        double sinc = sin(2.0 * PI * CUTOFF * x) / (PI * x); /* x is never 0: the number of taps is even */
        double phase = 2.0 * PI * i / (MT_NARROW_TAPS - 1);
        double tap = sinc * (0.54 - 0.46 * cos(phase));
        n->taps[i] = (float)tap;
        sum += tap;
    }
    for (int i = 0; i < MT_NARROW_TAPS; i++)
        n->taps[i] /= (float)sum;
}

void mt_narrow_reset(mt_narrow *n) {
    memset(n->past, 0, sizeof(n->past));
    n->at = 0;
}

static int16_t to_pcm(float v) {
    return (int16_t)lrintf(v > 32767.0f ? 32767.0f : v < -32768.0f ? -32768.0f : v);
}

static void push(mt_narrow *n, size_t size, int16_t sample) {
    n->past[n->at] = sample;
    n->at = (n->at + 1) % size;
}

void mt_narrow_down(mt_narrow *n, const int16_t *in, int16_t *out, size_t n_out) {
    for (size_t i = 0; i < n_out; i++) {
        for (size_t k = 0; k < MT_NARROW_FACTOR; k++)
            push(n, MT_NARROW_TAPS, *in++);
        float sum = 0;
        for (size_t k = 0; k < MT_NARROW_TAPS; k++)
            sum += n->taps[k] * n->past[(n->at + k) % MT_NARROW_TAPS];
        out[i] = to_pcm(sum);
    }
}

/* The zeros that would be put between the samples are left out: each output needs every sixth tap only. */
void mt_narrow_up(mt_narrow *n, const int16_t *in, size_t n_in, int16_t *out) {
    enum { PAST = MT_NARROW_TAPS / MT_NARROW_FACTOR };
    for (size_t i = 0; i < n_in; i++) {
        push(n, PAST, in[i]);
        for (size_t phase = 0; phase < MT_NARROW_FACTOR; phase++) {
            float sum = 0;
            for (size_t k = 0; k < PAST; k++)
                sum += n->taps[phase + MT_NARROW_FACTOR * k] * n->past[(n->at + PAST - 1 - k) % PAST];
            *out++ = to_pcm(sum * MT_NARROW_FACTOR);
        }
    }
}
