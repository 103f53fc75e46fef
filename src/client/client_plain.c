/* The client's talks with SIP phones: plain RTP in the place of the link. Not encrypted, agreed to by the user each
 * time. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/client_priv.h"

static void on_rtp(void *ctx, mt_slice packet) {
    myturn_client *c = ctx;
    if (c->audio != NULL)
        mt_audio_rtp_in(c->audio, packet);
}

/* The address by which the server is reached: what the phone is told to send to. */
static bool own_address(const myturn_client *c, mt_addr *out) {
    const char *text = c->sip.tls != NULL ? c->sip.tls : c->sip.tcp != NULL ? c->sip.tcp : c->sip.udp;
    mt_addr server;
    if (text == NULL || mt_addr_parse(mt_slice_of(text), &server) != MT_OK)
        return false;
    int fd = socket(server.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    bool ok = fd >= 0 && connect(fd, &server.sa, mt_addr_len(&server)) == 0 &&
              getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
              mt_addr_from_sockaddr((struct sockaddr *)&sa, out) == MT_OK;
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

void mt_client_plain_create(myturn_client *c, bool caller) {
    mt_addr local;
    if (!own_address(c, &local) || mt_plain_create(&local, c->loopback, on_rtp, c, &c->plain) != MT_OK) {
        mt_log(MT_LOG_ERROR, "rtp", "no socket for the sound");
        mt_turn_link_broken(c->turn, false, mt_clock_ms());
        return;
    }
    c->plain_caller = caller;
    if (caller)
        mt_turn_link_ready(c->turn, mt_clock_ms());
}

void mt_client_plain_remote(myturn_client *c, const char *sdp) {
    if (sdp == NULL || mt_plain_remote_sdp(c->plain, mt_slice_of(sdp)) != MT_OK) {
        mt_turn_link_broken(c->turn, true, mt_clock_ms());
        return;
    }
    if (c->plain_caller)
        mt_turn_link_secure(c->turn, mt_clock_ms()); /* the answer: the call is up */
    else
        mt_turn_link_ready(c->turn, mt_clock_ms());
}

const char *mt_client_plain_sdp(myturn_client *c) {
    return mt_plain_local_sdp(c->plain, c->plain_caller);
}

void mt_client_plain_destroy(myturn_client *c) {
    if (c->plain == NULL)
        return;
    mt_client_audio_stop(c); /* the microphone's thread sends by it */
    mt_plain_destroy(c->plain);
    c->plain = NULL;
}

void mt_client_plain_codec(const myturn_client *c, mt_audio_config *cfg) {
    static const mt_audio_codec codecs[] = {
        [MT_PLAIN_PCMU] = MT_AUDIO_PCMU, [MT_PLAIN_PCMA] = MT_AUDIO_PCMA, [MT_PLAIN_OPUS] = MT_AUDIO_OPUS};
    const mt_plain_sdp *agreed = mt_plain_agreed(c->plain);
    cfg->codec = codecs[agreed->codec];
    cfg->payload_type = cfg->recv_payload_type = agreed->payload_type;
    cfg->ptime_ms = 20;
}
