/* The whole server on a network of make-believe: users log in, turn, leave, hang up, time passes, datagrams arrive, in
 * any order. Checked at each step: every request is answered once or held, answers are JSON with sane codes, the counts
 * add up; at the end everybody's login has lapsed and nothing is left.
 *
 * Input: steps of one byte each, which take their arguments from the bytes that follow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_net.h"
#include "server/json.h"

#define USERS 4
#define CALLS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

typedef struct input {
    const uint8_t *p;
    size_t len;
} input;

static char tokens[USERS][256];
static fake_call *calls[CALLS];
static bool watched[CALLS];
static size_t call_count;

static const char *const names[USERS] = {"jeden", "dwa", "trzy", "Za%C5%BC%C3%B3%C5%82%C4%87"};

static uint8_t byte(input *in) {
    if (in->len == 0)
        return 0;
    in->len--;
    return *in->p++;
}

/* Text up to a NUL, of at most 200 bytes, without line ends. */
static void text(input *in, char out[201]) {
    size_t n = 0;
    for (uint8_t b; n < 200 && in->len > 0 && (b = byte(in)) != 0;) {
        if (b != '\n' && b != '\r')
            out[n++] = (char)b;
    }
    out[n] = '\0';
}

static void must(bool good, const char *what) {
    if (!good) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

/* An answer is whole and sane. */
static void check(const fake_call *c) {
    unsigned status = fake_status(c);
    must(status >= 200 && status < 600 && status != 500, "status");
    const char *body = fake_body(c);
    if (status == 204 || body[0] != '{')
        return;
    cJSON *root = cJSON_Parse(body);
    must(root != NULL, "answer is not JSON");
    if (status >= 400 && cJSON_GetObjectItem(root, "User exists") == NULL)
        must(cJSON_IsString(cJSON_GetObjectItem(root, "code")), "problem without code");
    cJSON_Delete(root);
}

static void look_at_held(void) {
    for (size_t i = 0; i < call_count; i++) {
        if (watched[i] && fake_answered(calls[i])) {
            watched[i] = false;
            check(calls[i]);
        }
    }
}

static fake_call *ask(const fake_wish *wish) {
    fake_call *c = fake_send(wish);
    if (fake_answered(c)) {
        check(c);
    } else if (call_count < CALLS) {
        watched[call_count] = true;
        calls[call_count++] = c;
    }
    return c;
}

static void login(input *in) {
    static const char *const bodies[USERS] = {"{\"name\":\"jeden\"}", "{\"name\":\"dwa\"}", "{\"name\":\"trzy\"}",
                                              "{\"name\":\"za\\u017c\xc3\xb3\xc5\x82\xc4\x87\"}"};
    size_t who = byte(in) % USERS;
    char path[128];
    (void)snprintf(path, sizeof path, "/add-user-to-sip-exten-conf/%s", names[who]);
    bool old = byte(in) & 1;
    fake_call *c =
        ask(&(fake_wish){.method = "POST", .path = old ? path : "/v1/users", .body = old ? NULL : bodies[who]});
    if (fake_answered(c) && fake_status(c) < 300)
        fake_member(c, "token", tokens[who]);
}

static void act(input *in) {
    static const struct {
        const char *method, *path;
    } routes[] = {{"PUT", "/update-status-rdy/"},
                  {"PUT", "/update-status-busy/"},
                  {"PUT", "/update-status-rdy-to-talk/"},
                  {"GET", "/get-peer/"},
                  {"GET", "/user-status/"},
                  {"GET", "/user-ip/"},
                  {"DELETE", "/delete-user/"},
                  {"POST", "/v1/turn"},
                  {"GET", "/v1/me"},
                  {"DELETE", "/v1/turn"},
                  {"DELETE", "/v1/me"},
                  {"GET", "/user-status"},
                  {"DELETE", "/v1/me?after=3"},
                  {"GET", "/v1/info"}};
    size_t r = byte(in) % (sizeof routes / sizeof routes[0]), who = byte(in) % USERS;
    uint8_t how = byte(in);
    char path[128], headers[64];
    bool named = routes[r].path[strlen(routes[r].path) - 1] == '/';
    (void)snprintf(path, sizeof path, "%s%s", routes[r].path, named ? names[(who + (how >> 6)) % USERS] : "");
    (void)snprintf(headers, sizeof headers, "Prefer: wait=%d\n", how & 31);
    ask(&(fake_wish){.method = routes[r].method,
                     .path = path,
                     .token = tokens[who],
                     .headers = how & 31 ? headers : NULL,
                     .lose = how & 32});
}

/* A turn that leaves the pair it is in, or a DELETE of it. */
static void leave(input *in) {
    size_t who = byte(in) % USERS;
    uint8_t how = byte(in);
    char pair[256] = "", body[320], path[320];
    fake_call *me = ask(&(fake_wish){.path = "/v1/me", .token = tokens[who]});
    if (fake_status(me) == 200 && strstr(fake_body(me), "\"pair\":\"") != NULL)
        fake_member(me, "pair", pair);
    (void)snprintf(body, sizeof body, "{\"leave\":\"%s\",\"link\":[\"gcm\"%s]}", pair, how & 4 ? ",\"cbc\"" : "");
    (void)snprintf(path, sizeof path, "/v1/turn?pair=%s", pair);
    if (how & 8) {
        static const char *const reasons[] = {"spam", "threat", "?", "other\",\"note\":\"x"};
        (void)snprintf(body, sizeof body, "{\"pair\":\"%s\",\"reason\":\"%s\"}", pair, reasons[how >> 6]);
        ask(&(fake_wish){.method = "POST",
                         .path = how & 16 ? "/v1/turn/block" : "/v1/turn/report",
                         .token = tokens[who],
                         .body = body});
    } else if (how & 1)
        ask(&(fake_wish){.method = "DELETE", .path = path, .token = tokens[who]});
    else
        ask(&(fake_wish){.method = "POST",
                         .path = "/v1/turn",
                         .token = tokens[who],
                         .body = body,
                         .headers = "Prefer: wait=9\n",
                         .lose = how & 2});
}

static void anything(input *in) {
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"};
    char path[201], body[201], host[201], headers[256];
    const char *method = methods[byte(in) % 6];
    text(in, path);
    text(in, body);
    text(in, host);
    (void)snprintf(headers, sizeof headers, "Origin: %s\n", host);
    uint8_t how = byte(in);
    ask(&(fake_wish){.method = method,
                     .path = path,
                     .body = body,
                     .host = how & 1 ? host : NULL,
                     .headers = how & 2 ? headers : NULL,
                     .token = how & 4 ? tokens[0] : NULL});
}

static void step(input *in) {
    char sip[201];
    switch (byte(in) % 8) {
    case 0:
        login(in);
        break;
    case 1:
    case 2:
        act(in);
        break;
    case 3:
        leave(in);
        break;
    case 4:
        anything(in);
        break;
    case 5:
        fake_sleep((int64_t)byte(in) * 100);
        break;
    case 6:
        if (call_count > 0) {
            size_t i = byte(in) % call_count;
            if (watched[i])
                fake_hang_up(calls[i]);
            watched[i] = false;
        }
        break;
    default:
        text(in, sip);
        fake_datagram("127.0.0.1:5070", sip);
    }
    look_at_held();
}

static void check_counts(void) {
    fake_call *c = ask(&(fake_wish){.path = "/v1/stats"});
    cJSON *root = cJSON_Parse(fake_body(c));
    int online = cJSON_GetObjectItem(root, "online")->valueint;
    int apart = cJSON_GetObjectItem(root, "waiting")->valueint + cJSON_GetObjectItem(root, "talking")->valueint;
    must(online <= 64 && apart <= online, "counts");
    cJSON_Delete(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    input in = {data, len};
    mt_options o;
    mt_options_default(&o);
    o.conduct.threshold = 1 + (len & 1); /* somebody is suspended now and then */
    o.conduct.suspend_s = 20;
    mt_server *s = fake_start(&o);
    memset(tokens, 0, sizeof tokens);
    call_count = 0;
    for (int steps = 0; in.len > 0 && steps < 200; steps++) {
        step(&in);
        check_counts();
    }
    fake_sleep(200000);
    look_at_held();
    for (size_t i = 0; i < call_count; i++)
        must(!watched[i], "a request is held for ever");
    must(strcmp(fake_body(ask(&(fake_wish){.path = "/v1/stats"})), "{\"online\":0,\"waiting\":0,\"talking\":0}") == 0,
         "somebody is left");
    fake_stop(s);
    return 0;
}
