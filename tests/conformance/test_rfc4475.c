/* The torture messages of RFC 4475, through the parser and through the whole server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "sip/sip_server.h"
#include "torture.h"

#define MESSAGES 49 /* of RFC 4475 */

static char paths[128][512];
static size_t path_count;
static torture t;
static mt_sip_msg m;

/* --- the parser --- */

/* A copy of exactly that size, so that the sanitizer sees a look behind the end. */
static mt_err parse(const char *p, size_t len, mt_sip_framing framing, char **copy) {
    free(*copy);
    *copy = malloc(len + (len == 0));
    assert_non_null(*copy);
    memcpy(*copy, p, len);
    return mt_sip_msg_parse(mt_slice_n(*copy, len), framing, &m);
}

static void check_fields(const char *path) {
    for (size_t i = 0; i < t.check_count; i++) {
        char got[2048];
        if (strncmp(t.checks[i].name, "answer.", 7) == 0)
            continue;
        torture_field(&m, t.checks[i].name, got, sizeof(got));
        if (strcmp(got, t.checks[i].value) != 0)
            fail_msg("%s: %s is \"%s\" instead of \"%s\"", path, t.checks[i].name, got, t.checks[i].value);
    }
}

static void test_parsed(void **state) {
    char *copy = NULL;
    for (size_t i = 0; i < path_count; i++) {
        torture_read(paths[i], &t);
        mt_err err = parse(t.text, t.len, MT_SIP_DATAGRAM, &copy);
        const char *got = err == MT_OK ? "ok" : mt_sip_bad_str(m.bad);
        if (strcmp(got, t.parse) != 0)
            fail_msg("%s: \"%s\" instead of \"%s\"", paths[i], got, t.parse);
        check_fields(paths[i]);
    }
    free(copy);
}

/* Cut off anywhere, none is a whole request to a stream, and none reads behind its end. */
static void test_prefixes(void **state) {
    char *copy = NULL;
    for (size_t i = 0; i < path_count; i++) {
        torture_read(paths[i], &t);
        for (size_t len = 0; len < t.len; len++) {
            mt_sip_frame frame;
            (void)!parse(t.text, len, MT_SIP_DATAGRAM, &copy);
            (void)!parse(t.text, len, MT_SIP_STREAM, &copy);
            if (mt_sip_frame_cut(mt_slice_n(copy, len), MT_SIP_MAX_MESSAGE_BYTES, &frame) == MT_OK)
                assert_true(frame.len <= len);
        }
    }
    free(copy);
}

/* --- the server --- */

static mt_sip_user find(void *ctx, mt_slice user) {
    return mt_slice_is(user, "user") ? 1 : 0;
}
static bool ha1(void *ctx, mt_sip_user user, mt_slice username, uint8_t md5[16], uint8_t sha256[32]) {
    return false;
}
static bool may_call(void *ctx, mt_sip_user caller, mt_sip_user callee, mt_sip_pair *out) {
    return false;
}
static void alias(void *ctx, mt_sip_user user, char out[16]) {
    memcpy(out, "111000", 7);
}

typedef struct answers {
    size_t count;
    unsigned status;
    char text[4 * TORTURE_TEXT_MAX];
    size_t len;
} answers;

static mt_sip_server *server;
static uint64_t seed;
static answers a;

static void server_start(void) {
    static const mt_sip_policy policy = {.find = find, .ha1 = ha1, .may_call = may_call, .alias = alias};
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    seed = 4475;
    assert_int_equal(mt_sip_server_create(&cfg, mt_random_seeded(&seed), &policy, NULL, &server), MT_OK);
}

static mt_sip_flow flow_of(mt_sip_transport transport) {
    mt_sip_flow f = {.transport = transport, .conn = transport == MT_SIP_UDP ? 0 : 1};
    assert_int_equal(mt_addr_parse(MT_SLICE_LIT("198.51.100.7:5099"), &f.addr), MT_OK);
    return f;
}

/* Every answer is well-formed and goes back where the message came from. */
static void take(const mt_sip_flow *flow, const char *path) {
    mt_sip_action action;
    while (mt_sip_server_action(server, &action) == MT_OK) {
        if (action.kind != MT_SIP_SEND)
            continue;
        assert_true(action.flow.transport == flow->transport && mt_addr_eq(&action.flow.addr, &flow->addr));
        assert_true(action.bytes.len < sizeof(a.text));
        memcpy(a.text, action.bytes.p, action.bytes.len);
        a.text[a.len = action.bytes.len] = '\0';
        if (mt_sip_msg_parse(mt_slice_n(a.text, a.len), MT_SIP_STREAM, &m) != MT_OK)
            fail_msg("%s: %s in the answer\n%s", path, mt_sip_bad_str(m.bad), a.text);
        assert_false(m.is_request);
        a.status = m.status;
        a.count++;
    }
}

static void input(const char *p, size_t len, mt_sip_transport transport, const char *path) {
    mt_sip_flow flow = flow_of(transport);
    char *copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, p, len);
    a.count = a.status = 0;
    a.len = 0;
    a.text[0] = '\0';
    assert_int_equal(mt_sip_server_input(server, &flow, mt_slice_n(copy, len), 1000), MT_OK);
    free(copy);
    take(&flow, path);
}

