/* Two links in one process, their SDPs carried by function calls, their packets by real sockets on loopback, on
 * demand through a proxy that does to them what an attacker on the way can do. */
#ifndef MT_TEST_LINK_PAIR_H
#define MT_TEST_LINK_PAIR_H

#include <glib.h>
#include <stdbool.h>

#include "link/link.h"

typedef struct link_end {
    struct link_pair *pair;
    mt_link *link; /* NULL after destroy */
    bool ready, signalled, secure;
    mt_link_secure how;
    int closed; /* mt_link_end; -1: not */
    unsigned texts, rtps, reconnecting_on, reconnecting_off, callbacks_after_end;
    unsigned restarts, restarts_failed; /* told by on_restart */
    bool typing, mic, disordered;
    unsigned last_number; /* of texts "n" */
    GString *text;        /* the last one */
    uint8_t rtp[1500];
    size_t rtp_len;
    bool destroy_in_secure, destroy_in_text, destroy_in_closed, destroy_in_restart;
} link_end;

typedef char *sdp_rewrite_fn(struct link_pair *pair, const char *sdp, bool from_caller); /* g_malloc'ed */

typedef struct link_pair {
    link_end a, b; /* a calls */
    sdp_rewrite_fn *rewrite;
    void *ctx;
    bool hold_answer; /* the answer is not carried yet */
} link_pair;

/* Sensible values; change them before pair_open. */
mt_link_config pair_config(bool caller);
void pair_init(link_pair *p);
void pair_open(link_pair *p, const mt_link_config *a, const mt_link_config *b);
void pair_open_default(link_pair *p);
void end_open(link_end *e, link_pair *p, const mt_link_config *cfg);
void pair_close(link_pair *p); /* destroys what is left and runs the loop until all is freed */
void end_close(link_end *e);

/* Turns the main loop and carries SDPs. PAIR_UNTIL gives up after limit_ms. */
void pair_turn(link_pair *p);
void loop_turn(void);
#define PAIR_UNTIL(p, condition, limit_ms)                                                                             \
    do {                                                                                                               \
        gint64 until_us = g_get_monotonic_time() + (gint64)(limit_ms)*1000;                                            \
        while (!(condition) && g_get_monotonic_time() < until_us)                                                      \
            pair_turn(p);                                                                                              \
    } while (0)
void pair_expect_secure(link_pair *p);
void pair_run_ms(link_pair *p, unsigned ms);
size_t make_rtp(uint8_t out[200], unsigned seq);
GThread *end_speak(link_end *e, unsigned packets); /* from a thread of its own, one a millisecond; to be joined */

/* For cmocka_run_group_tests. */
int link_set_up(void **state);
int link_tear_down(void **state);
unsigned count_entries(const char *folder); /* of /proc: what is open, what runs */

/* ---- the proxy ---- */
struct udp_proxy;
/* from_caller: the direction. Change *len or the bytes in place (room 2,048); false: the packet is dropped. */
typedef bool proxy_hook_fn(struct udp_proxy *x, bool from_caller, uint8_t *p, size_t *len);

typedef struct udp_proxy {
    int fd[2];       /* [0] is what the caller takes for the callee, [1] the reverse */
    guint16 port[2]; /* theirs */
    guint16 to[2];   /* [0]: the caller's real port, [1]: the callee's */
    guint source[2];
    proxy_hook_fn *hook;
    unsigned seen[2];
    void *ctx;
} udp_proxy;
void proxy_open(udp_proxy *x);
void proxy_close(udp_proxy *x);
/* A rewrite for link_pair whose ctx is the proxy. */
char *proxy_rewrite(link_pair *pair, const char *sdp, bool from_caller);
/* Sends towards the callee (from_caller) or the caller. */
void proxy_send(udp_proxy *x, bool from_caller, const uint8_t *p, size_t len);

#endif
