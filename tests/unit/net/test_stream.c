/* What the server itself begins: an outgoing connection, and a program. On the real loop, over loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/process.h"
#include "net/stream.h"

static mt_net *net;
static mt_stream *stream;
static unsigned ups, downs;
static char got[256];
static bool ok;

static void on_up(void *ctx) {
    ups++;
    assert_int_equal(mt_stream_send(stream, MT_SLICE_LIT("hello")), MT_OK);
}

static void on_received(void *ctx, mt_slice bytes) {
    (void)snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s", (int)bytes.len, bytes.p);
    if (strstr(got, "close") != NULL) {
        mt_stream_close(stream);
        mt_net_stop(net);
    }
}

static void on_down(void *ctx, const char *why) {
    downs++;
    assert_non_null(why);
    mt_net_stop(net);
}

static const mt_stream_handlers handlers = {on_up, on_received, on_down};

static void begin(void) {
    mt_net_limits limits;
    mt_net_limits_default(&limits);
    static const mt_net_handlers none;
    assert_int_equal(mt_net_create(&limits, &none, NULL, &net), MT_OK);
    ups = downs = 0;
    got[0] = '\0';
}

static int listen_somewhere(mt_addr *at) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&in, len) == 0 && listen(fd, 1) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    assert_int_equal(mt_addr_from_sockaddr((struct sockaddr *)&in, at), MT_OK);
    return fd;
}

static int listener, peer;

/* The kernel has taken the connection already: it is accepted once it is known to be up. */
static void answer(void *ctx) {
    char bytes[16] = "";
    peer = accept(listener, NULL, NULL);
    assert_int_equal(read(peer, bytes, sizeof bytes), 5);
    assert_string_equal(bytes, "hello");
    const char *say = ctx;
    assert_int_equal(write(peer, say, strlen(say)), (ssize_t)strlen(say));
    assert_int_equal(close(peer), 0);
}

static void talk(const char *say) {
    mt_addr at;
    begin();
    listener = listen_somewhere(&at);
    assert_int_equal(mt_stream_open(net, &at, &handlers, NULL, &stream), MT_OK);
    mt_net_timer *t = mt_net_timer_new(net, answer, (void *)(uintptr_t)say);
    mt_net_timer_set(t, mt_net_now_ms(net) + 50);
    assert_int_equal(mt_net_run(net), MT_OK);
    mt_net_timer_free(t);
    assert_int_equal(close(listener), 0);
    mt_net_destroy(net);
    assert_int_equal(ups, 1);
}

static void both_ways_until_it_ends(void **state) {
    talk("world");
    assert_string_equal(got, "world");
    assert_int_equal(downs, 1);
}

static void closed_from_within(void **state) {
    talk("close");
    assert_int_equal(downs, 0);
}

static void refused(void **state) {
    mt_addr at;
    begin();
    assert_int_equal(close(listen_somewhere(&at)), 0); /* nobody listens there now */
    assert_int_equal(mt_stream_open(net, &at, &handlers, NULL, &stream), MT_OK);
    assert_int_equal(mt_net_run(net), MT_OK);
    assert_int_equal(ups, 0);
    assert_int_equal(downs, 1);
    mt_net_destroy(net);
}

static void closed_before_it_is_up(void **state) {
    mt_addr at;
    begin();
    int fd = listen_somewhere(&at);
    assert_int_equal(mt_stream_open(net, &at, &handlers, NULL, &stream), MT_OK);
    mt_stream_close(stream);
    mt_net_destroy(net);
    assert_int_equal(ups + downs, 0);
    assert_int_equal(close(fd), 0);
}

static void on_done(void *ctx, bool good, mt_slice output) {
    ok = good;
    (void)snprintf(got, sizeof got, "%.*s", (int)output.len, output.p != NULL ? output.p : "");
    mt_net_stop(net);
}

static void run(const char *script, uint32_t limit_ms) {
    mt_process *p;
    char command[256], sh[] = "sh", flag[] = "-c";
    (void)snprintf(command, sizeof command, "%s", script);
    char *argv[] = {sh, flag, command, NULL};
    begin();
    assert_int_equal(mt_process_run(net, argv, limit_ms, on_done, NULL, &p), MT_OK);
    assert_int_equal(mt_net_run(net), MT_OK);
    mt_net_destroy(net);
}

static void programs_are_run(void **state) {
    run("echo one; echo two >&2; echo three", 5000);
    assert_true(ok);
    assert_string_equal(got, "one\nthree\n");
    run("echo no; exit 3", 5000);
    assert_false(ok);
    run("exec sleep 60", 100);
    assert_false(ok);
}

static void no_such_program(void **state) {
    mt_process *p;
    char name[] = "/nowhere/to/be/found";
    char *argv[] = {name, NULL};
    begin();
    assert_int_equal(mt_process_run(net, argv, 1000, on_done, NULL, &p), MT_ESYS);
    char sleeper[] = "sleep", time[] = "60";
    char *slow[] = {sleeper, time, NULL};
    assert_int_equal(mt_process_run(net, slow, 60000, on_done, NULL, &p), MT_OK);
    mt_process_drop(p);
    mt_net_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_until_it_ends),
        cmocka_unit_test(closed_from_within),
        cmocka_unit_test(refused),
        cmocka_unit_test(closed_before_it_is_up),
        cmocka_unit_test(programs_are_run),
        cmocka_unit_test(no_such_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
