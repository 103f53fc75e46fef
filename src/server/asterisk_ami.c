#include "server/asterisk_ami.h"

#include "base/timerq.h"

#define LOGIN_ID 1u /* ids of commands begin above */
#define PING_ID 2u
#define ID_FIRST 16u
#define ANSWER_MS 5000 /* Asterisk is deaf for a while when it reloads */
#define QUIET_MS 20000 /* then it is asked for a sign of life */

void mt_ami_init(mt_ami *m, const mt_ami_events *events, void *ctx) {
    *m = (mt_ami){.events = events, .ctx = ctx, .dead = true};
    mt_buf_init(&m->in, MT_AMI_MESSAGE_MAX);
    mt_buf_init(&m->out, MT_AMI_OUT_MAX);
}

void mt_ami_deinit(mt_ami *m) {
    mt_buf_wipe(&m->in);
    mt_buf_wipe(&m->out);
}

static void expect_answer(mt_ami *m, int64_t now_ms) {
    if (m->asked++ == 0)
        m->asked_ms = now_ms;
}

void mt_ami_begin(mt_ami *m, mt_slice user, mt_slice secret, int64_t now_ms) {
    mt_buf_reset(&m->in);
    mt_buf_reset(&m->out);
    m->greeted = m->ready = m->dead = false;
    m->asked = 0;
    m->heard_ms = m->pinged_ms = now_ms;
    mt_buf_printf(&m->out, "Action: Login\r\nActionID: %u\r\nUsername: ", LOGIN_ID);
    mt_buf_add_slice(&m->out, user);
    mt_buf_add_str(&m->out, "\r\nSecret: ");
    mt_buf_add_slice(&m->out, secret);
    mt_buf_add_str(&m->out, "\r\nEvents: system,call\r\n\r\n");
    expect_answer(m, now_ms);
}

static mt_slice cut_line(mt_slice *rest) {
    mt_slice line = mt_slice_cut(rest, '\n');
    if (line.len > 0 && line.p[line.len - 1] == '\r')
        line.len--;
    return line;
}

static mt_slice value_of(mt_slice line, const char *key) {
    size_t len = strlen(key);
    if (!mt_slice_starts_nocase(line, key) || line.len <= len || line.p[len] != ':')
        return (mt_slice){NULL, 0};
    return mt_slice_trim(mt_slice_n(line.p + len + 1, line.len - len - 1));
}

mt_slice mt_ami_value(mt_slice text, const char *key) {
    while (text.len > 0) {
        mt_slice value = value_of(cut_line(&text), key);
        if (value.p != NULL)
            return value;
    }
    return (mt_slice){NULL, 0};
}

bool mt_ami_output(mt_slice *rest, mt_slice *line) {
    while (rest->len > 0) {
        mt_slice found = value_of(cut_line(rest), "Output");
        if (found.p == NULL)
            continue;
        *line = found;
        return true;
    }
    return false;
}

static void on_answer(mt_ami *m, mt_slice text, int64_t now_ms) {
    uint64_t id;
    if (mt_slice_to_u64(mt_ami_value(text, "ActionID"), UINT32_MAX, &id) != MT_OK)
        return;
    bool success = mt_slice_is_nocase(mt_ami_value(text, "Response"), "Success");
    if (m->asked > 0)
        m->asked--;
    m->asked_ms = now_ms;
    if (id >= ID_FIRST) {
        m->events->answer(m->ctx, (uint32_t)id - ID_FIRST, success, text);
    } else if (id == LOGIN_ID && success) {
        m->ready = true;
        m->events->ready(m->ctx);
    } else if (id == LOGIN_ID) {
        m->dead = true;
        m->events->refused(m->ctx, mt_ami_value(text, "Message"));
    }
}

static void on_message(mt_ami *m, mt_slice text, int64_t now_ms) {
    if (mt_slice_starts_nocase(text, "Response:")) {
        on_answer(m, text, now_ms);
    } else if (mt_slice_starts_nocase(text, "Event:") && m->ready) {
        m->events->event(m->ctx, mt_ami_value(text, "Event"), text);
    }
}

