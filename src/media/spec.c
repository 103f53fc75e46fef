#include "media/spec.h"

#include <stddef.h>
#include <string.h>

#include "base/slice.h"

static const char *after(const char *text, const char *prefix) {
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static mt_err parse_tone(const char *arg, mt_spec *out) {
    uint64_t hz = 0;
    if (mt_slice_to_u64(mt_slice_of(arg), MT_SPEC_TONE_MAX_HZ, &hz) != MT_OK || hz == 0)
        return MT_EBAD;
    *out = (mt_spec){.kind = MT_SPEC_TONE, .tone_hz = (uint32_t)hz};
    return MT_OK;
}

static mt_err parse_arg(const char *arg, mt_spec_kind kind, mt_spec *out) {
    if (*arg == '\0')
        return MT_EBAD;
    *out = (mt_spec){.kind = kind, .arg = arg};
    return MT_OK;
}

mt_err mt_spec_parse(const char *text, bool mic, mt_spec *out) {
    const char *arg = NULL;
    if (text == NULL || strcmp(text, "default") == 0) {
        *out = (mt_spec){.kind = MT_SPEC_DEFAULT};
        return MT_OK;
    }
    if (strcmp(text, "none") == 0) {
        *out = (mt_spec){.kind = MT_SPEC_NONE};
        return MT_OK;
    }
    if ((arg = after(text, "file:")) != NULL)
        return parse_arg(arg, MT_SPEC_FILE, out);
    if ((arg = after(text, "device:")) != NULL)
        return parse_arg(arg, MT_SPEC_DEVICE, out);
    if (mic && (arg = after(text, "tone:")) != NULL)
        return parse_tone(arg, out);
    return MT_EBAD;
}
