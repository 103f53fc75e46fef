#include "server/suspension.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "server/console.h"
#include "server/server_int.h"
#include "server/web.h"

const char *const mt_suspension_reasons[MT_REPORT_REASONS] = {
    [MT_REPORT_HARASSMENT] = "harassment", [MT_REPORT_SEXUAL] = "sexual", [MT_REPORT_MINOR] = "minor",
    [MT_REPORT_THREAT] = "threat",         [MT_REPORT_SPAM] = "spam",     [MT_REPORT_OTHER] = "other"};

/* The bytes by which his address counts; none where addresses do not. */
static mt_slice address_of(const mt_session *s, uint8_t key[8]) {
    size_t len = mt_limits_counts(&s->srv->limits, &s->login_addr) ? mt_addr_limit_key(&s->login_addr, key) : 0;
    return mt_slice_n(key, len);
}

static mt_conduct_mark mark_of(const mt_session *s, int64_t now_ms) {
    uint8_t key[8];
    return mt_conduct_mark_of(s->srv->conduct, mt_user_exten(s->user), address_of(s, key), now_ms);
}

/* True: suspended, and was not before. */
static bool bar(mt_session *s, int64_t now_ms) {
    uint8_t key[8];
    int64_t until_ms = mt_conduct_until_ms(s->srv->conduct, mt_user_exten(s->user), address_of(s, key), now_ms);
    if (until_ms <= now_ms || until_ms <= mt_user_barred_until_ms(s->user))
        return false;
    mt_match_bar(s->srv->match, s->user, until_ms, now_ms);
    mt_console_user(s, "suspended", NULL);
    mt_session_changed(s);
    return true;
}

void mt_suspension_login(mt_session *s, int64_t now_ms) {
    (void)bar(s, now_ms);
}

void mt_suspension_logout(mt_session *s) {
    mt_conduct_forget(s->srv->conduct, mt_user_exten(s->user));
}

/* Whether he knows of that pair: who was never told of it cannot mean it. */
static bool knew(const mt_session *s, const mt_pair *pair) {
    bool told = s->was_told && memcmp(s->told, mt_pair_id(pair), sizeof s->told) == 0;
    return told || s->turn.req == NULL;
}

static void remember(mt_session *s, const mt_session *other, const mt_pair *pair, int64_t now_ms) {
    if (!knew(s, pair))
        return;
    s->last = (mt_session_last){.there = true,
                                .partner = mt_user_exten(other->user),
                                .mark = mark_of(other, now_ms),
                                .was_up = mt_pair_is_up(pair),
                                .lasted_s = (uint32_t)((now_ms - s->drawn_ms) / 1000)};
    memcpy(s->last.pair, mt_pair_id(pair), sizeof s->last.pair);
    memcpy(s->last.label, other->label, sizeof s->last.label);
}

void mt_suspension_pair_ended(mt_pair *pair, int64_t now_ms) {
    mt_session *caller = mt_session_of(mt_pair_caller(pair)), *callee = mt_session_of(mt_pair_callee(pair));
    if (caller == NULL || callee == NULL)
        return;
    remember(caller, callee, pair, now_ms);
    remember(callee, caller, pair, now_ms);
}

mt_session_last *mt_suspension_last(mt_session *s, const uint8_t pair[MT_PAIR_ID_BYTES]) {
    return s->last.there && memcmp(s->last.pair, pair, sizeof s->last.pair) == 0 ? &s->last : NULL;
}

/* Names him by his label of the log, and by his nickname while he is there to have one. The other only by his label. */
static void write_report(mt_session *s, mt_suspension_reason reason, mt_slice note, int64_t wall_s, mt_buf *out) {
    const mt_session *about = mt_session_by_exten(s->srv, s->last.partner);
    char when[MT_REPORTS_TIME];
    mt_reports_time(wall_s, when);
    mt_buf_printf(out, "{\"time\":\"%s\",\"reason\":\"%s\",\"note\":", when, mt_suspension_reasons[reason]);
    mt_json_str(out, note);
    mt_buf_printf(out, ",\n \"about\":{\"label\":\"%s\",\"exten\":\"%u\",\"name\":", s->last.label,
                  (unsigned)s->last.partner);
    if (about != NULL)
        mt_json_str(out, mt_user_name(about->user));
    else
        mt_buf_add_str(out, "null");
    mt_buf_printf(out, "},\n \"by\":{\"label\":\"%s\"},\n \"talk\":{\"connected\":%s,\"seconds\":%u}}\n", s->label,
                  s->last.was_up ? "true" : "false", (unsigned)s->last.lasted_s);
}

