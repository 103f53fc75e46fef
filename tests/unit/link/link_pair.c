#include "link_pair.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/ice.h"

static const uint8_t pair_id[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void count_late(link_end *e) {
    if (e->closed >= 0 || e->link == NULL)
        e->callbacks_after_end++;
}

static void destroy(link_end *e) {
    mt_link *l = e->link;
    e->link = NULL;
    mt_link_destroy(l);
}

static void on_ready(void *ctx) {
    link_end *e = ctx;
    count_late(e);
    e->ready = true;
}

static void on_secure(void *ctx, const mt_link_secure *how) {
    link_end *e = ctx;
    count_late(e);
    assert_false(e->secure);
    e->secure = true;
    e->how = *how;
    if (e->destroy_in_secure)
        destroy(e);
}

static void on_text(void *ctx, mt_slice body) {
    link_end *e = ctx;
    count_late(e);
    e->texts++;
    g_string_truncate(e->text, 0);
    g_string_append_len(e->text, body.p, (gssize)body.len);
    unsigned number = (unsigned)strtoul(e->text->str, NULL, 10);
    e->disordered |= number != e->last_number + 1;
    e->last_number = number;
    if (e->destroy_in_text)
        destroy(e);
}

static void on_typing(void *ctx, bool on) {
    count_late(ctx);
    ((link_end *)ctx)->typing = on;
}

static void on_mic(void *ctx, bool on) {
    count_late(ctx);
    ((link_end *)ctx)->mic = on;
}

static void on_rtp(void *ctx, mt_slice packet) {
    link_end *e = ctx;
    count_late(e);
    assert_true(e->secure);
    e->rtps++;
    memcpy(e->rtp, packet.p, packet.len);
    e->rtp_len = packet.len;
}

static void on_reconnecting(void *ctx, bool on) {
    link_end *e = ctx;
    count_late(e);
    if (on)
        e->reconnecting_on++;
    else
        e->reconnecting_off++;
}

static void on_closed(void *ctx, mt_link_end why) {
    link_end *e = ctx;
    count_late(e);
    e->closed = (int)why;
    if (e->destroy_in_closed)
        destroy(e);
}

static void on_restart(void *ctx, bool ready) {
    link_end *e = ctx;
    count_late(e);
    if (ready)
        e->restarts++;
    else
        e->restarts_failed++;
    if (e->destroy_in_restart)
        destroy(e);
}

static const mt_link_events events = {.local_ready = on_ready,
                                      .secure = on_secure,
                                      .text = on_text,
                                      .typing = on_typing,
                                      .partner_mic = on_mic,
                                      .rtp = on_rtp,
                                      .reconnecting = on_reconnecting,
                                      .closed = on_closed,
                                      .restart = on_restart};

mt_link_config pair_config(bool caller) {
    mt_link_config cfg = {.caller = caller, .codec = MT_CODEC_OPUS, .ptime_ms = 20, .loopback = true};
    memcpy(cfg.pair, pair_id, sizeof cfg.pair);
    return cfg;
}

void pair_init(link_pair *p) {
    *p = (link_pair){0};
}

void end_open(link_end *e, link_pair *p, const mt_link_config *cfg) {
    *e = (link_end){.pair = p, .closed = -1, .text = g_string_new(NULL)};
    assert_int_equal(mt_link_create(cfg, &events, e, &e->link), MT_OK);
}

void pair_open(link_pair *p, const mt_link_config *a, const mt_link_config *b) {
    end_open(&p->a, p, a);
    end_open(&p->b, p, b);
}

void pair_open_default(link_pair *p) {
    mt_link_config a = pair_config(true), b = pair_config(false);
    pair_init(p);
    pair_open(p, &a, &b);
}

void loop_turn(void) {
    if (!g_main_context_iteration(NULL, FALSE))
        g_usleep(200);
}

void end_close(link_end *e) {
    if (e->link != NULL)
        destroy(e);
    if (e->text != NULL)
        g_string_free(e->text, TRUE);
    e->text = NULL;
}

void pair_close(link_pair *p) {
    if (p->a.link != NULL)
        destroy(&p->a);
    if (p->b.link != NULL)
        destroy(&p->b);
    for (int i = 0; i < 2000 && (mt_ice_closing() > 0 || i < 20); i++)
        loop_turn();
    assert_int_equal(mt_ice_closing(), 0);
    assert_int_equal(p->a.callbacks_after_end, 0);
    assert_int_equal(p->b.callbacks_after_end, 0);
    end_close(&p->a);
    end_close(&p->b);
}

static void carry_sdp(link_pair *p, link_end *from, link_end *to) {
    const char *sdp = NULL;
    if (!from->ready || from->signalled || from->link == NULL || to->link == NULL || from->closed >= 0)
        return;
    from->signalled = true;
    assert_int_equal(mt_link_local_sdp(from->link, &sdp), MT_OK);
    char *carried = p->rewrite != NULL ? p->rewrite(p, sdp, from == &p->a) : g_strdup(sdp);
    if (to->closed < 0)
        assert_int_equal(mt_link_remote_sdp(to->link, mt_slice_of(carried)), MT_OK);
    g_free(carried);
}

void pair_turn(link_pair *p) {
    loop_turn();
    carry_sdp(p, &p->a, &p->b);
    if (!p->hold_answer)
        carry_sdp(p, &p->b, &p->a);
}

void pair_run_ms(link_pair *p, unsigned ms) {
    PAIR_UNTIL(p, false, ms);
}

void pair_expect_secure(link_pair *p) {
    PAIR_UNTIL(p, (p->a.secure && p->b.secure) || p->a.closed >= 0 || p->b.closed >= 0, 10000);
    assert_int_equal(p->a.closed, -1);
    assert_int_equal(p->b.closed, -1);
    assert_true(p->a.secure && p->b.secure);
    for (int i = 0; i < 4; i++)
        assert_string_equal(p->a.how.words[i], p->b.how.words[i]);
}

size_t make_rtp(uint8_t out[200], unsigned seq) {
    memset(out, 0, 200);
    out[0] = 0x80;
    out[1] = 111;
    out[2] = (uint8_t)(seq >> 8);
    out[3] = (uint8_t)seq;
    out[11] = 7;
    memset(out + 12, 'v', 80);
    return 92;
}

typedef struct speech {
    link_end *end;
    unsigned packets;
} speech;

static gpointer speak(gpointer data) {
    speech *s = data;
    for (unsigned seq = 0; seq < s->packets; seq++) {
        uint8_t rtp[200];
        mt_link_send_rtp(s->end->link, rtp, make_rtp(rtp, seq));
        g_usleep(1000);
    }
    g_free(s);
    return NULL;
}

GThread *end_speak(link_end *e, unsigned packets) {
    speech *s = g_new(speech, 1);
    *s = (speech){e, packets};
    return g_thread_new("speech", speak, s);
}

int link_set_up(void **state) {
    return (int)mt_link_init();
}

int link_tear_down(void **state) {
    mt_link_deinit();
    return 0;
}

unsigned count_entries(const char *folder) {
    unsigned count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

/* ---- the proxy ---- */

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data) {
    udp_proxy *x = data;
    uint8_t buf[2048];
    bool from_caller = fd == x->fd[0];
    ssize_t got;
    while ((got = recv(fd, buf, sizeof buf, MSG_DONTWAIT)) > 0) {
        size_t len = (size_t)got;
        x->seen[from_caller ? 0 : 1]++;
        if (x->hook == NULL || x->hook(x, from_caller, buf, &len))
            proxy_send(x, from_caller, buf, len);
    }
    return G_SOURCE_CONTINUE;
}

static struct sockaddr_in loopback(guint16 port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

void proxy_send(udp_proxy *x, bool from_caller, const uint8_t *p, size_t len) {
    int out = from_caller ? 1 : 0;
    struct sockaddr_in to = loopback(x->to[out]);
    if (x->to[out] != 0)
        (void)!sendto(x->fd[out], p, len, 0, (struct sockaddr *)&to, sizeof to);
}

void proxy_open(udp_proxy *x) {
    *x = (udp_proxy){0};
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in any = loopback(0);
        socklen_t len = sizeof any;
        x->fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(x->fd[i] >= 0);
        assert_int_equal(bind(x->fd[i], (struct sockaddr *)&any, sizeof any), 0);
        assert_int_equal(getsockname(x->fd[i], (struct sockaddr *)&any, &len), 0);
        x->port[i] = ntohs(any.sin_port);
        x->source[i] = g_unix_fd_add(x->fd[i], G_IO_IN, on_readable, x);
    }
}

void proxy_close(udp_proxy *x) {
    for (int i = 0; i < 2; i++) {
        g_source_remove(x->source[i]);
        close(x->fd[i]);
    }
}

/* Candidates go, but for one: the proxy's. What stood there is where the proxy sends. */
char *proxy_rewrite(link_pair *pair, const char *sdp, bool from_caller) {
    udp_proxy *x = pair->ctx;
    GString *out = g_string_new(NULL);
    char **lines = g_strsplit(sdp, "\r\n", -1);
    bool put = false;
    for (char **line = lines; *line != NULL && **line != '\0'; line++) {
        unsigned port = 0;
        if (!g_str_has_prefix(*line, "a=candidate:")) {
            g_string_append_printf(out, "%s\r\n", *line);
            continue;
        }
        const char *at = strstr(*line, " 127.0.0.1 ");
        if (at == NULL || put || sscanf(at, " 127.0.0.1 %u", &port) != 1)
            continue;
        put = true;
        x->to[from_caller ? 0 : 1] = (guint16)port;
        g_string_append_printf(out, "a=candidate:1 1 UDP 2130706431 127.0.0.1 %u typ host\r\n",
                               x->port[from_caller ? 1 : 0]);
    }
    assert_true(put);
    g_strfreev(lines);
    return g_string_free(out, FALSE);
}
