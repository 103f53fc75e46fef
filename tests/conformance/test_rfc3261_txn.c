/* The four transaction machines of RFC 3261 section 17, as corrected by RFC 6026 (Accepted, timers L and M) and RFC
 * 4320 (no late 408), and timer C of section 16.8: every transition, over UDP and over streams. The server stands
 * between caller A and callee B, so that it is server to one and client to the other. Each row is a script and the
 * whole of what is then sent, with its instants: what is not listed must not be sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sip_world.h"

enum { INVITED, UP }; /* where the script begins: A's INVITE has just come, or the call is up and all is quiet */

/* Steps, separated by blanks:
 *   +N         N ms pass                         =N        N transactions are there now
 *   b:STATUS   B answers the INVITE              b:rSTATUS B answers the last request in the dialog
 *   b:cSTATUS  B answers the CANCEL              b.close   B's connection is lost
 *   a:INVITE   A repeats it                      a:ACK     A's ACK of a final answer other than 2xx
 *   a:CANCEL   A cancels                         a:ack     A's ACK of a 2xx
 *   a:INVITE+  a new one, in the dialog
 *   a:METHOD   a request of A's in the dialog    a:again   A repeats it
 *   end        the owner ends the pair */
typedef struct row {
    const char *what;
    int from;
    mt_sip_transport a, b;
    const char *script;
    const char *sent; /* "@time to:what to:what @time …" */
} row;

#define UDP MT_SIP_UDP
#define TCP MT_SIP_TCP
#define WS MT_SIP_WS
#define T2_SERIES(what)                                                                                                \
    "@500 " what " @1500 " what " @3500 " what " @7500 " what " @11500 " what " @15500 " what " @19500 " what          \
    " @23500 " what " @27500 " what " @31500 " what
#define BEGUN "@0 B:INVITE"
#define TRYING " @200 A:100" /* the callee has not answered by then */

static const row invite_client[] = {
    /* Calling */
    {"A doubles, B ends", INVITED, TCP, UDP, "+32000",
     BEGUN TRYING
     " @500 B:INVITE @1500 B:INVITE @3500 B:INVITE @7500 B:INVITE @15500 B:INVITE @31500 B:INVITE @32000 A:408"},
    {"no A over a stream, B ends", INVITED, TCP, TCP, "+32000", BEGUN TRYING " @32000 A:408"},
    {"no A over WebSocket", INVITED, TCP, WS, "+32000", BEGUN TRYING " @32000 A:408"},
    {"B is not early", INVITED, TCP, TCP, "+31999", BEGUN TRYING},
    {"1xx before A", INVITED, TCP, UDP, "+499 b:180 +8000", BEGUN TRYING " @499 A:180"},
    {"1xx after A", INVITED, TCP, UDP, "+1000 b:183 +8000", BEGUN TRYING " @500 B:INVITE @1000 A:183"},
    {"100 is this hop's own", INVITED, TCP, UDP, "+600 b:100 +40000", BEGUN TRYING " @500 B:INVITE"},
    {"2xx", INVITED, TCP, UDP, "+600 b:200 +40000", BEGUN TRYING " @500 B:INVITE @600 A:200"},
    {"3xx", INVITED, TCP, UDP, "b:302 +8000", BEGUN " B:ACK A:302"},
    {"4xx", INVITED, TCP, UDP, "b:404 +8000", BEGUN " B:ACK A:404"},
    {"4xx over a stream", INVITED, TCP, TCP, "b:404 +8000", BEGUN " B:ACK A:404"},
    {"a challenge cannot be met", INVITED, TCP, UDP, "b:407 +8000", BEGUN " B:ACK A:480"},
    {"503 is not ours to say", INVITED, TCP, UDP, "b:503 +8000", BEGUN " B:ACK A:500"},
    {"6xx", INVITED, TCP, UDP, "b:603 +8000", BEGUN " B:ACK A:603"},
    {"a code without a name", INVITED, TCP, UDP, "b:499 +8000", BEGUN " B:ACK A:499"},
    {"highest code", INVITED, TCP, UDP, "b:699 +8000", BEGUN " B:ACK A:699"},
    /* Proceeding */
    {"each 1xx goes up", INVITED, TCP, UDP, "b:180 b:183 +1000 b:182 b:180", BEGUN " A:180 A:183 @1000 A:182 A:180"},
    {"2xx after 1xx", INVITED, TCP, UDP, "b:180 +5000 b:200", BEGUN " A:180 @5000 A:200"},
    {"6xx after 1xx", INVITED, TCP, UDP, "b:180 +5000 b:600", BEGUN " A:180 @5000 B:ACK A:600"},
    {"no B after 1xx", INVITED, TCP, UDP, "b:180 +179999", BEGUN " A:180"},
    {"C ends it", INVITED, TCP, TCP, "b:180 +180000", BEGUN " A:180 @180000 A:408 B:CANCEL"},
    {"1xx begins C anew", INVITED, TCP, TCP, "b:180 +100000 b:181 +179999 b:180 +1000",
     BEGUN " A:180 @100000 A:181 @279999 A:180"},
    {"100 does not", INVITED, TCP, TCP, "b:180 +100000 b:100 +80000", BEGUN " A:180 @180000 A:408 B:CANCEL"},
    {"C also after 100 alone", INVITED, TCP, TCP, "b:100 +180000", BEGUN TRYING " @180000 A:408 B:CANCEL"},
    /* Completed */
    {"refusal again: ACK again", INVITED, TCP, UDP, "b:486 +500 b:486 +1000 b:486",
     BEGUN " B:ACK A:486 @500 B:ACK @1500 B:ACK"},
    {"D is 32 s", INVITED, TCP, UDP, "b:486 +31999 b:486 +1 b:486", BEGUN " B:ACK A:486 @31999 B:ACK"},
    {"D is 0 over a stream", INVITED, TCP, TCP, "b:486 b:486 +1 b:486", BEGUN " B:ACK A:486"},
    {"1xx and 2xx come too late", INVITED, TCP, UDP, "b:486 b:180 b:200 +1000", BEGUN " B:ACK A:486"},
    /* Accepted */
    {"2xx again goes up", INVITED, TCP, UDP, "b:200 +500 b:200 +1000 b:200", BEGUN " A:200 @500 A:200 @1500 A:200"},
    {"1xx and refusals come too late", INVITED, TCP, UDP, "b:200 b:180 b:486 +1000", BEGUN " A:200"},
    {"M is 32 s", INVITED, UDP, UDP, "b:200 +31999 b:200 +1 b:200", BEGUN " A:200 @31999 A:200"},
    {"ACK of 2xx passes, as often as it comes", INVITED, UDP, UDP, "b:200 a:ack +100 a:ack",
     BEGUN " A:200 B:ACK @100 B:ACK"},
};

