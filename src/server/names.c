#include "server/names.h"

#include <string.h>
#include <utf8proc.h>

#include "base/text.h"
#include "server/scripts.h"

#define EXTEN_DIGITS 6 /* a name of that many digits and nothing else would look like an extension */

static const char *const reserved[] = {"general", "globals", "authentication", "default", "phones",
                                       "public",  "admin",   "operator",       "server",  "myturn"};

static bool is_letter(utf8proc_category_t c) {
    return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

static bool is_mark(utf8proc_category_t c) {
    return c >= UTF8PROC_CATEGORY_MN && c <= UTF8PROC_CATEGORY_ME;
}

static bool may_stand(utf8proc_int32_t cp) {
    if (cp < 0x80)
        return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') || (cp >= '0' && cp <= '9') || cp == '.' ||
               cp == '_' || cp == '-';
    const utf8proc_property_t *p = utf8proc_get_property(cp);
    utf8proc_category_t c = (utf8proc_category_t)p->category;
    return !p->ignorable && (is_letter(c) || is_mark(c) || c == UTF8PROC_CATEGORY_ND);
}

static bool may_begin(utf8proc_int32_t cp) {
    utf8proc_category_t c = utf8proc_category(cp);
    return is_letter(c) || c == UTF8PROC_CATEGORY_ND;
}

static bool one_script(const utf8proc_int32_t *cps, size_t count) {
    uint8_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_letter(utf8proc_category(cps[i])))
            continue;
        uint8_t script = mt_scripts_of((uint32_t)cps[i]);
        if (script != 0 && seen != 0 && script != seen)
            return false;
        if (script != 0)
            seen = script;
    }
    return true;
}

static bool is_reserved(const char *key) {
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (strcmp(key, reserved[i]) == 0)
            return true;
    }
    return strlen(key) >= EXTEN_DIGITS && strspn(key, "0123456789") == strlen(key);
}

/* Normalises raw into at most max code points. MT_EBAD: malformed, or more than that. */
static mt_err normalise(mt_slice raw, unsigned options, utf8proc_int32_t *cps, size_t max, size_t *count) {
    utf8proc_ssize_t n = utf8proc_decompose((const utf8proc_uint8_t *)raw.p, (utf8proc_ssize_t)raw.len, cps,
                                            (utf8proc_ssize_t)max, (utf8proc_option_t)options);
    if (n <= 0 || (size_t)n > max)
        return MT_EBAD;
    n = utf8proc_normalize_utf32(cps, n, (utf8proc_option_t)options);
    if (n <= 0)
        return MT_EBAD;
    *count = (size_t)n;
    return MT_OK;
}

static size_t encode(const utf8proc_int32_t *cps, size_t count, char *out) {
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += (size_t)utf8proc_encode_char(cps[i], (utf8proc_uint8_t *)out + len);
    out[len] = '\0';
    return len;
}

/* Nearly all names are ASCII, and one is looked up in almost every request: no table is needed for them. */
static mt_err check_ascii(mt_slice raw, mt_name *name) {
    if (raw.len > MT_NAMES_MAX_CP)
        return MT_EBAD;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.p[i];
        if (!may_stand(c) || (i == 0 && (c == '.' || c == '_' || c == '-')))
            return MT_EBAD;
        name->shown[i] = c;
        name->key[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    name->shown[raw.len] = name->key[raw.len] = '\0';
    name->shown_len = name->key_len = raw.len;
    return is_reserved(name->key) ? MT_EBAD : MT_OK;
}

static mt_err check_unicode(mt_slice raw, mt_name *name) {
    utf8proc_int32_t shown[4 * MT_NAMES_MAX_CP], key[MT_NAMES_KEY_CP];
    size_t shown_count, key_count;
    if (normalise(raw, UTF8PROC_STABLE | UTF8PROC_COMPOSE, shown, sizeof shown / sizeof shown[0], &shown_count) !=
            MT_OK ||
        shown_count > MT_NAMES_MAX_CP)
        return MT_EBAD;
    if (normalise(raw, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE, key,
                  MT_NAMES_KEY_CP, &key_count) != MT_OK)
        return MT_EBAD;
    for (size_t i = 0; i < shown_count; i++) {
        if (!may_stand(shown[i]))
            return MT_EBAD;
    }
    /* The key too: a compatibility form may hide a space, a symbol or another script. */
    for (size_t i = 0; i < key_count; i++) {
        if (!may_stand(key[i]))
            return MT_EBAD;
    }
    if (!may_begin(shown[0]) || !may_begin(key[0]) || !one_script(shown, shown_count) || !one_script(key, key_count))
        return MT_EBAD;
    name->shown_len = encode(shown, shown_count, name->shown);
    name->key_len = encode(key, key_count, name->key);
    return is_reserved(name->key) ? MT_EBAD : MT_OK;
}

mt_err mt_names_check(mt_slice raw, mt_name *out) {
    if (raw.len == 0 || raw.len > 16 * MT_NAMES_MAX_CP)
        return MT_EBAD;
    bool ascii = true;
    for (size_t i = 0; i < raw.len && ascii; i++)
        ascii = (raw.p[i] & 0x80) == 0;
    mt_name name;
    mt_err err;
    if (ascii)
        err = check_ascii(raw, &name);
    else
        err = mt_text_is_utf8(raw) ? check_unicode(raw, &name) : MT_EBAD;
    if (err != MT_OK)
        return err;
    out->shown_len = name.shown_len;
    out->key_len = name.key_len;
    memcpy(out->shown, name.shown, name.shown_len + 1);
    memcpy(out->key, name.key, name.key_len + 1);
    return MT_OK;
}
