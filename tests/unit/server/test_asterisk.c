/* The server with Asterisk as its SIP server, on virtual time: the other end of the manager interface is played by
 * serve(), which reads the same files when it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "fake_net.h"

#define TEXT 65536

static char folder[64], secret_path[96], sip_path[96], exten_path[96];
static char sip_known[TEXT], exten_known[TEXT]; /* what it read last */
static bool lazy;                               /* it says yes to a reload and does not do it */
static unsigned sip_reloads, forgotten, hangups;
static char hung_up[256];

static void read_text(const char *path, char out[TEXT]) {
    FILE *f = fopen(path, "re");
    size_t n = f != NULL ? fread(out, 1, TEXT - 1, f) : 0;
    out[n] = '\0';
    if (f != NULL)
        (void)fclose(f);
}

static void write_text(const char *path, const char *text) {
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

#define say(...)                                                                                                       \
    do {                                                                                                               \
        char text_[1024];                                                                                              \
        (void)snprintf(text_, sizeof text_, __VA_ARGS__);                                                              \
        fake_stream_text(text_);                                                                                       \
    } while (0)

static void carry_out(const char *command, char out[512]) {
    char needle[300];
    out[0] = '\0';
    if (strcmp(command, "sip reload") == 0) {
        sip_reloads++;
        if (!lazy)
            read_text(sip_path, sip_known);
    } else if (strcmp(command, "dialplan reload") == 0) {
        read_text(exten_path, exten_known);
    } else if (strncmp(command, "sip show peer ", 14) == 0) {
        (void)snprintf(needle, sizeof needle, "\n[%.200s]\n", command + 14);
        bool there = strstr(sip_known, needle) != NULL;
        (void)snprintf(out, 512,
                       there ? "Output:   * Name       : %.200s\r\nOutput:   Addr->IP     : 127.0.0.7:5062\r\n"
                             : "Output: Peer %.200s not found.\r\n",
                       command + 14);
    } else if (strncmp(command, "dialplan show ", 14) == 0) {
        (void)snprintf(needle, sizeof needle, "exten => %.6s,1", command + 14);
        (void)snprintf(out, 512,
                       strstr(exten_known, needle) != NULL ? "Output:   '%.6s' =>  1. NoOp()\r\n"
                                                           : "Output: none %.6s\r\n",
                       command + 14);
    } else if (strncmp(command, "database del SIP/Registry ", 26) == 0) {
        forgotten++;
    } else if (strncmp(command, "channel request hangup ", 23) == 0) {
        hangups++;
        (void)snprintf(hung_up, sizeof hung_up, "%s", command + 23);
    }
}

/* Answers all that was asked, and what is asked because of it. */
static void serve(void) {
    for (unsigned round = 0; round < 200 && strstr(fake_stream_said(), "ActionID: ") != NULL; round++) {
        char *said = strdup(fake_stream_said()), *rest = NULL;
        fake_stream_forget();
        fake_together(true);
        for (char *line = strtok_r(said, "\r\n", &rest), *id = NULL; line != NULL;
             line = strtok_r(NULL, "\r\n", &rest)) {
            char out[512], text[1024];
            if (strncmp(line, "ActionID: ", 10) == 0)
                id = line + 10;
            bool ping = strcmp(line, "ActionID: 2") == 0;
            if ((strncmp(line, "Command: ", 9) != 0 && !ping) || id == NULL)
                continue;
            carry_out(ping ? "" : line + 9, out);
            (void)snprintf(text, sizeof text, "Response: Success\r\nActionID: %s\r\n%s\r\n", id, out);
            fake_stream_text(text);
        }
        fake_together(false);
        fake_turn();
        free(said);
    }
}

static void connect_ami(void) {
    assert_true(fake_stream_is_open());
    fake_stream_up();
    fake_stream_text("Asterisk Call Manager/7.0.3\r\nResponse: Success\r\nActionID: 1\r\n\r\n");
    serve();
}

static void pass(int64_t ms) {
    for (int64_t end = ms; end > 0; end -= 10) {
        fake_sleep(10);
        serve();
    }
}

static mt_err begin(mt_server **out) {
    mt_options o;
    mt_options_default(&o);
    o.asterisk.sip_server = MT_SIP_ASTERISK;
    o.asterisk.dir = folder;
    o.asterisk.ami_secret_file = secret_path;
    lazy = false;
    sip_known[0] = exten_known[0] = '\0';
    sip_reloads = forgotten = hangups = 0;
    return fake_try_start(&o, out);
}

static mt_server *start(void) {
    mt_server *s = NULL;
    assert_int_equal(begin(&s), MT_OK);
    connect_ami();
    return s;
}

static int make_folder(void **state) {
    (void)snprintf(folder, sizeof folder, "/tmp/myturn-asterisk-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(secret_path, sizeof secret_path, "%s/secret", folder);
    (void)snprintf(sip_path, sizeof sip_path, "%s/sip.conf", folder);
    (void)snprintf(exten_path, sizeof exten_path, "%s/extensions.conf", folder);
    write_text(secret_path, "manager\n");
    return 0;
}

static int drop_folder(void **state) {
    (void)unlink(secret_path);
    (void)unlink(sip_path);
    (void)unlink(exten_path);
    return rmdir(folder);
}

static bool is_written(const char *name) {
    char text[TEXT], needle[64];
    read_text(sip_path, text);
    (void)snprintf(needle, sizeof needle, "\n[%s]\n", name);
    return strstr(text, needle) != NULL;
}

static fake_call *post_login(const char *name) {
    char body[64];
    (void)snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    return fake_send(&(fake_wish){.method = "POST", .path = "/v1/users", .body = body});
}

static void login(const char *name, char token[256]) {
    fake_call *c = post_login(name);
    pass(300);
    assert_int_equal(fake_status(c), 201);
    fake_member(c, "token", token);
}

static void is_answered_when_known(void **state) {
    mt_server *s = start();
    fake_call *c = post_login("jeden");
    lazy = true; /* deaf: it reloads a second later */
    pass(1000);
    assert_false(fake_answered(c));
    assert_true(is_written("jeden"));
    lazy = false;
    pass(1500); /* the reload is asked for again */
    assert_int_equal(fake_status(c), 201);
    assert_non_null(strstr(fake_body(c), "\"mode\":\"asterisk\""));
    assert_non_null(strstr(fake_body(c), "\"udp\":\"127.0.0.1:5060\",\"tcp\":null"));
    fake_stop(s);
    assert_false(is_written("jeden"));
}

static void is_refused_after_three_seconds(void **state) {
    mt_server *s = start();
    lazy = true;
    fake_call *c = post_login("jeden");
    pass(2900);
    assert_false(fake_answered(c));
    pass(200);
    assert_int_equal(fake_status(c), 503);
    assert_non_null(strstr(fake_body(c), "sip_away"));
    pass(200);
    assert_false(is_written("jeden"));
    fake_stop(s);
}

static void impatient_ones_leave_nothing(void **state) {
    mt_server *s = start();
    fake_call *c = post_login("jeden");
    fake_hang_up(c);
    pass(500);
    assert_false(is_written("jeden"));
    fake_call *stats = fake_send(&(fake_wish){.path = "/v1/stats"});
    assert_non_null(strstr(fake_body(stats), "\"online\":0"));
    fake_stop(s);
}

static void many_logins_are_one_reload(void **state) {
    mt_server *s = start();
    pass(200);
    unsigned before = sip_reloads;
    fake_call *calls[40];
    fake_together(true);
    for (size_t i = 0; i < 40; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "user%zu", i);
        calls[i] = post_login(name);
    }
    fake_together(false);
    pass(300);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(fake_status(calls[i]), 201);
    assert_int_equal(sip_reloads - before, 1);
    fake_stop(s);
}

/* The two could not be told apart: a question about the new one would be answered by the old. */
static void a_name_waits_until_it_is_free_there(void **state) {
    mt_server *s = start();
    char token[256];
    login("jeden", token);
    lazy = true;
    assert_int_equal(fake_status(fake_send(&(fake_wish){.method = "DELETE", .path = "/v1/me", .token = token})), 204);
    fake_call *c = post_login("jeden");
    pass(1000);
    assert_false(fake_answered(c));
    assert_false(is_written("jeden"));
    lazy = false;
    pass(1800);
    assert_int_equal(fake_status(c), 201);
    assert_int_equal(forgotten, 1);
    fake_stop(s);
}

typedef struct talk {
    char caller[256], callee[256], pair[256];
    const char *caller_name, *callee_name, *callee_exten;
} talk;

static void draw(talk *t) {
    char tokens[2][256];
    login("jeden", tokens[0]);
    login("dwa", tokens[1]);
    fake_call *c[2];
    for (size_t i = 0; i < 2; i++)
        c[i] = fake_send(
            &(fake_wish){.method = "POST", .path = "/v1/turn", .token = tokens[i], .headers = "Prefer: wait=20\n"});
    pass(20);
    bool first = strstr(fake_body(c[0]), "\"caller\"") != NULL;
    (void)snprintf(t->caller, sizeof t->caller, "%s", tokens[first ? 0 : 1]);
    (void)snprintf(t->callee, sizeof t->callee, "%s", tokens[first ? 1 : 0]);
    t->caller_name = first ? "jeden" : "dwa";
    t->callee_name = first ? "dwa" : "jeden";
    t->callee_exten = first ? "111001" : "111000";
    fake_member(c[0], "pair", t->pair);
}

static void expect_me(const char *token, const char *part) {
    fake_call *c = fake_send(&(fake_wish){.path = "/v1/me", .token = token});
    if (strstr(fake_body(c), part) == NULL)
        fail_msg("no %s in %s", part, fake_body(c));
}

static void ring(const talk *t) {
    say("Event: Newchannel\r\nChannel: SIP/%s-0000000a\r\nExten: %s\r\n\r\n", t->caller_name, t->callee_exten);
    say("Event: DialBegin\r\nChannel: SIP/%s-0000000a\r\nDestChannel: SIP/%s-0000000b\r\n\r\n", t->caller_name,
        t->callee_name);
    say("Event: Newstate\r\nChannel: SIP/%s-0000000b\r\nChannelStateDesc: %s\r\n\r\n", t->callee_name, "Ringing");
}

static void events_are_statuses(void **state) {
    mt_server *s = start();
    talk t;
    draw(&t);
    say("Event: PeerStatus\r\nPeer: SIP/%s\r\nPeerStatus: Registered\r\nAddress: %s\r\n\r\n", "jeden",
        "127.0.0.9:5070");
    say("Event: PeerStatus\r\nPeer: SIP/%s\r\nPeerStatus: Reachable\r\n\r\n", "dwa");
    ring(&t);
    pass(10000); /* rings longer than the silence that is borne */
    expect_me(t.caller, "\"status\":2");
    say("Event: DialEnd\r\nDestChannel: SIP/%s-0000000b\r\nDialStatus: %s\r\n\r\n", t.callee_name, "ANSWER");
    expect_me(t.caller, "\"status\":3");
    expect_me(t.callee, "\"talking\":true");
    pass(60000);
    expect_me(t.caller, "\"status\":3");
    say("Event: Hangup\r\nChannel: SIP/%s-%s\r\n\r\n", t.caller_name, "00000009"); /* an older one */
    expect_me(t.caller, "\"status\":3");
    say("Event: Hangup\r\nChannel: SIP/%s-%s\r\n\r\n", t.caller_name, "0000000a");
    expect_me(t.caller, "\"status\":0");
    expect_me(t.callee, "\"status\":0");
    fake_stop(s);
}

static void the_api_ends_calls(void **state) {
    mt_server *s = start();
    talk t;
    char path[300];
    draw(&t);
    ring(&t);
    (void)snprintf(path, sizeof path, "/v1/turn?pair=%s", t.pair);
    assert_int_equal(fake_status(fake_send(&(fake_wish){.method = "DELETE", .path = path, .token = t.callee})), 204);
    serve();
    assert_int_equal(hangups, 2);
    expect_me(t.caller, "\"pair\":null");
    fake_stop(s);
}

static void nobody_else_is_called(void **state) {
    mt_server *s = start();
    talk t;
    draw(&t);
    say("Event: Newchannel\r\nChannel: SIP/%s-00000001\r\nExten: %s\r\n\r\n", t.callee_name, t.callee_exten);
    serve();
    assert_int_equal(hangups, 1);
    say("Event: DialBegin\r\nChannel: SIP/%s-00000002\r\nDestChannel: SIP/%s-00000003\r\n\r\n", t.callee_name,
        t.caller_name);
    serve();
    assert_int_equal(hangups, 2);
    say("Event: Newchannel\r\nChannel: SIP/trunk-00000004\r\nExten: %s%s\r\n\r\n", "1", "00"); /* the operator's own */
    say("Event: Newchannel\r\nChannel: %s\r\nExten: %s\r\n\r\n", "SIP/-", "111000");
    say("Event: Newchannel\r\nChannel: %s\r\nExten: %s\r\n\r\n", "", "");
    serve();
    assert_int_equal(hangups, 2);
    fake_stop(s);
}

static void without_events_the_links_tell(void **state) {
    mt_server *s = start();
    talk t;
    char body[400];
    draw(&t);
    fake_stream_down();
    (void)snprintf(body, sizeof body, "{\"pair\":\"%s\",\"link\":\"v=0\"}", t.pair);
    fake_call *held =
        fake_send(&(fake_wish){.method = "PUT", .path = "/v1/turn/link", .token = t.caller, .body = body});
    assert_int_equal(fake_status(held), 204);
    expect_me(t.caller, "\"status\":2");
    assert_int_equal(
        fake_status(fake_send(&(fake_wish){.method = "PUT", .path = "/v1/turn/link", .token = t.callee, .body = body})),
        204);
    expect_me(t.caller, "\"status\":3");
    fake_sleep(30000);
    expect_me(t.caller, "\"status\":3");
    fake_stop(s);
}

static void what_a_crash_left_goes(void **state) {
    write_text(sip_path, "[own]\nhost=x\n; myTurn begins: "
                         "x\n[general]\n\n[jeden]\ntype=friend\nsecret=x\nhost=dynamic\n; myTurn ends\n");
    mt_server *s = NULL;
    assert_int_equal(begin(&s), MT_OK);
    assert_false(is_written("jeden"));
    char text[TEXT];
    read_text(sip_path, text);
    assert_int_equal(strncmp(text, "[own]\nhost=x\n", 13), 0);
    connect_ami();
    pass(200);
    assert_int_equal(forgotten, 1);
    fake_stop(s);
    write_text(sip_path, "; myTurn begins: x\n");
    assert_int_equal(begin(&s), MT_EBAD);
    write_text(sip_path, "");
    write_text(secret_path, "two words\n");
    assert_int_equal(begin(&s), MT_EBAD);
    write_text(secret_path, "manager\n");
}

static void comes_back(void **state) {
    mt_server *s = start();
    char token[256];
    login("jeden", token);
    fake_stream_down();
    fake_sleep(250);
    assert_true(fake_stream_is_open()); /* tried again */
    unsigned before = sip_reloads;
    connect_ami();
    pass(200);
    assert_int_equal(sip_reloads - before, 1);
    expect_me(token, "\"registered\":true"); /* asked where each of them is */
    fake_stop(s);
}

/* What broke: a firewall in between, and for two minutes nothing was said of it and nothing was tried. */
static void silence_is_no_connection(void **state) {
    mt_server *s = NULL;
    assert_int_equal(begin(&s), MT_OK);
    fake_sleep(4900);
    assert_true(fake_stream_is_open());
    fake_sleep(100);
    assert_false(fake_stream_is_open());
    fake_sleep(250);
    connect_ami(); /* tried again */
    fake_sleep(10000);
    serve();
    assert_true(fake_stream_is_open()); /* that limit was for connecting */
    char token[256];
    login("jeden", token);
    fake_stop(s);
}

static void any_allocation_may_fail(void **state) {
    bool failed = true;
    for (unsigned long n = 1; failed && n < 5000; n++) {
        mt_server *s = NULL;
        mt_alloc_fail_nth(n);
        if (begin(&s) == MT_OK) {
            connect_ami();
            fake_call *c = post_login("jeden");
            pass(300);
            if (fake_answered(c) && fake_status(c) == 201) {
                say("Event: PeerStatus\r\nPeer: SIP/%s\r\nPeerStatus: %s\r\n\r\n", "jeden", "Registered");
                fake_call *ip = fake_send(&(fake_wish){.path = "/v1/turn/link?pair=00", .token = "x"});
                assert_true(fake_answered(ip));
            }
            pass(3000);
            assert_true(fake_answered(c));
        }
        failed = mt_alloc_failed() != 0;
        mt_alloc_fail_nth(0);
        if (s != NULL) {
            fake_stop(s);
            assert_false(is_written("jeden"));
        }
    }
    assert_false(failed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_answered_when_known),
        cmocka_unit_test(is_refused_after_three_seconds),
        cmocka_unit_test(impatient_ones_leave_nothing),
        cmocka_unit_test(many_logins_are_one_reload),
        cmocka_unit_test(a_name_waits_until_it_is_free_there),
        cmocka_unit_test(events_are_statuses),
        cmocka_unit_test(the_api_ends_calls),
        cmocka_unit_test(nobody_else_is_called),
        cmocka_unit_test(without_events_the_links_tell),
        cmocka_unit_test(what_a_crash_left_goes),
        cmocka_unit_test(comes_back),
        cmocka_unit_test(silence_is_no_connection),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
