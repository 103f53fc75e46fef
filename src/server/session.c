#include "server/session.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/secret.h"
#include "base/text.h"
#include "server/asterisk.h"
#include "server/names.h"
#include "server/server_int.h"
#include "server/suspension.h"
#include "server/turn.h"

#define EVENTS_EACH 8 /* queued at once for one user, at most */

void mt_session_secrets_wipe(mt_session_secrets *s) {
    mt_wipe(s, sizeof *s);
}

mt_session *mt_session_of(const mt_user *u) {
    return u != NULL ? mt_user_ctx(u) : NULL;
}

mt_session *mt_session_by_exten(const mt_server *srv, uint32_t exten) {
    return mt_session_of(mt_match_by_exten(srv->match, exten));
}

mt_session *mt_session_by_name(const mt_server *srv, mt_slice raw) {
    mt_name name;
    if (mt_names_check(raw, &name) != MT_OK)
        return NULL;
    return mt_session_of(mt_match_by_key(srv->match, mt_slice_n(name.key, name.key_len)));
}

mt_session *mt_session_by_sip(const mt_server *srv, mt_slice user) {
    uint64_t exten;
    mt_session *s = NULL;
    if (mt_slice_to_u64(user, UINT32_MAX, &exten) == MT_OK)
        s = mt_session_by_exten(srv, (uint32_t)exten);
    return s != NULL ? s : mt_session_by_name(srv, user);
}

mt_session *mt_session_by_token(const mt_server *srv, mt_slice token) {
    uint8_t hash[MT_SHA256_BYTES];
    if (mt_token_hash(token, hash) != MT_OK)
        return NULL;
    mt_map_node *n = mt_map_get(&srv->by_token, mt_slice_n(hash, sizeof hash));
    return n != NULL ? MT_CONTAINER(n, mt_session, by_token) : NULL;
}

static void digest(const char *username, const char *realm, const char *password, mt_ha1 *out) {
    const mt_slice pieces[] = {mt_slice_of(username), MT_SLICE_LIT(":"), mt_slice_of(realm), MT_SLICE_LIT(":"),
                               mt_slice_of(password)};
    mt_md5(pieces, sizeof pieces / sizeof pieces[0], out->md5);
    mt_sha256(pieces, sizeof pieces / sizeof pieces[0], out->sha256);
}

/* A client may name himself as he is shown, percent-encoded, or by extension. */
static mt_err make_ha1(mt_session *s, const char *password) {
    mt_slice name = mt_user_name(s->user);
    char text[MT_NAMES_SHOWN_BYTES];
    (void)snprintf(text, sizeof text, "%.*s", (int)name.len, name.p);
    digest(text, s->srv->domain, password, &s->ha1[MT_HA1_NAME]);
    mt_buf encoded;
    mt_buf_init(&encoded, 3 * MT_NAMES_SHOWN_BYTES);
    mt_text_percent_encode(&encoded, name);
    mt_err err = mt_buf_err(&encoded);
    if (err == MT_OK)
        digest(encoded.p, s->srv->domain, password, &s->ha1[MT_HA1_ENCODED]);
    mt_buf_deinit(&encoded);
    char exten[MT_TEXT_DECIMAL];
    digest(mt_text_decimal(mt_user_exten(s->user), exten), s->srv->domain, password, &s->ha1[MT_HA1_EXTEN]);
    return err;
}

bool mt_session_ha1(const mt_session *s, mt_slice username, uint8_t md5[MT_MD5_BYTES],
                    uint8_t sha256[MT_SHA256_BYTES]) {
    mt_slice name = mt_user_name(s->user);
    char exten[MT_TEXT_DECIMAL];
    int which = -1;
    if (mt_slice_eq(username, name))
        which = MT_HA1_NAME;
    else if (mt_slice_is(username, mt_text_decimal(mt_user_exten(s->user), exten)))
        which = MT_HA1_EXTEN;
    else if (mt_slice_find(username, '%') < username.len)
        which = MT_HA1_ENCODED;
    if (which < 0)
        return false;
    memcpy(md5, s->ha1[which].md5, MT_MD5_BYTES);
    memcpy(sha256, s->ha1[which].sha256, MT_SHA256_BYTES);
    return true;
}

