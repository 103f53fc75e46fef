#include "server/relay.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "server/secret_file.h"
#include "server/token.h"

#define RANDOM_CHARS 16

bool mt_relay_is_only(const mt_relay_options *o) {
    return o->only == MT_RELAY_YES || (o->only == MT_RELAY_AUTO && o->turn.count > 0);
}

mt_err mt_relay_load(const mt_relay_options *o, mt_relay_secret *out) {
    mt_relay_secret fresh = {.len = 0};
    mt_err err = MT_OK;
    bool open_to_others = false;
    const char *path = o->secret_file;
    if (path != NULL)
        err = mt_secret_file_read(path, MT_RELAY_SECRET_MIN, MT_RELAY_SECRET_MAX, fresh.text, &open_to_others);
    if (err == MT_EBAD)
        mt_log(MT_LOG_ERROR, "turn", "%s: must be one line of %d to %d visible ASCII characters", path,
               MT_RELAY_SECRET_MIN, MT_RELAY_SECRET_MAX);
    else if (err != MT_OK)
        mt_log(MT_LOG_ERROR, "turn", "%s cannot be read", path);
    else if (open_to_others)
        mt_log(MT_LOG_WARN, "turn", "%s can be read by others: chmod 600 it", path);
    if (err == MT_OK) {
        fresh.len = strlen(fresh.text);
        *out = fresh;
    }
    mt_relay_wipe(&fresh);
    return err;
}

void mt_relay_wipe(mt_relay_secret *s) {
    mt_wipe(s, sizeof *s);
}

static void add_urls(mt_buf *out, const mt_ice_urls *urls) {
    mt_buf_add_str(out, "{\"urls\":[");
    for (size_t i = 0; i < urls->count; i++)
        mt_buf_printf(out, "%s\"%s\"", i > 0 ? "," : "", urls->at[i]);
    mt_buf_add_char(out, ']');
}

static void add_credentials(mt_buf *out, int64_t expiry_s, const mt_relay_secret *secret, mt_random random) {
    char some[RANDOM_CHARS + 1], user[RANDOM_CHARS + 32];
    uint8_t mac[MT_SHA1_BYTES];
    mt_token_random_text(random, RANDOM_CHARS, some);
    (void)snprintf(user, sizeof user, "%lld:%s", (long long)expiry_s, some);
    mt_slice piece = mt_slice_of(user);
    mt_hmac_sha1(secret->text, secret->len, &piece, 1, mac);
    mt_buf_printf(out, ",\"username\":\"%s\",\"credential\":\"", user);
    mt_text_base64(out, mac, sizeof mac);
    mt_buf_add_char(out, '"');
}

void mt_relay_members(mt_buf *out, const mt_relay_options *o, const mt_relay_secret *secret, mt_random random,
                      int64_t wall_s) {
    bool stun = o->stun.count > 0, turn = o->turn.count > 0 && secret->len > 0;
    mt_buf_add_str(out, "\"ice_servers\":[");
    if (stun) {
        add_urls(out, &o->stun);
        mt_buf_add_char(out, '}');
    }
    if (turn) {
        mt_buf_add_str(out, stun ? "," : "");
        add_urls(out, &o->turn);
        add_credentials(out, wall_s + o->ttl_s, secret, random);
        mt_buf_add_char(out, '}');
    }
    mt_buf_printf(out, "],\"relay_only\":%s", mt_relay_is_only(o) ? "true" : "false");
}