static void expect_answer(const char *path) {
    if (a.status != t.answer || a.count != (t.answer != 0))
        fail_msg("%s: %zu answers, the last is %u instead of %u\n%s", path, a.count, a.status, t.answer, a.text);
    for (size_t i = 0; i < t.check_count; i++) {
        if (strncmp(t.checks[i].name, "answer.", 7) != 0)
            continue;
        char line[2048];
        (void)snprintf(line, sizeof(line), "\r\n%s: %s\r\n", t.checks[i].name + 7, t.checks[i].value);
        if (strstr(a.text, line) == NULL)
            fail_msg("%s: no %s in\n%s", path, line + 2, a.text);
    }
}

/* What went before has not harmed the server. */
static void expect_alive(const char *path) {
    static const char probe[] = "OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP probe;branch=z9hG4bKprobe\r\n"
                                "From: <sip:p@example.com>;tag=1\r\nTo: <sip:example.com>\r\nCall-ID: probe\r\n"
                                "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
    input(probe, sizeof(probe) - 1, MT_SIP_UDP, path);
    assert_int_equal(a.status, 200);
}

static void test_answered(void **state) {
    for (size_t i = 0; i < path_count; i++) {
        torture_read(paths[i], &t);
        server_start();
        input(t.text, t.len, MT_SIP_UDP, paths[i]);
        expect_answer(paths[i]);
        expect_alive(paths[i]);
        mt_sip_server_tick(server, 1000000);
        assert_int_equal(mt_sip_server_count(server).transactions, 0);
        assert_int_equal(mt_sip_server_count(server).dialogs, 0);
        mt_sip_server_destroy(server);
    }
}

/* As one WebSocket message, or as the first one of a TCP stream that ends with it, the same answer; what cannot be cut
 * from a stream is not answered there. */
static void test_answered_over_streams(void **state) {
    server_start();
    for (size_t i = 0; i < path_count; i++) {
        torture_read(paths[i], &t);
        mt_sip_frame frame = {.len = 0};
        mt_err err = mt_sip_frame_cut(mt_slice_n(t.text, t.len), MT_SIP_MAX_MESSAGE_BYTES, &frame);
        bool whole = err == MT_OK && frame.len == t.len;
        if (err == MT_OK)
            input(t.text, frame.len, MT_SIP_TCP, paths[i]);
        if (whole)
            expect_answer(paths[i]);
        input(t.text, t.len, MT_SIP_WS, paths[i]);
        if (whole)
            expect_answer(paths[i]);
        expect_alive(paths[i]);
    }
    mt_sip_server_destroy(server);
}

/* Each octet spoilt in turn. Answers are still well-formed, and go nowhere else. */
static void test_spoilt(void **state) {
    static const char octets[] = {'\0', '\n', '"', (char)0xff};
    server_start();
    for (size_t i = 0; i < path_count; i++) {
        torture_read(paths[i], &t);
        for (size_t at = 0; at < t.len && at < 2000; at++) {
            char was = t.text[at];
            t.text[at] = octets[at % sizeof(octets)];
            input(t.text, t.len, MT_SIP_UDP, paths[i]);
            t.text[at] = was;
        }
        expect_alive(paths[i]);
    }
    mt_sip_server_destroy(server);
}

/* --- */

static int by_name(const void *x, const void *y) {
    return strcmp(x, y);
}

static int list_files(void **state) {
    DIR *dir = opendir(RFC4475_DIR);
    if (dir == NULL)
        return -1;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        size_t len = strlen(e->d_name);
        if (len > 4 && len < 64 && strcmp(e->d_name + len - 4, ".txt") == 0)
            (void)snprintf(paths[path_count++], sizeof(paths[0]), "%s/%.63s", RFC4475_DIR, e->d_name);
    }
    qsort(paths, path_count, sizeof(paths[0]), by_name);
    return closedir(dir);
}

/* None is forgotten: the numbers of all sections with a message, without gaps. */
static void test_all_are_here(void **state) {
    static const struct {
        const char *section;
        int count;
    } parts[] = {{"3.1.1", 13}, {"3.1.2", 19}, {"3.2", 1}, {"3.3", 15}, {"3.4", 1}};
    int found = 0;
    for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
        for (int n = 1; n <= parts[p].count; n++) {
            char want[32];
            (void)snprintf(want, sizeof(want), "%s.%d", parts[p].section, n);
            bool here = false;
            for (size_t i = 0; i < path_count && !here; i++) {
                torture_read(paths[i], &t);
                here = strcmp(t.section, want) == 0;
            }
            if (!here)
                fail_msg("section %s is missing", want);
            found++;
        }
    }
    assert_int_equal(found, MESSAGES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_here),
        cmocka_unit_test(test_parsed),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_answered),
        cmocka_unit_test(test_answered_over_streams),
        cmocka_unit_test(test_spoilt),
    };
    return cmocka_run_group_tests(tests, list_files, NULL);
}