static const row invite_server[] = {
    /* Proceeding */
    {"100 after 200 ms", INVITED, UDP, TCP, "+199 =2 +1 +30000", BEGUN TRYING},
    {"no 100 after another 1xx", INVITED, UDP, TCP, "+199 b:180 +30000", BEGUN " @199 A:180"},
    {"no 100 after 2xx", INVITED, UDP, TCP, "+199 b:200 a:ack +30000", BEGUN " @199 A:200 B:ACK"},
    {"no 100 after a refusal", INVITED, TCP, TCP, "+100 b:486 a:ACK +30000", BEGUN " @100 B:ACK A:486"},
    {"no 100 after CANCEL", INVITED, TCP, TCP, "+100 a:CANCEL a:ACK b:487 +30000 =0", BEGUN " @100 A:200 A:487 B:ACK"},
    {"no 100 after the pair's end", INVITED, TCP, TCP, "+100 end a:ACK b:487 +30000 =0", BEGUN " @100 A:487 B:ACK"},
    {"INVITE again before: 100 at once, and once", INVITED, UDP, TCP, "+100 a:INVITE +30000", BEGUN " @100 A:100"},
    {"INVITE again before, over a stream", INVITED, TCP, TCP, "+100 a:INVITE a:INVITE +30000", BEGUN " @100 A:100"},
    {"within the call, too", UP, UDP, TCP, "a:INVITE+ +300", "@0 B:INVITE @200 A:100"},
    {"the end of the call takes its place", UP, UDP, TCP, "a:INVITE+ +100 end +300",
     "@0 B:INVITE @100 A:487 A:BYE B:BYE"},
    {"INVITE again: 100 again", INVITED, UDP, TCP, "+300 a:INVITE", BEGUN TRYING " @300 A:100"},
    {"INVITE again: the last 1xx", INVITED, UDP, TCP, "b:180 b:183 +300 a:INVITE", BEGUN " A:180 A:183 @300 A:183"},
    /* Completed */
    {"G up to T2, H ends", INVITED, UDP, TCP, "b:486 +31999 =1 +1 =0 +10000", BEGUN " B:ACK A:486 " T2_SERIES("A:486")},
    {"no G over a stream, H ends", INVITED, TCP, TCP, "b:486 +31999 =1 +1 =0", BEGUN " B:ACK A:486"},
    {"INVITE again: the refusal again", INVITED, UDP, TCP, "b:486 +100 a:INVITE +500",
     BEGUN " B:ACK A:486 @100 A:486 @500 A:486"},
    {"ACK stops G", INVITED, UDP, TCP, "b:486 +600 a:ACK +40000", BEGUN " B:ACK A:486 @500 A:486"},
    /* Confirmed */
    {"I is T4", INVITED, UDP, TCP, "b:486 a:ACK =1 +4999 =1 +1 =0", BEGUN " B:ACK A:486"},
    {"I is 0 over a stream", INVITED, TCP, TCP, "b:486 =1 a:ACK =0", BEGUN " B:ACK A:486"},
    {"ACK and INVITE again are absorbed", INVITED, UDP, TCP, "b:486 a:ACK +1000 a:ACK a:INVITE +3999 =1 +1 =0",
     BEGUN " B:ACK A:486"},
    /* Accepted */
    {"INVITE again is absorbed", INVITED, UDP, TCP, "b:200 a:INVITE +1000 a:INVITE +1000", BEGUN " A:200"},
    {"no repetition of ours", INVITED, UDP, UDP, "b:200 +40000", BEGUN " A:200"},
    {"L is 32 s", INVITED, UDP, UDP, "b:200 a:ack =2 +31999 =2 +1 =0", BEGUN " A:200 B:ACK"},
    {"nothing lingers over streams", INVITED, TCP, WS, "b:200 =2 a:ack =0", BEGUN " A:200 B:ACK"},
    /* the owner's end, and CANCEL */
    {"CANCEL before 1xx waits for one", INVITED, UDP, TCP, "a:CANCEL a:ACK +500 b:180 +100",
     BEGUN " A:200 A:487 @500 B:CANCEL"},
    {"CANCEL after 1xx", INVITED, UDP, TCP, "b:180 a:CANCEL a:ACK b:c200 b:487 +31999 =1 +1 =0",
     BEGUN " A:180 A:200 A:487 B:CANCEL B:ACK"},
    {"CANCEL again: 200 again", INVITED, UDP, TCP, "b:180 a:CANCEL a:ACK +100 a:CANCEL",
     BEGUN " A:180 A:200 A:487 B:CANCEL @100 A:200"},
    {"CANCEL after the final answer changes nothing", INVITED, UDP, TCP, "b:486 a:CANCEL a:ACK",
     BEGUN " B:ACK A:486 A:200"},
    {"a 2xx that crosses is ended", INVITED, UDP, TCP, "a:CANCEL a:ACK b:200", BEGUN " A:200 A:487 B:ACK B:BYE"},
    {"the pair ends before the answer", INVITED, UDP, TCP, "b:180 end a:ACK +100", BEGUN " A:180 A:487 B:CANCEL"},
};

