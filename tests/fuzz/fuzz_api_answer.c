/* What the server's API answers, as the client reads it. The first byte chooses how it is read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/api_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_draw(const mt_turn_draw *d) {
    if (d->name[0] == '\0' || memchr(d->name, '\0', sizeof d->name) == NULL || (d->caller && d->exten == 0))
        abort();
}

static void read_turn(JsonObject *o) {
    mt_turn_draw draw;
    bool waiting = false;
    unsigned ready = 0, online = 0;
    if (mt_api_parse_turn(o, &waiting, &draw, &ready, &online) && !waiting)
        check_draw(&draw);
}

static void read_login(JsonObject *o) {
    mt_api_login_info info;
    const char *token = NULL;
    if (!mt_api_parse_login(o, &info, &token))
        return;
    const char *headers[] = {token, info.sip_uri, info.sip_username, info.sip_realm, info.sip_password};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if (headers[i] == NULL || strpbrk(headers[i], "\r\n\"<> ") != NULL)
            abort();
    if (info.exten == 0 || info.name == NULL || (info.sip_udp == NULL && info.sip_tcp == NULL))
        abort();
}

static void read_fault(unsigned status, JsonObject *o, const char *retry_after) {
    mt_fault f = mt_api_parse_fault(status, o, retry_after);
    if (f.text[0] == '\0' || memchr(f.code, '\0', sizeof f.code) == NULL || f.retry_after_s == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len == 0)
        return 0;
    JsonParser *parser = json_parser_new();
    JsonObject *o = mt_api_parse_object(parser, mt_slice_n(data + 1, len - 1));
    char retry_after[8] = "";
    memcpy(retry_after, data, len < 7 ? len : 7);
    if (o != NULL && data[0] % 3 == 0)
        read_turn(o);
    else if (o != NULL && data[0] % 3 == 1)
        read_login(o);
    else
        read_fault(300U + data[0], o, retry_after);
    g_object_unref(parser);
    return 0;
}
