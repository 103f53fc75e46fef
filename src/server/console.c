#include "server/console.h"

#include "base/log.h"
#include "base/text.h"
#include "server/server_int.h"

#define WINDOW_MS 10000
#define SHOWN_MAX 5
#define USER_MAX 100

#define WHO_BYTES 192

/* "a3kf9x 111000", with the nickname where names may appear. */
static const char *who(const mt_session *s, char out[WHO_BYTES]) {
    char exten[MT_TEXT_DECIMAL];
    const mt_slice pieces[] = {
        mt_slice_of(s->label), MT_SLICE_LIT(" "),     mt_slice_of(mt_text_decimal(mt_user_exten(s->user), exten)),
        MT_SLICE_LIT(" \""),   mt_user_name(s->user), MT_SLICE_LIT("\"")};
    return mt_text_join(pieces, mt_log_names() ? 6 : 3, out, WHO_BYTES);
}

/* False: the window has had its lines. *more: how many were hidden in the one before, to be told first. */
static bool take(mt_console_quota *q, uint32_t max, int64_t now_ms, uint32_t *more) {
    *more = 0;
    if (now_ms - q->since_ms >= WINDOW_MS || q->shown == 0) {
        *more = q->hidden;
        *q = (mt_console_quota){.since_ms = now_ms};
    }
    if (q->shown >= max) {
        q->hidden++;
        return false;
    }
    q->shown++;
    return true;
}

static void tell_hidden(const mt_session *s, uint32_t count) {
    char w[WHO_BYTES];
    if (count > 0)
        mt_log(MT_LOG_INFO, "again", "%s %u more events of his", who(s, w), (unsigned)count);
}

/* Whether one more line about this user may be shown. */
static bool may_tell(mt_session *s) {
    uint32_t more;
    bool may = mt_log_on(MT_LOG_INFO) && take(&s->lines, USER_MAX, mt_server_now_ms(s->srv), &more);
    if (may)
        tell_hidden(s, more);
    return may;
}

static void tell(const mt_session *s, const char *event, const char *detail) {
    char w[WHO_BYTES];
    if (mt_log_on(MT_LOG_INFO))
        mt_log(MT_LOG_INFO, event, "%s%s%s", who(s, w), detail != NULL ? " " : "", detail != NULL ? detail : "");
}

void mt_console_user(mt_session *s, const char *event, const char *detail) {
    if (may_tell(s))
        tell(s, event, detail);
}

void mt_console_login(mt_session *s) {
    tell(s, "login", NULL);
}

void mt_console_logout(mt_session *s, const char *why) {
    if (mt_log_on(MT_LOG_INFO))
        tell_hidden(s, s->lines.hidden);
    tell(s, "logout", why);
}

void mt_console_status(mt_session *s, mt_status was) {
    static const char *const words[] = {"busy", "ready", "paired", "ready to talk"};
    mt_status is = mt_user_status(s->user);
    char w[WHO_BYTES];
    if (is == MT_READY && was == MT_BUSY)
        mt_console_user(s, "ready", NULL);
    else if (mt_log_on(MT_LOG_DEBUG))
        mt_log(MT_LOG_DEBUG, "status", "%s %s -> %s", who(s, w), words[was], words[is]);
}

/* Both in one line only where names may appear: who talks with whom is not to be read off a stored log. */
static void both(const mt_pair *pair, const char *event, const char *detail) {
    if (!mt_log_on(MT_LOG_INFO))
        return;
    mt_session *caller = mt_session_of(mt_pair_caller(pair));
    mt_session *callee = mt_session_of(mt_pair_callee(pair));
    bool tell_caller = caller != NULL && may_tell(caller);
    bool tell_callee = callee != NULL && may_tell(callee);
    char a[WHO_BYTES], b[WHO_BYTES];
    if (mt_log_names() && caller != NULL && callee != NULL) {
        if (tell_caller || tell_callee)
            mt_log(MT_LOG_INFO, event, "%s and %s%s", who(caller, a), who(callee, b), detail);
        return;
    }
    if (tell_caller)
        mt_log(MT_LOG_INFO, event, "%s caller%s", who(caller, a), detail);
    if (tell_callee)
        mt_log(MT_LOG_INFO, event, "%s callee%s", who(callee, b), detail);
}

void mt_console_drawn(const mt_pair *pair) {
    both(pair, "drawn", "");
}

void mt_console_call_up(const mt_pair *pair) {
    both(pair, "call up", "");
}

void mt_console_ended(const mt_pair *pair, mt_pair_end why) {
    char detail[64];
    const mt_slice pieces[] = {MT_SLICE_LIT(", "), mt_slice_of(mt_pair_end_str(why))};
    (void)mt_text_join(pieces, 2, detail, sizeof detail);
    both(pair, mt_pair_is_up(pair) ? "call down" : "pair over", detail);
}

void mt_console_trouble(mt_console *c, mt_console_kind kind, const char *what, const mt_addr *a, int64_t now_ms) {
    static const char *const events[] = {"limit", "refused", "auth", "sip"};
    uint32_t more;
    bool may = take(&c->kinds[kind], SHOWN_MAX, now_ms, &more);
    if (more > 0)
        mt_log(MT_LOG_WARN, events[kind], "and %u more like these", (unsigned)more);
    if (!may)
        return;
    char text[MT_ADDR_STRLEN];
    if (a != NULL && mt_log_on(MT_LOG_DEBUG)) {
        mt_addr_format(a, text);
        mt_log(MT_LOG_WARN, events[kind], "%s (%s)", what, text);
    } else {
        mt_log(MT_LOG_WARN, events[kind], "%s", what);
    }
}
