/* The gate for a partner's session description. The first byte chooses the rule; what passes is answered, written and
 * read again. */
#include <stdlib.h>

#include "link/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            abort();                                                                                                   \
    } while (0)

static void check_fields(const mt_sdp *s, const mt_sdp_gate *rule) {
    CHECK(strlen(s->ufrag) >= 4 && strlen(s->pwd) >= 22 && s->mid_app[0] != '\0');
    CHECK(s->cbc == rule->cbc && (s->cbc || (s->mid_audio[0] != '\0' && strcmp(s->mid_audio, s->mid_app) != 0)));
    CHECK((s->setup == MT_SDP_ACTPASS) == (rule->offer == NULL));
    CHECK(s->opus_pt != 0 || s->l16_pt != 0);
    CHECK(s->sctp_port != 0 && s->candidate_count <= MT_SDP_MAX_CANDIDATES);
    for (size_t i = 0; i < s->candidate_count; i++) {
        const mt_sdp_candidate *c = &s->candidates[i];
        mt_sdp_candidate again;
        CHECK(!rule->relay_only || c->type == MT_SDP_RELAY);
        CHECK(memchr(c->line, 0, sizeof c->line) != NULL && strpbrk(c->line, "\r\n") == NULL);
        CHECK(mt_sdp_candidate_parse(mt_slice_of(c->line), &again) == MT_OK);
        CHECK(strcmp(again.line, c->line) == 0 && mt_addr_eq(&again.addr, &c->addr));
    }
}

/* What is let in as an ICE restart differs from what was before in ICE alone. */
static void check_restart(const mt_sdp *s, const mt_sdp *before) {
    CHECK(strcmp(s->ufrag, before->ufrag) != 0 && strcmp(s->pwd, before->pwd) != 0);
    CHECK(memcmp(s->fingerprint, before->fingerprint, sizeof s->fingerprint) == 0);
    CHECK(strcmp(s->mid_app, before->mid_app) == 0 && s->opus_pt == before->opus_pt && s->l16_pt == before->l16_pt);
}

/* What an accepted description says survives being written and read. */
static void check_rewrite(const mt_sdp *s, const mt_sdp_gate *rule) {
    static mt_sdp again;
    mt_buf b;
    mt_buf_init(&b, 4 * MT_SDP_MAX_BYTES);
    const mt_sdp_write_options opt = {.session_id = 1, .relay_only = rule->relay_only};
    CHECK(mt_sdp_write(s, &opt, &b) == MT_OK);
    if (b.len <= MT_SDP_MAX_BYTES) {
        CHECK(mt_sdp_parse(mt_buf_slice(&b), rule, &again, NULL) == MT_OK);
        CHECK(again.candidate_count == s->candidate_count && again.opus_pt == s->opus_pt && again.l16_pt == s->l16_pt);
        CHECK(again.l16_first == (s->l16_first && s->l16_pt != 0) && again.direction == s->direction);
        CHECK(again.app_first == s->app_first && again.ptime_ms == s->ptime_ms && again.setup == s->setup);
        CHECK(strcmp(again.ufrag, s->ufrag) == 0 && strcmp(again.pwd, s->pwd) == 0);
        CHECK(memcmp(again.fingerprint, s->fingerprint, sizeof s->fingerprint) == 0);
    }
    mt_buf_deinit(&b);
}

/* Our answer to any accepted offer is an answer to it by our own gate. */
static void check_answer(const mt_sdp *offer) {
    static mt_sdp answer;
    mt_sdp_init_answer(offer, &answer);
    memcpy(answer.ufrag, "abcd", 5);
    memcpy(answer.pwd, "0123456789012345678901", 23);
    const mt_sdp_gate rule = {.offer = offer, .cbc = offer->cbc};
    check_rewrite(&answer, &rule);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static mt_sdp got, ours, before;
    if (len == 0)
        return 0;
    mt_sdp_init_offer(&ours);
    bool cbc = (data[0] & 4) != 0, restart = (data[0] & 8) != 0;
    ours.cbc = cbc;
    before = ours;
    before.setup = (data[0] & 1) != 0 ? MT_SDP_ACTIVE : MT_SDP_ACTPASS;
    memcpy(before.ufrag, "uFr4", 5);
    memcpy(before.pwd, "0123456789012345678901", 23);
    const mt_sdp_gate rule = {.offer = (data[0] & 1) != 0 ? &ours : NULL,
                              .before = restart ? &before : NULL,
                              .cbc = cbc,
                              .relay_only = (data[0] & 2) != 0};
    const char *why = NULL;
    mt_err err = mt_sdp_parse((mt_slice){(const char *)data + 1, len - 1}, &rule, &got, &why);
    CHECK(err == MT_OK || (err == MT_EBAD && why != NULL));
    if (err != MT_OK)
        return 0;
    check_fields(&got, &rule);
    check_rewrite(&got, &rule);
    if (restart)
        check_restart(&got, &before);
    if (rule.offer == NULL)
        check_answer(&got);
    return 0;
}
