/* Nicknames: whatever comes in, an accepted name keeps the rules, is a fixed point, and is found again by its key. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/json.h"
#include "server/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool good) {
    if (!good)
        abort();
}

static void check_name(mt_slice raw) {
    mt_name name, again;
    if (mt_names_check(raw, &name) != MT_OK)
        return;
    size_t count;
    must(strlen(name.shown) == name.shown_len && strlen(name.key) == name.key_len && name.key_len > 0);
    must(mt_text_count(mt_slice_n(name.shown, name.shown_len), &count) == MT_OK && count >= 1 &&
         count <= MT_NAMES_MAX_CP);
    must(mt_text_is_utf8(mt_slice_n(name.key, name.key_len)));
    for (size_t i = 0; i < name.shown_len; i++)
        must((unsigned char)name.shown[i] > ' ' && strchr("/%;[]\"'\\<>@:?&#", name.shown[i]) == NULL);
    must(mt_names_check(mt_slice_n(name.shown, name.shown_len), &again) == MT_OK);
    must(strcmp(again.shown, name.shown) == 0 && strcmp(again.key, name.key) == 0);
}

/* What is written as a JSON string is read back as it was, where it was UTF-8 without U+0000. */
static void check_json(mt_slice raw) {
    mt_buf b;
    mt_buf_init(&b, 1 << 20);
    mt_buf_add_str(&b, "{\"a\":");
    mt_json_str(&b, raw);
    mt_buf_add_char(&b, '}');
    cJSON *root = NULL;
    bool clean = memchr(raw.p, 0, raw.len) == NULL;
    mt_err err = mt_json_parse(mt_buf_slice(&b), &root);
    must(err == MT_OK || !clean);
    if (clean && mt_text_is_utf8(raw)) {
        const char *value = cJSON_GetObjectItem(root, "a")->valuestring;
        must(strlen(value) == raw.len && memcmp(value, raw.p, raw.len) == 0);
    }
    cJSON_Delete(root);
    mt_buf_deinit(&b);
    if (mt_json_parse(raw, &root) == MT_OK)
        cJSON_Delete(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len == 0)
        return 0;
    mt_slice raw = mt_slice_n(data, len);
    check_name(raw);
    check_json(raw);
    return 0;
}
