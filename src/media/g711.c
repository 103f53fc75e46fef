#include "media/g711.h"

#include <stdbool.h>

#define ULAW_BIAS 33 /* of 14 bits: makes every segment begin at a power of two */
#define ULAW_MAX 8158
#define ALAW_FLIP 0x55 /* every other bit is sent inverted */

/* Number of the segment: how far the leading one of v lies above bit `lowest`; 0 … 7. */
static unsigned segment_of(unsigned v, unsigned lowest) {
    unsigned segment = 0;
    while (segment < 7 && v >> (lowest + segment) > 1)
        segment++;
    return segment;
}

/* Sign, three bits of segment, four bits within it; inverted, so that silence is all ones. */
uint8_t mt_g711_ulaw(int16_t sample) {
    bool negative = sample < 0;
    int v = (negative ? -(int)sample : sample) >> 2;
    unsigned magnitude = (unsigned)(v < ULAW_MAX ? v : ULAW_MAX) + ULAW_BIAS;
    unsigned segment = segment_of(magnitude, 5);
    unsigned code = segment << 4 | (magnitude >> (segment + 1) & 0x0f);
    return (uint8_t) ~(code | (negative ? 0x80u : 0));
}

int16_t mt_g711_from_ulaw(uint8_t code) {
    unsigned v = (uint8_t)~code;
    unsigned segment = v >> 4 & 7, step = v & 0x0f;
    int magnitude = (int)((2 * step + ULAW_BIAS) << segment) - ULAW_BIAS;
    return (int16_t)((v & 0x80) != 0 ? -4 * magnitude : 4 * magnitude);
}

/* The first two segments have steps of the same size: the lowest has no leading one. */
uint8_t mt_g711_alaw(int16_t sample) {
    bool negative = sample < 0;
    unsigned v = (unsigned)(negative ? ~(int)sample : sample) >> 3;
    unsigned segment = v < 32 ? 0 : segment_of(v, 4);
    unsigned code = segment << 4 | (v >> (segment > 0 ? segment : 1) & 0x0f);
    return (uint8_t)((code | (negative ? 0 : 0x80u)) ^ ALAW_FLIP);
}

int16_t mt_g711_from_alaw(uint8_t code) {
    unsigned v = code ^ ALAW_FLIP;
    unsigned segment = v >> 4 & 7, step = v & 0x0f;
    unsigned magnitude = segment == 0 ? 2 * step + 1 : (2 * step + 33) << (segment - 1);
    return (int16_t)((v & 0x80) != 0 ? (int)magnitude * 8 : -(int)magnitude * 8);
}