static const row other_client[] = {
    /* Trying */
    {"E up to T2, F ends without 408", UP, TCP, UDP, "a:INFO +31999 =2 +1 =0 +8000", "@0 B:INFO " T2_SERIES("B:INFO")},
    {"no E over a stream, F ends", UP, TCP, TCP, "a:INFO +31999 =2 +1 =0", "@0 B:INFO"},
    {"2xx", UP, TCP, UDP, "a:INFO +700 b:r200 +8000", "@0 B:INFO @500 B:INFO @700 A:200"},
    {"3xx", UP, TCP, UDP, "a:INFO b:r300 +8000", "@0 B:INFO A:300"},
    {"4xx", UP, TCP, UDP, "a:UPDATE b:r405 +8000", "@0 B:UPDATE A:405"},
    {"5xx", UP, TCP, UDP, "a:INFO b:r500 +8000", "@0 B:INFO A:500"},
    {"6xx", UP, TCP, UDP, "a:INFO b:r603 +8000", "@0 B:INFO A:603"},
    /* Proceeding */
    {"1xx: from then on every T2", UP, TCP, UDP, "a:INFO +100 b:r100 +13000",
     "@0 B:INFO @500 B:INFO @4500 B:INFO @8500 B:INFO @12500 B:INFO"},
    {"1xx: F stays", UP, TCP, UDP, "a:INFO +100 b:r100 +31899 =2 +1 =0",
     "@0 B:INFO @500 B:INFO @4500 B:INFO @8500 B:INFO @12500 B:INFO @16500 B:INFO @20500 B:INFO @24500 B:INFO "
     "@28500 B:INFO"},
    {"no other 1xx goes up", UP, TCP, TCP, "a:INFO b:r100 b:r180 b:r199 +1000", "@0 B:INFO"},
    {"final after 1xx", UP, TCP, UDP, "a:INFO b:r100 +700 b:r404 +8000", "@0 B:INFO @500 B:INFO @700 A:404"},
    /* Completed */
    {"K is T4, and absorbs", UP, TCP, UDP, "a:INFO b:r200 =1 +1000 b:r200 b:r404 +3999 =1 +1 =0", "@0 B:INFO A:200"},
    {"K is 0 over a stream", UP, TCP, TCP, "a:INFO b:r200 =0 b:r200", "@0 B:INFO A:200"},
    /* the server's own requests */
    {"own BYE: E, F", UP, TCP, UDP, "a:BYE +31999 =1 +1 =0", "@0 A:200 B:BYE " T2_SERIES("B:BYE")},
    {"own BYE is answered", UP, TCP, UDP, "a:BYE +600 b:r200 +4999 =1 +1 =0", "@0 A:200 B:BYE @500 B:BYE"},
    {"own BYE: 481 is success", UP, TCP, TCP, "a:BYE b:r481 =0", "@0 A:200 B:BYE"},
    {"own CANCEL: E, F; what is cancelled ends with it", INVITED, TCP, UDP, "b:180 a:CANCEL a:ACK +32000 =0",
     BEGUN " A:180 A:200 A:487 B:CANCEL " T2_SERIES("B:CANCEL")},
    {"own CANCEL is answered", INVITED, TCP, UDP, "b:180 a:CANCEL a:ACK +600 b:c200 +3000",
     BEGUN " A:180 A:200 A:487 B:CANCEL @500 B:CANCEL"},
};

