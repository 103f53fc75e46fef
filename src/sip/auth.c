#include "sip/machine.h"

#define NAME_MAX_BYTES 512

/* The nonce for a challenge: the one that this very request was given before, or a new one. Nothing of it need be kept
 * for us to know it again, so what is kept is little, and a flood of requests only makes it useless. */
static void make_nonce(mt_sip_server *s, const mt_sip_rx *rx, bool stale) {
    mt_sip_challenged *c = &s->challenged[rx->key[0] % MT_SIP_CHALLENGED];
    mt_slice last = mt_slice_n(c->nonce, sizeof(c->nonce));
    uint64_t stamp;
    mt_buf_reset(&s->scratch);
    if (!stale && memcmp(c->key, rx->key, sizeof(c->key)) == 0 &&
        mt_sip_nonce_check(s, rx->flow, last, &stamp) == MT_OK) {
        mt_buf_add_slice(&s->scratch, last);
        return;
    }
    mt_sip_nonce_make(s, rx->flow, &s->scratch);
    if (mt_buf_err(&s->scratch) != MT_OK || s->scratch.len != sizeof(c->nonce))
        return;
    memcpy(c->key, rx->key, sizeof(c->key));
    memcpy(c->nonce, s->scratch.p, sizeof(c->nonce));
}

static void challenge(mt_sip_server *s, const mt_sip_rx *rx, bool proxy, bool stale) {
    make_nonce(s, rx, stale);
    if (mt_buf_err(&s->scratch) != MT_OK) {
        s->oom = true;
        return;
    }
    mt_sip_challenge c = {.proxy = proxy,
                          .realm = mt_slice_of(s->cfg.domain),
                          .nonce = mt_buf_slice(&s->scratch),
                          .alg = MT_SIP_ALG_MD5, /* the one that every user agent knows */
                          .qop_auth = true,
                          .stale = stale};
    mt_sip_writer w;
    mt_sip_reply_begin(s, rx, &w, proxy ? 407 : 401);
    mt_sip_write_challenge(&w, &c);
    c.alg = MT_SIP_ALG_SHA256;
    if (s->cfg.offer_sha256)
        mt_sip_write_challenge(&w, &c);
    s->counts.challenges++;
    mt_sip_reply_end(s, rx, &w);
}

/* The first credentials for our realm with an algorithm that we offered. */
static bool find_credentials(const mt_sip_server *s, const mt_sip_msg *m, bool proxy, mt_sip_digest *out) {
    mt_sip_header_id id = proxy ? MT_SIP_H_PROXY_AUTHORIZATION : MT_SIP_H_AUTHORIZATION;
    for (const mt_sip_header *h = NULL; (h = mt_sip_msg_header(m, id, h)) != NULL;) {
        if (mt_sip_digest_parse(h->value, out) == MT_OK && mt_slice_is(out->realm, s->cfg.domain) &&
            out->alg != MT_SIP_ALG_OTHER && out->qop != MT_SIP_QOP_OTHER && !out->userhash)
            return true;
    }
    return false;
}

/* As it stands, else percent-decoded: a phone may have been given either. */
static mt_sip_user find_user(const mt_sip_server *s, mt_slice name) {
    mt_sip_user user = s->policy.find(s->policy_ctx, name);
    if (user != 0 || memchr(name.p, '%', name.len) == NULL)
        return user;
    char room[NAME_MAX_BYTES];
    mt_slice decoded;
    mt_sip_uri as_uri = {.user = name, .has_user = true};
    return mt_sip_uri_user(&as_uri, room, sizeof(room), &decoded) == MT_OK ? s->policy.find(s->policy_ctx, decoded) : 0;
}

mt_sip_user mt_sip_auth_find(mt_sip_server *s, const mt_sip_uri *uri) {
    char room[NAME_MAX_BYTES];
    mt_slice name;
    if (mt_sip_uri_user(uri, room, sizeof(room), &name) != MT_OK || name.len == 0)
        return 0;
    return s->policy.find(s->policy_ctx, name);
}

/* 0: the credentials are wrong. An unknown user takes the same way, so that he cannot be told from a wrong password. */
static mt_sip_user verify(mt_sip_server *s, const mt_sip_msg *m, const mt_sip_digest *d, mt_sip_user *named) {
    char room[NAME_MAX_BYTES];
    uint8_t md5[MT_MD5_BYTES] = {0}, sha256[MT_SHA256_BYTES] = {0};
    mt_slice name;
    *named = 0;
    if (mt_sip_digest_username(d, room, sizeof(room), &name) != MT_OK || name.len == 0)
        return 0;
    mt_sip_user user = find_user(s, name);
    *named = user;
    bool known = user != 0 && s->policy.ha1(s->policy_ctx, user, name, md5, sha256);
    bool right = mt_sip_digest_verify(d, d->alg == MT_SIP_ALG_MD5 ? md5 : sha256, m->method_name);
    mt_wipe(md5, sizeof(md5));
    mt_wipe(sha256, sizeof(sha256));
    return known && right ? user : 0;
}

/* Notes (nonce, nc) as used. False: it was used before, or one after it was. */
static bool note_use(mt_sip_account *a, uint64_t stamp, uint32_t nc) {
    if (stamp < a->nonce_stamp || (stamp == a->nonce_stamp && nc <= a->nonce_nc))
        return false;
    a->nonce_stamp = stamp;
    a->nonce_nc = nc;
    return true;
}

mt_sip_account *mt_sip_auth_request(mt_sip_server *s, mt_sip_rx *rx, bool proxy) {
    mt_sip_digest d;
    if (!find_credentials(s, rx->msg, proxy, &d)) {
        challenge(s, rx, proxy, false);
        return NULL;
    }
    mt_sip_user named;
    mt_sip_user user = verify(s, rx->msg, &d, &named);
    if (user == 0) {
        mt_sip_event(s, &(mt_sip_action){.event = MT_SIP_AUTH_FAILED, .user = named, .flow = *rx->flow});
        mt_sip_reply(s, rx, 403);
        return NULL;
    }
    uint64_t stamp;
    mt_err err = mt_sip_nonce_check(s, rx->flow, d.nonce, &stamp);
    mt_sip_account *a = err == MT_OK ? mt_sip_account_make(s, user) : NULL;
    if (err == MT_OK && a == NULL) {
        mt_sip_reply(s, rx, 503);
        return NULL;
    }
    if (a == NULL || !note_use(a, stamp, d.nc)) {
        challenge(s, rx, proxy, true);
        return NULL;
    }
    rx->user = user;
    rx->keep = true;
    return a;
}
