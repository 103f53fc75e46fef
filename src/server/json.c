#include "server/json.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

#define MEMBERS_MAX 32 /* bounds the comparison of each with each */

void mt_json_setup(void) {
    cJSON_Hooks hooks = {.malloc_fn = mt_malloc, .free_fn = mt_free};
    cJSON_InitHooks(&hooks);
}

static void escape(mt_buf *out, unsigned char c) {
    switch (c) {
    case '"':
        mt_buf_add_str(out, "\\\"");
        break;
    case '\\':
        mt_buf_add_str(out, "\\\\");
        break;
    case '\n':
        mt_buf_add_str(out, "\\n");
        break;
    case '\r':
        mt_buf_add_str(out, "\\r");
        break;
    case '\t':
        mt_buf_add_str(out, "\\t");
        break;
    default:
        mt_buf_printf(out, "\\u%04x", c);
    }
}

/* The end of the run from pos on that may be copied as it stands. */
static size_t plain_run(mt_slice s, size_t pos) {
    uint32_t cp;
    while (pos < s.len) {
        unsigned char c = (unsigned char)s.p[pos];
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
            break;
        if (c < 0x80)
            pos++;
        else if (mt_text_next(s, &pos, &cp) != MT_OK)
            break;
    }
    return pos;
}

void mt_json_str(mt_buf *out, mt_slice s) {
    mt_buf_add_char(out, '"');
    for (size_t pos = 0; pos < s.len;) {
        size_t end = plain_run(s, pos);
        mt_buf_add(out, s.p + pos, end - pos);
        if (end < s.len) {
            unsigned char c = (unsigned char)s.p[end++];
            if (c < 0x80)
                escape(out, c);
            else
                mt_buf_add_str(out, "\xef\xbf\xbd");
        }
        pos = end;
    }
    mt_buf_add_char(out, '"');
}

/* Looks over the text before cJSON sees it: depth, and the escape of U+0000, which would cut a C string short. */
static mt_err look_over(mt_slice s) {
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (c == '\0')
            return MT_EBAD;
        if (in_string && c == '\\') {
            if (s.len - i >= 6 && memcmp(s.p + i, "\\u0000", 6) == 0)
                return MT_EBAD;
            i++;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '{' || c == '[')) {
            if (++depth > MT_JSON_DEPTH)
                return MT_EBAD;
        } else if (!in_string && (c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return MT_OK;
}

static bool names_unique(const cJSON *object) {
    if (cJSON_GetArraySize(object) > MEMBERS_MAX)
        return false;
    for (const cJSON *a = object->child; a != NULL; a = a->next) {
        for (const cJSON *b = a->next; b != NULL; b = b->next) {
            if (strcmp(a->string, b->string) == 0)
                return false;
        }
    }
    return true;
}

mt_err mt_json_parse(mt_slice text, cJSON **out) {
    if (text.len == 0 || look_over(text) != MT_OK || !mt_text_is_utf8(text))
        return MT_EBAD;
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text.p, text.len, &end, false);
    if (root == NULL)
        return MT_EBAD;
    size_t rest = text.len - (size_t)(end - text.p);
    bool good = cJSON_IsObject(root);
    for (size_t i = 0; i < rest && good; i++)
        good = strchr(" \t\r\n", end[i]) != NULL;
    if (!good || !names_unique(root)) {
        cJSON_Delete(root);
        return MT_EBAD;
    }
    *out = root;
    return MT_OK;
}