static const row other_server[] = {
    /* Trying */
    {"again: absorbed", UP, UDP, TCP, "a:INFO a:again +1000 a:again", "@0 B:INFO"},
    /* Completed */
    {"again: the answer again", UP, UDP, TCP, "a:INFO b:r200 a:again +1000 a:again",
     "@0 B:INFO A:200 A:200 @1000 A:200"},
    {"J is 32 s", UP, UDP, TCP, "a:INFO b:r200 =1 +31999 =1 a:again +1 =0", "@0 B:INFO A:200 @31999 A:200"},
    {"J is 0 over a stream", UP, TCP, TCP, "a:INFO b:r200 =0", "@0 B:INFO A:200"},
    {"the server's own answer is kept too", UP, UDP, TCP, "a:BYE b:r200 =1 +31999 a:again +1 =0",
     "@0 A:200 B:BYE @31999 A:200"},
    {"behind J it is another one", UP, UDP, TCP, "a:BYE b:r200 +32000 a:again", "@0 A:200 B:BYE @32000 A:481"},
};

/* Sections 17.1.4 and 17.2.4, over flows as ours are: what to send by is gone. */
static const row transport_errors[] = {
    {"B's connection lost while calling", INVITED, TCP, TCP, "+1000 b.close +4999", BEGUN TRYING},
    {"and for good", INVITED, TCP, TCP, "+1000 b.close +5000", BEGUN TRYING " @6000 A:480"},
    {"B's connection lost within the call", UP, TCP, TCP, "b.close +5000", "@5000 A:BYE"},
    {"a request to it waits", UP, TCP, TCP, "b.close a:INFO +4999", ""},
};

/* --- */

static world w;
static dialog a, b;
static size_t begun; /* the first message of the trace */
static int64_t zero_ms;
static const char *invite, *asked, *cancel; /* the last ones to B */

static const char *last_to_b(const char *starts) {
    const char *found = NULL;
    for (size_t i = begun; i < w.sent_count; i++) {
        if (w.sent[i].flow.transport == w.p[1].flow.transport && mt_addr_eq(&w.sent[i].flow.addr, &w.p[1].flow.addr) &&
            strncmp(w.sent[i].bytes, starts, strlen(starts)) == 0)
            found = w.sent[i].bytes;
    }
    return found;
}

