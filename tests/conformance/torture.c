#include "torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A text under construction. */
typedef struct out {
    char *p;
    size_t len, max;
} out;

static void put(out *o, char c) {
    if (o->len == o->max)
        fail_msg("too long");
    o->p[o->len++] = c;
}

/* "N*text}" */
static const char *repeat(out *o, const char *s) {
    char *text;
    unsigned long n = strtoul(s, &text, 10);
    const char *end = strchr(s, '}');
    if (end == NULL || *text != '*')
        fail_msg("bad repetition: %.40s", s);
    for (; n > 0; n--) {
        for (const char *c = text + 1; c < end; c++)
            put(o, *c);
    }
    return end + 1;
}

/* s is behind a backslash. */
static const char *escape(out *o, const char *s) {
    if (*s == '{')
        return repeat(o, s + 1);
    if (*s == '\n')
        return s + 1;
    if (*s == 'x') {
        char hex[3] = {s[1], s[1] != '\0' ? s[2] : '\0', '\0'};
        put(o, (char)strtoul(hex, NULL, 16));
        return s + 3;
    }
    if (*s != '\\')
        fail_msg("bad escape: %.40s", s);
    put(o, '\\');
    return s + 1;
}

static size_t unescape(const char *s, char *text, size_t max) {
    out o = {.p = text, .max = max};
    while (*s != '\0') {
        if (*s == '\\') {
            s = escape(&o, s + 1);
            continue;
        }
        if (*s == '\n')
            put(&o, '\r');
        put(&o, *s++);
    }
    return o.len;
}

static void unescape_text(const char *s, char *text, size_t bytes) {
    text[unescape(s, text, bytes - 1)] = '\0';
}

static void read_check(torture *t, char *value) {
    char *eq = strstr(value, " =");
    assert_non_null(eq);
    assert_true(t->check_count < TORTURE_CHECKS_MAX);
    *eq = '\0';
    (void)snprintf(t->checks[t->check_count].name, sizeof(t->checks[0].name), "%s", value);
    const char *text = eq[2] == ' ' ? eq + 3 : eq + 2;
    unescape_text(text, t->checks[t->check_count].value, sizeof(t->checks[0].value));
    t->check_count++;
}

static void read_key(torture *t, const char *key, char *value) {
    if (strcmp(key, "section") == 0) {
        size_t n = strcspn(value, " ");
        (void)snprintf(t->section, sizeof(t->section), "%.*s", (int)n, value);
        (void)snprintf(t->title, sizeof(t->title), "%s", value + n);
    } else if (strcmp(key, "parse") == 0) {
        (void)snprintf(t->parse, sizeof(t->parse), "%s", value);
    } else if (strcmp(key, "answer") == 0) {
        t->answer = strcmp(value, "none") != 0 ? (unsigned)strtoul(value, NULL, 10) : 0;
    } else if (strcmp(key, "check") == 0) {
        read_check(t, value);
    } else if (strcmp(key, "why") != 0) {
        fail_msg("unknown key %s", key);
    }
}

void torture_read(const char *path, torture *t) {
    static char file[TORTURE_TEXT_MAX];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    file[fread(file, 1, sizeof(file) - 1, f)] = '\0';
    assert_true(feof(f));
    assert_int_equal(fclose(f), 0);
    *t = (torture){.len = 0};
    char *line = file;
    for (;;) {
        char *end = strchr(line, '\n');
        if (end == NULL)
            fail_msg("%s: no message", path);
        *end = '\0';
        if (strcmp(line, "----") == 0) {
            t->len = unescape(end + 1, t->text, sizeof(t->text));
            break;
        }
        char *colon = strstr(line, ": ");
        if (colon == NULL)
            fail_msg("%s: %s", path, line);
        *colon = '\0';
        read_key(t, line, colon + 2);
        line = end + 1;
    }
    assert_true(t->section[0] != '\0' && t->parse[0] != '\0');
}

static void text_of(mt_slice s, char *text, size_t bytes) {
    assert_true(s.len < bytes);
    if (s.len > 0)
        memcpy(text, s.p, s.len);
    text[s.len] = '\0';
}

static void number_of(long long n, char *text, size_t bytes) {
    (void)snprintf(text, bytes, "%lld", n);
}