static void keep_report(mt_session *s, mt_suspension_reason reason, mt_slice note) {
    mt_server *srv = s->srv;
    uint8_t raw[4];
    char id[2 * sizeof raw + 1];
    int64_t wall_s = mt_clock_wall_s();
    if (srv->reports == NULL)
        return;
    mt_buf clean, json;
    mt_buf_init(&clean, MT_REPORTS_BYTES_MAX);
    mt_buf_init(&json, MT_REPORTS_BYTES_MAX);
    mt_text_clean(&clean, note, true);
    write_report(s, reason, mt_buf_slice(&clean), wall_s, &json);
    mt_random_bytes(srv->random, raw, sizeof raw);
    mt_text_hex(raw, sizeof raw, id);
    mt_err err = mt_buf_err(&clean) == MT_OK ? mt_buf_err(&json) : MT_ENOMEM;
    if (err == MT_OK)
        err = mt_reports_write(srv->reports, wall_s, id, mt_buf_slice(&json));
    srv->metrics.reports_lost += err != MT_OK;
    if (err != MT_OK)
        mt_console_trouble(&srv->console, MT_CONSOLE_LIMIT, "a report could not be written", NULL,
                           mt_server_now_ms(srv));
    mt_buf_wipe(&clean);
    mt_buf_wipe(&json);
}

/* All who are suspended by an address; few reports come so far. */
static void bar_all(mt_server *srv, int64_t now_ms) {
    for (mt_user *u = mt_match_next(srv->match, NULL); u != NULL; u = mt_match_next(srv->match, u))
        (void)bar(mt_session_of(u), now_ms);
}

void mt_suspension_report(mt_session *s, mt_suspension_reason reason, mt_slice note, int64_t now_ms) {
    mt_server *srv = s->srv;
    mt_session *about = mt_session_by_exten(srv, s->last.partner);
    mt_conduct_mark by = mark_of(s, now_ms);
    mt_conduct_verdict verdict;
    if (s->last.reported)
        return;
    s->last.reported = true;
    srv->metrics.reports[reason]++;
    if (about != NULL)
        mt_console_user(about, "reported", mt_suspension_reasons[reason]);
    keep_report(s, reason, note);
    mt_err err = mt_conduct_report(srv->conduct, &s->last.mark, &by, now_ms, &verdict);
    if (err != MT_OK)
        mt_log(MT_LOG_WARN, "conduct", "a report was not counted: %s", mt_err_str(err));
    srv->metrics.suspended[0] += verdict.login_until_ms > 0;
    srv->metrics.suspended[1] += verdict.address_until_ms > 0;
    if (verdict.address_until_ms > 0)
        bar_all(srv, now_ms);
    else if (verdict.login_until_ms > 0 && about != NULL)
        (void)bar(about, now_ms);
    if (about == NULL) /* he is gone, and what counts is his address */
        mt_conduct_forget(srv->conduct, s->last.partner);
}

static void add_time(mt_buf *out, uint32_t left_s) {
    if (left_s < 120)
        mt_buf_printf(out, "%u seconds", (unsigned)left_s);
    else if (left_s < 7200)
        mt_buf_printf(out, "%u minutes", (unsigned)((left_s + 59) / 60));
    else
        mt_buf_printf(out, "%u hours", (unsigned)((left_s + 3599) / 3600));
}

static void add_detail(mt_buf *out, const char *contact, uint32_t left_s) {
    mt_buf_add_str(out, "People who were drawn with you, or with others at your address, have reported how they were "
                        "treated. You take part in no draw for another ");
    add_time(out, left_s);
    if (contact != NULL)
        mt_buf_printf(out, ". If you think that this is wrong, write to %s.", contact);
    else
        mt_buf_add_str(out, ". The operator of this server has named no address to object to.");
}

void mt_suspension_answer(mt_session *s, mt_http_req *req, int64_t now_ms) {
    const char *contact = s->srv->opt.contact;
    int64_t left_ms = mt_user_barred_until_ms(s->user) - now_ms;
    uint32_t left_s = left_ms > 0 ? (uint32_t)((left_ms + 999) / 1000) : 1;
    char header[40];
    mt_buf detail, member;
    mt_buf_init(&detail, 2048);
    mt_buf_init(&member, 4096);
    (void)snprintf(header, sizeof header, "Retry-After: %u\r\n", (unsigned)left_s);
    add_detail(&detail, contact, left_s);
    mt_buf_printf(&member, "\"retry_after_s\":%u,\"contact\":", (unsigned)left_s);
    if (contact != NULL)
        mt_json_str(&member, mt_slice_of(contact));
    else
        mt_buf_add_str(&member, "null");
    mt_buf_add_str(&member, ",\"detail\":");
    mt_json_str(&member, mt_buf_slice(&detail));
    mt_web_problem_more(s->srv, req, MT_WEB_SUSPENDED, header, mt_buf_err(&member) == MT_OK ? member.p : NULL);
    mt_buf_deinit(&detail);
    mt_buf_deinit(&member);
}