static void say_again_invite(void) {
    peer_say(&w.p[0],
             "INVITE sip:111001@myturn.invalid SIP/2.0\r\nVia: SIP/2.0/%s 10.1.1.1;branch=%s;rport\r\n"
             "Max-Forwards: 70\r\nFrom: %s\r\nTo: <sip:111001@myturn.invalid>\r\nCall-ID: %s\r\nCSeq: %u INVITE\r\n"
             "Contact: <sip:c@x>\r\nContent-Length: 0\r\n\r\n",
             w.p[0].via, a.branch, a.local, a.call_id, a.invite_cseq);
}

static void say_ack(void) {
    peer_say(&w.p[0],
             "ACK sip:111001@myturn.invalid SIP/2.0\r\nVia: SIP/2.0/%s 10.1.1.1;branch=%s;rport\r\nMax-Forwards: 70\r\n"
             "From: %s\r\nTo: <sip:111001@myturn.invalid>;tag=any\r\nCall-ID: %s\r\nCSeq: %u ACK\r\n"
             "Content-Length: 0\r\n\r\n",
             w.p[0].via, a.branch, a.local, a.call_id, a.invite_cseq);
}

static void learn_dialog(void) {
    for (size_t i = begun; i < w.sent_count; i++) {
        if (strncmp(w.sent[i].bytes, "SIP/2.0 200", 11) == 0 && strstr(w.sent[i].bytes, " INVITE\r\n") != NULL)
            dialog_of_answer(&a, w.sent[i].bytes);
    }
}

static void step_of_a(const char *what) {
    if (strcmp(what, "INVITE") == 0) {
        say_again_invite();
    } else if (strcmp(what, "ACK") == 0) {
        say_ack();
    } else if (strcmp(what, "CANCEL") == 0) {
        peer_cancel(&w.p[0], "111001", &a);
    } else if (strcmp(what, "ack") == 0) {
        learn_dialog();
        peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
    } else if (strcmp(what, "again") == 0) {
        char method[16];
        const char *cseq = strstr(asked, "\r\nCSeq: ");
        (void)snprintf(method, sizeof(method), "%.*s", (int)strcspn(asked, " "), asked);
        assert_non_null(cseq);
        w.p[0].branch--;
        a.cseq--;
        peer_in_dialog(&w.p[0], &a, method, NULL, NULL);
    } else {
        char starts[16], method[16];
        (void)snprintf(method, sizeof(method), "%.*s", (int)strcspn(what, "+"), what);
        peer_in_dialog(&w.p[0], &a, method, NULL, NULL);
        (void)snprintf(starts, sizeof(starts), "%.14s ", method);
        asked = last_to_b(starts);
    }
}

static void step_of_b(const char *what) {
    char status[32];
    const char *to = *what == 'r' ? asked : *what == 'c' ? cancel : invite;
    const char *digits = *what == 'r' || *what == 'c' ? what + 1 : what;
    assert_non_null(to);
    (void)snprintf(status, sizeof(status), "%s Phrase", digits);
    peer_answer(&w.p[1], to, status, strcmp(digits, "100") != 0 ? "d-local" : NULL, NULL, NULL);
}

static void step(const char *what) {
    if (*what == '+')
        world_run(&w, strtol(what + 1, NULL, 10));
    else if (*what == '=')
        assert_int_equal(mt_sip_server_count(w.s).transactions, strtoul(what + 1, NULL, 10));
    else if (strncmp(what, "a:", 2) == 0)
        step_of_a(what + 2);
    else if (strncmp(what, "b:", 2) == 0)
        step_of_b(what + 2);
    else if (strcmp(what, "b.close") == 0)
        peer_reconnect(&w.p[1], 999, true);
    else if (strcmp(what, "end") == 0)
        world_end_pair(&w);
    else
        fail_msg("unknown step %s", what);
    const char *found = last_to_b("CANCEL ");
    cancel = found != NULL ? found : cancel;
}

static void run_script(const char *script) {
    char text[512];
    (void)snprintf(text, sizeof(text), "%s", script);
    char *rest = NULL;
    for (char *s = strtok_r(text, " ", &rest); s != NULL; s = strtok_r(NULL, " ", &rest))
        step(s);
}

static void begin(const row *r, const mt_sip_server_config *cfg) {
    a = b = (dialog){.cseq = 0};
    asked = cancel = NULL;
    world_open_with(&w, r->a, r->b, cfg);
    peer_register(&w.p[0]);
    peer_register(&w.p[1]);
    world_run(&w, 40000); /* the REGISTERs' own transactions are over */
    peer_invite(&w.p[0], "111001", &a);
    begun = w.sent_count - 1; /* INVITE */
    invite = peer_next(&w.p[1], "INVITE ");
    if (r->from == UP) {
        peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, NULL);
        learn_dialog();
        peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
        world_run(&w, 40000);
        begun = w.sent_count;
    }
    assert_int_equal(mt_sip_server_count(w.s).transactions, r->from == UP ? 0 : 2);
    zero_ms = w.now_ms;
}

