/* Device SPECs: default | none | file:PATH | tone:HZ (microphone only) | device:NAME. No I/O. */
#ifndef MT_MEDIA_SPEC_H
#define MT_MEDIA_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

typedef enum mt_spec_kind { MT_SPEC_DEFAULT, MT_SPEC_NONE, MT_SPEC_FILE, MT_SPEC_TONE, MT_SPEC_DEVICE } mt_spec_kind;

typedef struct mt_spec {
    mt_spec_kind kind;
    const char *arg;  /* path or device name, borrowed from the SPEC's text; NULL for the other kinds */
    uint32_t tone_hz; /* 1 … MT_SPEC_TONE_MAX_HZ */
    bool server_only; /* a device through a sound server or not at all; the text cannot say it */
} mt_spec;

#define MT_SPEC_TONE_MAX_HZ 20000

/* NULL is "default". MT_EBAD: none of the forms. */
mt_err mt_spec_parse(const char *text, bool mic, mt_spec *out) MT_MUST_CHECK;

#endif