static void lease_due(mt_timer *t, void *ctx, int64_t now_ms) {
    mt_server *srv = ctx;
    mt_session *s = MT_CONTAINER(t, mt_session, lease);
    int64_t life_ms = (int64_t)1000 * (s->ever_registered ? srv->opt.lease_s : srv->opt.first_lease_s);
    bool alive = s->registered || s->turn.req != NULL || s->me.req != NULL;
    int64_t due_ms = (alive ? now_ms : s->last_ms) + life_ms;
    if (s->leave_ms < due_ms)
        due_ms = s->leave_ms;
    /* Requests do not set the timer anew: it looks when it fires. */
    if (due_ms > now_ms)
        mt_timer_set(&srv->timers, t, due_ms);
    else
        mt_session_end(s, MT_END_LOGOUT, s->leave_ms <= now_ms ? NULL : "lapsed", now_ms);
}

void mt_session_leases_changed(mt_server *srv) {
    int64_t now_ms = mt_server_now_ms(srv);
    for (mt_user *u = mt_match_next(srv->match, NULL); u != NULL; u = mt_match_next(srv->match, u))
        mt_timer_set(&srv->timers, &mt_session_of(u)->lease, now_ms);
}

static void make_label(mt_random random, char out[MT_SESSION_LABEL + 1]) {
    static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
    uint8_t raw[MT_SESSION_LABEL];
    mt_random_bytes(random, raw, sizeof raw);
    for (size_t i = 0; i < MT_SESSION_LABEL; i++)
        out[i] = alphabet[raw[i] & 31];
    out[MT_SESSION_LABEL] = '\0';
}

static void fill(mt_session *s, mt_server *srv, const mt_session_login *login, int64_t now_ms) {
    s->srv = srv;
    s->login_addr = s->last_addr = *login->remote;
    s->last_ms = now_ms;
    s->leave_ms = MT_NEVER;
    s->idle = true;
    s->has_attempt = login->attempt_hash != NULL;
    if (s->has_attempt)
        memcpy(s->attempt_hash, login->attempt_hash, sizeof s->attempt_hash);
    make_label(srv->random, s->label);
    mt_timer_init(&s->lease, lease_due);
    mt_turn_hold_init(&s->turn, s, false);
    mt_turn_hold_init(&s->me, s, true);
}

/* Gives s, whose user is there, its secrets and a place in the table of tokens. */
static mt_err equip(mt_session *s, mt_session_secrets *secrets) {
    mt_server *srv = s->srv;
    mt_session_secrets made;
    mt_token_random_text(srv->random, MT_SESSION_PASSWORD, made.password);
    mt_err err = mt_token_make(srv->random, made.token, s->token_hash);
    if (err == MT_OK)
        err = make_ha1(s, made.password);
    if (err == MT_OK)
        err = mt_map_put(&srv->by_token, mt_slice_n(s->token_hash, sizeof s->token_hash), &s->by_token);
    if (err == MT_OK)
        *secrets = made;
    mt_session_secrets_wipe(&made);
    return err;
}

mt_err mt_session_create(mt_server *srv, const mt_session_login *login, int64_t now_ms, mt_session_secrets *secrets,
                         mt_session **out) {
    mt_name name;
    mt_err err = mt_names_check(login->name, &name);
    if (err != MT_OK)
        return err;
    size_t online = mt_match_count(srv->match).online;
    err = mt_events_reserve(&srv->events, EVENTS_EACH * (online + 1));
    mt_session *s = err == MT_OK ? mt_calloc(1, sizeof *s) : NULL;
    if (s == NULL)
        return MT_ENOMEM;
    fill(s, srv, login, now_ms);
    err = mt_match_add(srv->match, mt_slice_n(name.shown, name.shown_len), mt_slice_n(name.key, name.key_len),
                       login->phone, now_ms, &s->user);
    if (err != MT_OK) {
        mt_free(s);
        return err;
    }
    mt_user_set_ctx(s->user, s);
    err = equip(s, secrets);
    if (err != MT_OK) {
        mt_user_set_ctx(s->user, NULL);
        mt_match_remove(srv->match, s->user, MT_END_LOGOUT, now_ms);
        mt_free(s);
        return err;
    }
    mt_timer_set(&srv->timers, &s->lease, now_ms + (int64_t)1000 * srv->opt.first_lease_s);
    mt_limits_user_add(&srv->limits, &s->login_addr, now_ms);
    mt_limits_idle_add(&srv->limits, &s->login_addr, now_ms);
    mt_console_login(s);
    mt_suspension_login(s, now_ms);
    *out = s;
    return MT_OK;
}