static void uri_field(const mt_sip_uri *u, const char *name, char *text, size_t bytes) {
    char room[512];
    mt_slice user = {NULL, 0};
    if (strcmp(name, "user") == 0)
        text_of(u->user, text, bytes);
    else if (strcmp(name, "host") == 0)
        text_of(u->host, text, bytes);
    else if (strcmp(name, "scheme") == 0)
        text_of(u->scheme_name, text, bytes);
    else if (strcmp(name, "headers") == 0)
        text_of(u->headers, text, bytes);
    else if (strcmp(name, "uri") == 0)
        text_of(u->raw, text, bytes);
    else if (strcmp(name, "decoded") == 0)
        text_of(mt_sip_uri_user(u, room, sizeof(room), &user) == MT_OK ? user : MT_SLICE_LIT("!bad"), text, bytes);
    else
        fail_msg("unknown field of a URI: %s", name);
}

static void addr_field(const mt_sip_addr *a, const char *name, char *text, size_t bytes) {
    if (strcmp(name, "tag") == 0)
        text_of(a->tag, text, bytes);
    else if (strcmp(name, "display") == 0)
        text_of(a->display, text, bytes);
    else if (strcmp(name, "params") == 0)
        text_of(a->params, text, bytes);
    else if (strcmp(name, "q") == 0)
        number_of(mt_sip_contact_q(a), text, bytes);
    else if (strcmp(name, "expires") == 0)
        number_of(mt_sip_contact_expires(a, -1), text, bytes);
    else
        uri_field(&a->uri, name, text, bytes);
}

static void via_field(const mt_sip_via *v, const char *name, char *text, size_t bytes) {
    if (strcmp(name, "transport") == 0)
        text_of(v->transport, text, bytes);
    else if (strcmp(name, "host") == 0)
        text_of(v->host, text, bytes);
    else if (strcmp(name, "branch") == 0)
        text_of(v->branch, text, bytes);
    else
        fail_msg("unknown field of Via: %s", name);
}

/* "contact1.user": "contact" and 1 of count; *rest is "user". */
static bool indexed(const char *name, const char *what, size_t count, size_t *index, const char **rest) {
    size_t len = strlen(what);
    if (strncmp(name, what, len) != 0 || name[len] < '0' || name[len] > '9')
        return false;
    char *end;
    *index = (size_t)strtoul(name + len, &end, 10);
    if (*end != '.' || *index >= count)
        fail_msg("%s, of %zu", name, count);
    *rest = end + 1;
    return true;
}

static bool number_field(const mt_sip_msg *m, const char *name, char *text, size_t bytes) {
    const struct {
        const char *name;
        long long value;
    } rows[] = {
        {"cseq", m->cseq},
        {"max-forwards", m->max_forwards},
        {"expires", m->expires_s},
        {"vias", (long long)m->via_count},
        {"contacts", (long long)m->contact_count},
        {"routes", (long long)m->route_count},
        {"record-routes", (long long)m->record_route_count},
        {"body", (long long)m->body.len},
        {"status", m->status},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(name, rows[i].name) != 0)
            continue;
        number_of(rows[i].value, text, bytes);
        return true;
    }
    return false;
}

static bool text_field(const mt_sip_msg *m, const char *name, char *text, size_t bytes) {
    const struct {
        const char *name;
        mt_slice value;
    } rows[] = {{"method", m->method_name},
                {"cseq-method", m->cseq_method},
                {"call-id", m->call_id},
                {"reason", m->reason},
                {"content-type", m->content_type}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(name, rows[i].name) != 0)
            continue;
        text_of(rows[i].value, text, bytes);
        return true;
    }
    return false;
}

void torture_field(const mt_sip_msg *m, const char *name, char *text, size_t bytes) {
    size_t i;
    const char *rest;
    if (number_field(m, name, text, bytes) || text_field(m, name, text, bytes))
        return;
    if (strncmp(name, "uri.", 4) == 0)
        uri_field(&m->uri, name + 4, text, bytes);
    else if (strncmp(name, "to.", 3) == 0)
        addr_field(&m->to, name + 3, text, bytes);
    else if (strncmp(name, "from.", 5) == 0)
        addr_field(&m->from, name + 5, text, bytes);
    else if (indexed(name, "via", m->via_count, &i, &rest))
        via_field(&m->vias[i], rest, text, bytes);
    else if (indexed(name, "contact", m->contact_count, &i, &rest))
        addr_field(&m->contacts[i], rest, text, bytes);
    else if (indexed(name, "route", m->route_count, &i, &rest))
        addr_field(&m->routes[i], rest, text, bytes);
    else
        fail_msg("unknown field %s", name);
}
