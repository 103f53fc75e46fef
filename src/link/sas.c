#include "link/sas.h"

#include "base/hash.h"
#include "base/secret.h"
#include "base/timerq.h"

void mt_sas_init(mt_sas *s, const mt_sas_setup *setup, mt_random random) {
    *s = (mt_sas){.state = MT_SAS_IDLE, .setup = *setup, .due_ms = MT_NEVER};
    mt_random_bytes(random, s->nonce_own, sizeof s->nonce_own);
}

void mt_sas_deinit(mt_sas *s) {
    mt_wipe(s, sizeof *s);
    s->state = MT_SAS_FAILED;
    s->due_ms = MT_NEVER;
}

/* The nonces have done their work once the words are known or can no longer be. */
static void end(mt_sas *s, mt_sas_state state) {
    s->state = state;
    s->due_ms = MT_NEVER;
    mt_wipe(s->nonce_own, sizeof s->nonce_own);
    mt_wipe(s->nonce_peer, sizeof s->nonce_peer);
}

static mt_err fail(mt_sas *s) {
    end(s, MT_SAS_FAILED);
    return MT_EDENIED;
}

static mt_slice bytes(const uint8_t *p) {
    return mt_slice_n(p, MT_SAS_BYTES);
}

static const uint8_t *fp_a(const mt_sas *s) {
    return s->setup.a ? s->setup.fp_own : s->setup.fp_peer;
}
static const uint8_t *fp_b(const mt_sas *s) {
    return s->setup.a ? s->setup.fp_peer : s->setup.fp_own;
}
static const uint8_t *nonce_a(const mt_sas *s) {
    return s->setup.a ? s->nonce_own : s->nonce_peer;
}
static const uint8_t *nonce_b(const mt_sas *s) {
    return s->setup.a ? s->nonce_peer : s->nonce_own;
}

static void commitment(const mt_sas *s, uint8_t out[MT_SAS_BYTES]) {
    const mt_slice pieces[] = {MT_SLICE_LIT("myturn sas commit v1"), mt_slice_n(s->setup.pair, MT_SAS_PAIR_BYTES),
                               bytes(nonce_a(s)), bytes(fp_a(s)), bytes(fp_b(s))};
    mt_sha256(pieces, 5, out);
}

static void find_words(mt_sas *s) {
    uint8_t digest[MT_SHA256_BYTES];
    const mt_slice pieces[] = {MT_SLICE_LIT("myturn sas v1"),
                               mt_slice_n(s->setup.pair, MT_SAS_PAIR_BYTES),
                               bytes(nonce_a(s)),
                               bytes(nonce_b(s)),
                               bytes(fp_a(s)),
                               bytes(fp_b(s))};
    mt_sha256(pieces, 6, digest);
    memcpy(s->word_index, digest, MT_SAS_WORDS);
    mt_wipe(digest, sizeof digest);
    end(s, MT_SAS_DONE);
}

mt_err mt_sas_start(mt_sas *s, int64_t now_ms, mt_sas_msg *out) {
    if (s->state != MT_SAS_IDLE)
        return MT_ESTATE;
    mt_sas_msg msg = {.kind = MT_SAS_NOTHING};
    s->due_ms = now_ms + MT_SAS_LIMIT_MS;
    s->state = s->setup.a ? MT_SAS_WAIT_NONCE : MT_SAS_WAIT_COMMIT;
    if (s->setup.a) {
        msg.kind = MT_SAS_COMMIT;
        commitment(s, msg.value);
    }
    *out = msg;
    return MT_OK;
}

static void on_commit(mt_sas *s, const mt_sas_msg *in, mt_sas_msg *out) {
    memcpy(s->commit, in->value, MT_SAS_BYTES);
    out->kind = MT_SAS_NONCE;
    memcpy(out->value, s->nonce_own, MT_SAS_BYTES);
    s->state = MT_SAS_WAIT_REVEAL;
}

static void on_nonce(mt_sas *s, const mt_sas_msg *in, mt_sas_msg *out) {
    memcpy(s->nonce_peer, in->value, MT_SAS_BYTES);
    out->kind = MT_SAS_REVEAL;
    memcpy(out->value, s->nonce_own, MT_SAS_BYTES);
    find_words(s);
}

static mt_err on_reveal(mt_sas *s, const mt_sas_msg *in) {
    uint8_t expected[MT_SAS_BYTES];
    memcpy(s->nonce_peer, in->value, MT_SAS_BYTES);
    commitment(s, expected);
    if (!mt_ct_equal(expected, s->commit, sizeof expected))
        return fail(s);
    find_words(s);
    return MT_OK;
}

mt_err mt_sas_input(mt_sas *s, const mt_sas_msg *in, int64_t now_ms, mt_sas_msg *out) {
    mt_sas_msg reply = {.kind = MT_SAS_NOTHING};
    mt_err err = MT_OK;
    if (now_ms >= s->due_ms)
        return mt_sas_tick(s, now_ms);
    if (s->state == MT_SAS_WAIT_COMMIT && in->kind == MT_SAS_COMMIT)
        on_commit(s, in, &reply);
    else if (s->state == MT_SAS_WAIT_NONCE && in->kind == MT_SAS_NONCE)
        on_nonce(s, in, &reply);
    else if (s->state == MT_SAS_WAIT_REVEAL && in->kind == MT_SAS_REVEAL)
        err = on_reveal(s, in);
    else
        err = fail(s);
    if (err == MT_OK)
        *out = reply;
    return err;
}

mt_err mt_sas_tick(mt_sas *s, int64_t now_ms) {
    if (now_ms < s->due_ms)
        return MT_OK;
    end(s, MT_SAS_FAILED);
    return MT_ETIMEOUT;
}

int64_t mt_sas_next_ms(const mt_sas *s) {
    return s->due_ms;
}

mt_err mt_sas_words(const mt_sas *s, const char *out[MT_SAS_WORDS]) {
    if (s->state != MT_SAS_DONE)
        return MT_ESTATE;
    for (size_t i = 0; i < MT_SAS_WORDS; i++)
        out[i] = mt_sas_wordlist[s->word_index[i]];
    return MT_OK;
}