void mt_session_end(mt_session *s, mt_pair_end end, const char *why, int64_t now_ms) {
    mt_server *srv = s->srv;
    uint32_t exten = mt_user_exten(s->user);
    mt_console_logout(s, why);
    mt_asterisk_logout(s, now_ms);
    mt_turn_hold_gone(&s->turn);
    mt_turn_hold_gone(&s->me);
    mt_timer_stop(&srv->timers, &s->lease);
    mt_map_remove(&srv->by_token, &s->by_token);
    if (s->idle)
        mt_limits_idle_sub(&srv->limits, &s->login_addr);
    mt_limits_user_sub(&srv->limits, &s->login_addr);
    /* His pair's end is queued by this, before the event that makes the SIP server forget him. */
    mt_suspension_logout(s);
    mt_match_remove(srv->match, s->user, end, now_ms);
    mt_events_push(&srv->events, &(mt_event){.kind = MT_EVENT_FORGET, .a = exten});
    mt_wipe(s, sizeof *s);
    mt_free(s);
}

void mt_session_end_later(mt_session *s, int64_t at_ms) {
    s->leave_ms = at_ms;
    if (!s->lease.armed || s->lease.due_ms > at_ms)
        mt_timer_set(&s->srv->timers, &s->lease, at_ms);
}

bool mt_session_is_attempt(const mt_session *s, const uint8_t *attempt_hash) {
    return s->has_attempt && attempt_hash != NULL && mt_ct_equal(s->attempt_hash, attempt_hash, sizeof s->attempt_hash);
}

void mt_session_touch(mt_session *s, const mt_addr *a, int64_t now_ms) {
    s->last_ms = now_ms;
    s->has_attempt = false;
    s->leave_ms = MT_NEVER;
    if (a != NULL)
        s->last_addr = *a;
    mt_match_touch(s->srv->match, s->user, now_ms);
}

void mt_session_set_registered(mt_session *s, bool registered, int64_t now_ms) {
    if (s->registered == registered)
        return;
    s->registered = registered;
    s->ever_registered = true;
    s->has_attempt = false;
    s->last_ms = now_ms;
    if (registered == s->idle) {
        s->idle = !registered;
        if (registered)
            mt_limits_idle_sub(&s->srv->limits, &s->login_addr);
        else
            mt_limits_idle_add(&s->srv->limits, &s->login_addr, now_ms);
    }
    if (!registered) { /* the lease now counts from here, and may be shorter than the timer thinks */
        int64_t due_ms = now_ms + (int64_t)1000 * s->srv->opt.lease_s;
        mt_timer_set(&s->srv->timers, &s->lease, s->leave_ms < due_ms ? s->leave_ms : due_ms);
    }
    mt_session_changed(s);
}

unsigned mt_session_may_link(const mt_session *s, unsigned links) {
    if (mt_relay_is_only(&s->srv->opt.relay)) /* plain RTP goes from address to address */
        links &= ~(unsigned)MT_LINK_RTP;
    return mt_user_is_phone(s->user) ? links & MT_LINK_RTP : links;
}

unsigned mt_session_links(const mt_session *s) {
    return mt_session_may_link(s, mt_user_is_phone(s->user) ? MT_LINK_RTP : MT_LINK_GCM);
}

mt_addr mt_session_addr(const mt_session *s) {
    mt_sip_flow flow;
    mt_addr addr;
    if (mt_asterisk_addr(s, &addr))
        return addr;
    if (mt_sip_server_binding(s->srv->sip, mt_user_exten(s->user), &flow) == MT_OK)
        return flow.addr;
    return s->last_addr;
}

void mt_session_changed(mt_session *s) {
    s->version++;
    mt_events_push(&s->srv->events, &(mt_event){.kind = MT_EVENT_CHANGED, .a = mt_user_exten(s->user)});
}