static void trace(char *out, size_t bytes) {
    size_t len = 0;
    int64_t last_ms = -1;
    out[0] = '\0';
    for (size_t i = begun; i < w.sent_count; i++) {
        const sent *m = &w.sent[i];
        bool to_a = mt_addr_eq(&m->flow.addr, &w.p[0].flow.addr);
        const char *word = strncmp(m->bytes, "SIP/2.0 ", 8) == 0 ? m->bytes + 8 : m->bytes;
        if (m->at_ms != last_ms)
            len += (size_t)snprintf(out + len, bytes - len, "%s@%lld", len > 0 ? " " : "",
                                    (long long)(m->at_ms - zero_ms));
        last_ms = m->at_ms;
        len += (size_t)snprintf(out + len, bytes - len, " %c:%.*s", to_a ? 'A' : 'B', (int)strcspn(word, " "), word);
    }
}

static void run_rows(const row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char got[1024];
        mt_sip_server_config cfg;
        mt_sip_server_config_default(&cfg);
        cfg.qualify_ms = 0;
        begin(&rows[i], &cfg);
        if (getenv("TRACE") != NULL)
            print_message("%s\n", rows[i].what);
        run_script(rows[i].script);
        trace(got, sizeof(got));
        if (strcmp(got, rows[i].sent) != 0)
            fail_msg("%s: sent\n%s\ninstead of\n%s", rows[i].what, got, rows[i].sent);
        world_close(&w);
    }
}

#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof(rows[0]))

static void test_invite_client(void **state) {
    RUN(invite_client);
}
static void test_invite_server(void **state) {
    RUN(invite_server);
}
static void test_other_client(void **state) {
    RUN(other_client);
}
static void test_other_server(void **state) {
    RUN(other_server);
}
static void test_transport_errors(void **state) {
    RUN(transport_errors);
}

/* All instants follow T1, T2 and T4. */
static void test_other_times(void **state) {
    static const row rows[] = {
        {"A, B", INVITED, TCP, UDP, "+6400",
         BEGUN " @100 B:INVITE" TRYING
               " @300 B:INVITE @700 B:INVITE @1500 B:INVITE @3100 B:INVITE @6300 B:INVITE @6400 A:408"},
        {"E, F", UP, TCP, UDP, "a:INFO +2000",
         "@0 B:INFO @100 B:INFO @300 B:INFO @500 B:INFO @700 B:INFO @900 B:INFO @1100 B:INFO @1300 B:INFO @1500 B:INFO "
         "@1700 B:INFO @1900 B:INFO"},
        {"G", INVITED, UDP, TCP, "b:486 +800", BEGUN " B:ACK A:486 @100 A:486 @300 A:486 @500 A:486 @700 A:486"},
        {"H", INVITED, TCP, TCP, "b:486 +6399 =1 +1 =0", BEGUN " B:ACK A:486"},
        {"J", UP, UDP, TCP, "a:INFO b:r200 +6399 =1 +1 =0", "@0 B:INFO A:200"},
        {"I, K", INVITED, UDP, TCP, "b:486 a:ACK +49 =1 +1 =0", BEGUN " B:ACK A:486"},
        {"D stays 32 s at least", INVITED, TCP, UDP, "b:486 +31999 b:486 +1 b:486", BEGUN " B:ACK A:486 @31999 B:ACK"},
    };
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    cfg.qualify_ms = 0;
    cfg.t1_ms = 100;
    cfg.t2_ms = 200;
    cfg.t4_ms = 50;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[2048];
        begin(&rows[i], &cfg);
        run_script(rows[i].script);
        trace(got, sizeof(got));
        if (strcmp(got, rows[i].sent) != 0)
            fail_msg("%s: sent\n%s\ninstead of\n%s", rows[i].what, got, rows[i].sent);
        world_close(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_invite_client),    cmocka_unit_test(test_invite_server),
        cmocka_unit_test(test_other_client),     cmocka_unit_test(test_other_server),
        cmocka_unit_test(test_transport_errors), cmocka_unit_test(test_other_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
