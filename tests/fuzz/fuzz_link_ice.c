/* The server's list of STUN and TURN servers: the first byte chooses one URL or the JSON of a whole answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/api_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const mt_ice_server *s) {
    if (s->port == 0 || s->host[0] == '\0' || memchr(s->host, '\0', sizeof s->host) == NULL ||
        strpbrk(s->host, " \r\n\"[]/@?") != NULL)
        abort();
    if (memchr(s->user, '\0', sizeof s->user) == NULL || memchr(s->password, '\0', sizeof s->password) == NULL)
        abort();
}

static void read_answer(mt_slice json) {
    JsonParser *parser = json_parser_new();
    JsonObject *o = mt_api_parse_object(parser, json);
    mt_ice_servers got;
    memset(&got, 0xff, sizeof got);
    if (o != NULL) {
        mt_api_parse_ice(o, &got);
        if (got.count > MT_ICE_SERVERS_MAX)
            abort();
        for (size_t i = 0; i < got.count; i++) {
            check(&got.list[i]);
            if (got.list[i].kind != MT_ICE_STUN && (got.list[i].user[0] == '\0' || got.list[i].password[0] == '\0'))
                abort();
        }
    }
    g_object_unref(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    mt_ice_server s;
    if (len == 0)
        return 0;
    if (data[0] % 2 != 0)
        read_answer(mt_slice_n(data + 1, len - 1));
    else if (mt_ice_server_parse(mt_slice_n(data + 1, len - 1), &s) == MT_OK)
        check(&s);
    return 0;
}
