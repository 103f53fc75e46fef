#include "server/console.h"

#include "base/log.h"

#define WINDOW_MS 10000
#define SHOWN_MAX 5

#define WHO_BYTES 192

/* "a3kf9x 111000", with the nickname where names may appear. */
static const char *who(const mt_session *s, char out[WHO_BYTES]) {
    mt_slice name = mt_user_name(s->user);
    bool names = mt_log_names();
    (void)snprintf(out, WHO_BYTES, "%s %u%s%.*s%s", s->label, (unsigned)mt_user_exten(s->user), names ? " \"" : "",
                   names ? (int)name.len : 0, name.p, names ? "\"" : "");
    return out;
}

void mt_console_user(const mt_session *s, const char *event, const char *detail) {
    char w[WHO_BYTES];
    if (mt_log_on(MT_LOG_INFO))
        mt_log(MT_LOG_INFO, event, "%s%s%s", who(s, w), detail != NULL ? " " : "", detail != NULL ? detail : "");
}

void mt_console_status(const mt_session *s, mt_status was) {
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
    const mt_session *caller = mt_session_of(mt_pair_caller(pair));
    const mt_session *callee = mt_session_of(mt_pair_callee(pair));
    char a[WHO_BYTES], b[WHO_BYTES];
    if (mt_log_names() && caller != NULL && callee != NULL) {
        mt_log(MT_LOG_INFO, event, "%s and %s%s", who(caller, a), who(callee, b), detail);
        return;
    }
    if (caller != NULL)
        mt_log(MT_LOG_INFO, event, "%s caller%s", who(caller, a), detail);
    if (callee != NULL)
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
    (void)snprintf(detail, sizeof detail, ", %s", mt_pair_end_str(why));
    both(pair, mt_pair_is_up(pair) ? "call down" : "pair over", detail);
}

void mt_console_trouble(mt_console *c, mt_console_kind kind, const char *what, const mt_addr *a, int64_t now_ms) {
    static const char *const events[] = {"limit", "refused", "auth", "sip"};
    if (now_ms - c->kinds[kind].since_ms >= WINDOW_MS || c->kinds[kind].shown == 0) {
        if (c->kinds[kind].hidden > 0)
            mt_log(MT_LOG_WARN, events[kind], "and %u more like these", c->kinds[kind].hidden);
        c->kinds[kind].since_ms = now_ms;
        c->kinds[kind].shown = c->kinds[kind].hidden = 0;
    }
    if (c->kinds[kind].shown >= SHOWN_MAX) {
        c->kinds[kind].hidden++;
        return;
    }
    c->kinds[kind].shown++;
    char text[MT_ADDR_STRLEN];
    if (a != NULL && mt_log_on(MT_LOG_DEBUG)) {
        mt_addr_format(a, text);
        mt_log(MT_LOG_WARN, events[kind], "%s (%s)", what, text);
    } else {
        mt_log(MT_LOG_WARN, events[kind], "%s", what);
    }
}