/* The end of the first message in text, behind its empty line; 0: it is not whole. */
static size_t message_end(mt_slice text) {
    for (mt_slice rest = text; rest.len > 0;) {
        if (mt_slice_find(rest, '\n') == rest.len)
            return 0;
        if (cut_line(&rest).len == 0)
            return text.len - rest.len;
    }
    return 0;
}

/* The first line names the service and stands alone. */
static mt_err greet(mt_ami *m) {
    static const char word[] = "Asterisk Call Manager";
    mt_slice in = mt_buf_slice(&m->in);
    size_t n = in.len < sizeof word - 1 ? in.len : sizeof word - 1;
    size_t end = mt_slice_find(in, '\n');
    if (memcmp(in.p, word, n) != 0 || (end == in.len && in.len > 200))
        return MT_EBAD;
    if (end < in.len) {
        m->greeted = true;
        mt_buf_consume(&m->in, end + 1);
    }
    return MT_OK;
}

mt_err mt_ami_input(mt_ami *m, mt_slice bytes, int64_t now_ms) {
    if (m->dead || bytes.len == 0)
        return m->dead ? MT_EBAD : MT_OK;
    m->heard_ms = now_ms;
    mt_buf_add_slice(&m->in, bytes);
    if (mt_buf_err(&m->in) != MT_OK || (!m->greeted && greet(m) != MT_OK)) {
        m->dead = true;
        return MT_EBAD;
    }
    size_t done = 0;
    while (m->greeted && !m->dead) {
        mt_slice text = mt_slice_n(m->in.p + done, m->in.len - done);
        size_t end = text.len > 0 ? message_end(text) : 0;
        if (end == 0)
            break;
        on_message(m, mt_slice_n(text.p, end), now_ms);
        done += end;
    }
    mt_buf_consume(&m->in, done);
    return m->dead ? MT_EBAD : MT_OK;
}

static void ask(mt_ami *m, const char *action, uint32_t id, int64_t now_ms) {
    mt_buf_printf(&m->out, "Action: %s\r\nActionID: %u\r\n", action, (unsigned)id);
    expect_answer(m, now_ms);
}

mt_err mt_ami_command(mt_ami *m, mt_slice command, uint32_t id, int64_t now_ms) {
    if (!m->ready || m->dead)
        return MT_ESTATE;
    for (size_t i = 0; i < command.len; i++) {
        if ((unsigned char)command.p[i] < ' ' || command.p[i] == 127)
            return MT_EINVAL;
    }
    if (m->out.len + command.len + 128 > MT_AMI_OUT_MAX)
        return MT_ELIMIT;
    ask(m, "Command", id + ID_FIRST, now_ms);
    mt_buf_add_str(&m->out, "Command: ");
    mt_buf_add_slice(&m->out, command);
    mt_buf_add_str(&m->out, "\r\n\r\n");
    return mt_buf_err(&m->out);
}

mt_err mt_ami_tick(mt_ami *m, int64_t now_ms) {
    if (m->dead)
        return MT_OK;
    if (m->asked > 0 && now_ms - m->asked_ms >= ANSWER_MS) {
        m->dead = true;
        return MT_ETIMEOUT;
    }
    if (m->asked == 0 && m->ready && now_ms >= mt_ami_next_ms(m)) {
        m->pinged_ms = now_ms;
        ask(m, "Ping", PING_ID, now_ms);
        mt_buf_add_str(&m->out, "\r\n");
    }
    return MT_OK;
}

int64_t mt_ami_next_ms(const mt_ami *m) {
    if (m->dead)
        return MT_NEVER;
    if (m->asked > 0)
        return m->asked_ms + ANSWER_MS;
    return (m->heard_ms > m->pinged_ms ? m->heard_ms : m->pinged_ms) + QUIET_MS;
}
