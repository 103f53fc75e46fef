/* Where a back-to-back agent is the SIP server, it writes an SDP of its own and could not pass ours on. The call then
 * holds one plain audio line, for which nothing is sent or played, and the link's offer and answer go through the API.
 */
#include "base/clock.h"
#include "base/log.h"
#include "client/client_priv.h"

enum { AGAIN_MS = 500 };

/* An address that leads nowhere: what the other side is shown tells nothing, and what is sent to it harms nobody. */
const char mt_client_relay_sdp[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                                   "m=audio 9 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n";

static void stop_source(GSource **s) {
    if (*s == NULL)
        return;
    g_source_destroy(*s);
    g_source_unref(*s);
    *s = NULL;
}

void mt_client_relay_stop(myturn_client *c) {
    stop_source(&c->put_again);
    stop_source(&c->get_again);
    mt_api_link_break(c->api);
}

void mt_client_relay_put(myturn_client *c) {
    const char *sdp = mt_client_local_sdp(c);
    stop_source(&c->put_again);
    if (sdp != NULL)
        mt_api_link_put(c->api, c->link_pair, sdp);
}

void mt_client_relay_get(myturn_client *c) {
    stop_source(&c->get_again);
    if (c->link != NULL)
        mt_api_link_get(c->api, c->link_pair);
}

static gboolean on_put_again(gpointer data) {
    mt_client_relay_put(data);
    return G_SOURCE_REMOVE;
}

static gboolean on_get_again(gpointer data) {
    mt_client_relay_get(data);
    return G_SOURCE_REMOVE;
}

static void again(myturn_client *c, bool put) {
    GSource **s = put ? &c->put_again : &c->get_again;
    stop_source(s);
    *s = g_timeout_source_new(AGAIN_MS);
    g_source_set_callback(*s, put ? on_put_again : on_get_again, c, NULL);
    (void)g_source_attach(*s, c->main);
}

static void on_put(void *ctx) {}

static void on_got(void *ctx, const char *text) {
    myturn_client *c = ctx;
    if (c->link == NULL)
        return;
    if (text == NULL)
        mt_client_relay_get(c);
    else
        mt_client_remote_sdp(c, text);
    mt_client_act(c);
}

/* 404: the pair is over. The server away: tried on, as long as the call may take. */
static void on_failed(void *ctx, bool put, const mt_fault *fault) {
    myturn_client *c = ctx;
    if (c->link == NULL)
        return;
    if (fault->kind == MT_FAULT_UNREACHABLE || fault->kind == MT_FAULT_SLOW_DOWN) {
        again(c, put);
        return;
    }
    mt_log(MT_LOG_INFO, "link", "the server does not pass offer and answer on: %u %s", fault->status, fault->code);
    mt_turn_link_closed(c->turn, MT_LINK_REMOTE_BYE, mt_clock_ms());
    mt_client_act(c);
}

const mt_api_link_events mt_client_relay_events = {.got = on_got, .put = on_put, .failed = on_failed};
