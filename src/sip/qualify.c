#include "sip/machine.h"

/* A UDP binding shows no sign of its own when its user is gone, so he is asked. */
void mt_sip_qualify_due(mt_timer *timer, void *ctx, int64_t now_ms) {
    mt_sip_server *s = ctx;
    mt_sip_account *a = MT_CONTAINER(timer, mt_sip_account, qualify);
    s->now_ms = now_ms;
    char branch[MT_SIP_BRANCH_CHARS], id[MT_SIP_ID_CHARS], tag[MT_SIP_TAG_CHARS], alias[16] = "";
    mt_sip_branch(s, branch);
    mt_sip_hex_id(s, id, sizeof(id));
    mt_sip_hex_id(s, tag, sizeof(tag));
    s->policy.alias(s->policy_ctx, a->user, alias);
    alias[sizeof(alias) - 1] = '\0';
    mt_slice method = MT_SLICE_LIT("OPTIONS"), domain = mt_slice_of(s->cfg.domain), bytes;
    mt_sip_writer w;
    mt_sip_out_begin(s, &w);
    mt_sip_write_request(&w, method, mt_sip_rewrite_target(mt_sip_str_slice(&a->contact)));
    mt_sip_rewrite_via(s, &w, &a->flow, branch);
    mt_sip_write_u64(&w, "Max-Forwards", 70);
    const mt_slice from[] = {MT_SLICE_LIT("<sip:"), domain, MT_SLICE_LIT(">;tag="), mt_slice_n(tag, sizeof(tag))};
    const mt_slice to[] = {MT_SLICE_LIT("<sip:"), mt_slice_of(alias), MT_SLICE_LIT("@"), domain, MT_SLICE_LIT(">")};
    mt_sip_write_pieces(&w, "From", from, 4);
    mt_sip_write_pieces(&w, "To", to, 5);
    mt_sip_write_header(&w, "Call-ID", mt_slice_n(id, sizeof(id)));
    mt_sip_write_cseq(&w, 1, method);
    mt_sip_write_str(&w, "Accept", "application/sdp");
    mt_sip_ctxn *t = NULL;
    if (mt_sip_out_end(s, &w, &a->flow, NULL, &bytes) == MT_OK)
        t = mt_sip_ctxn_make(s, &(mt_sip_ctxn_start){.kind = MT_SIP_CTXN_QUALIFY,
                                                     .method = MT_SIP_METHOD_OPTIONS,
                                                     .flow = &a->flow,
                                                     .branch = branch,
                                                     .cseq = 1,
                                                     .limit_ms = s->cfg.qualify_limit_ms,
                                                     .request = bytes});
    if (t != NULL)
        t->user = a->user;
    else
        mt_timer_set(&s->timerq, &a->qualify, now_ms + s->cfg.qualify_ms);
}

void mt_sip_qualify_done(mt_sip_server *s, const mt_sip_ctxn *t, bool answered) {
    mt_sip_account *a = mt_sip_account_get(s, t->user);
    if (a == NULL || !a->bound || !mt_sip_flow_eq(&a->flow, &t->flow) || a->qualify.armed)
        return; /* he registered again meanwhile */
    if (answered)
        mt_timer_set(&s->timerq, &a->qualify, s->now_ms + s->cfg.qualify_ms);
    else
        mt_sip_location_unbind(s, a, 2);
}
