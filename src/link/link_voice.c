/* Voice: by SRTP beside DTLS (policy GCM), or inside DTLS in a channel of its own (CBC). */
#include <string.h>

#include "base/secret.h"
#include "link/link_internal.h"
#include "link/voice_frame.h"

enum { FRAMES_MAX = 25 }; /* that wait for the main loop; one that stands still for long has no use for them */

static void tell(mt_link *l, bool rtcp, const uint8_t *packet, size_t len_bytes) {
    if (l->phase != MT_PHASE_SECURE)
        return;
    if (rtcp)
        MT_LINK_CALL(l, rtcp, l->ctx, mt_slice_n(packet, len_bytes));
    else
        MT_LINK_CALL(l, rtp, l->ctx, mt_slice_n(packet, len_bytes));
}

void mt_link_voice_packet(mt_link *l, const uint8_t *p, size_t len_bytes) {
    uint8_t packet[MT_SRTP_ROOM_BYTES];
    if (l->srtp == NULL || len_bytes < 2 || len_bytes > sizeof packet)
        return;
    memcpy(packet, p, len_bytes);
    size_t len = len_bytes;
    bool rtcp = p[1] >= 192 && p[1] <= 223; /* RFC 5761 section 4 */
    mt_err err = rtcp ? mt_srtp_unprotect_rtcp(l->srtp, packet, &len) : mt_srtp_unprotect(l->srtp, packet, &len);
    if (err != MT_OK)
        return;
    (rtcp ? mt_link_sign : mt_link_heard)(l);
    tell(l, rtcp, packet, len);
}

void mt_link_voice_frame(mt_link *l, mt_slice frame) {
    uint8_t packet[MT_VOICE_FRAME_MAX_BYTES];
    size_t len = 0;
    bool rtcp = false;
    if (mt_voice_frame_read((const uint8_t *)frame.p, frame.len, &rtcp, packet, &len) != MT_OK) {
        mt_link_finish(l, MT_LINK_PROTOCOL);
        return;
    }
    if (!rtcp)
        mt_link_heard(l);
    tell(l, rtcp, packet, len);
}

/* SCTP belongs to the main loop, so frames wait for its next turn. Those that nobody took in time are late: dropped. */
static void put_frame(mt_link *l, bool rtcp, const void *packet, size_t len_bytes) {
    uint8_t frame[MT_VOICE_FRAME_MAX_BYTES];
    size_t len = 0;
    if (mt_voice_frame_write(rtcp, packet, len_bytes, frame, &len) != MT_OK)
        return;
    if (g_queue_get_length(&l->frames) >= FRAMES_MAX)
        g_bytes_unref(g_queue_pop_head(&l->frames));
    g_queue_push_tail(&l->frames, g_bytes_new(frame, len));
    g_source_set_ready_time(l->frames_source, 0);
    mt_wipe(frame, len);
}

/* The lock is held across the sending, so that packets leave in the order of their sequence numbers and none is on its
 * way any more when shut returns; libnice takes its own lock inside and never calls back with it held. Handing over to
 * the main loop instead would cost a wake-up a packet and add its delay. */
static void send_packet(mt_link *l, bool rtcp, const void *packet, size_t len_bytes) {
    uint8_t buf[MT_SRTP_ROOM_BYTES];
    size_t len = len_bytes;
    memcpy(buf, packet, len_bytes);
    if ((rtcp ? mt_srtp_protect_rtcp : mt_srtp_protect)(l->srtp, buf, &len) == MT_OK)
        (void)!mt_ice_send(l->ice, buf, len);
    mt_wipe(buf, len_bytes);
}

static void send_voice(mt_link *l, bool rtcp, const void *packet, size_t len_bytes) {
    if (len_bytes > MT_SRTP_PACKET_MAX_BYTES)
        return;
    pthread_mutex_lock(&l->voice_lock);
    if (l->voice_open && l->srtp != NULL)
        send_packet(l, rtcp, packet, len_bytes);
    else if (l->voice_open)
        put_frame(l, rtcp, packet, len_bytes);
    pthread_mutex_unlock(&l->voice_lock);
}

void mt_link_send_rtp(mt_link *l, const void *packet, size_t len_bytes) {
    send_voice(l, false, packet, len_bytes);
}

void mt_link_send_rtcp(mt_link *l, const void *compound, size_t len_bytes) {
    send_voice(l, true, compound, len_bytes);
}

static GBytes *next_frame(mt_link *l) {
    pthread_mutex_lock(&l->voice_lock);
    GBytes *frame = g_queue_pop_head(&l->frames);
    pthread_mutex_unlock(&l->voice_lock);
    return frame;
}

static gboolean on_frames(GSource *source, GSourceFunc fn, gpointer data) {
    mt_link *l = data;
    GBytes *frame = NULL;
    g_source_set_ready_time(source, -1);
    while ((frame = next_frame(l)) != NULL) {
        gsize len = 0;
        const void *p = g_bytes_get_data(frame, &len);
        if (l->data != NULL && l->phase == MT_PHASE_SECURE)
            (void)!mt_data_voice(l->data, p, len); /* what cannot go at once is late */
        g_bytes_unref(frame);
    }
    return G_SOURCE_CONTINUE;
}

void mt_link_voice_init(mt_link *l) {
    static GSourceFuncs funcs = {.dispatch = on_frames};
    g_queue_init(&l->frames);
    pthread_mutex_init(&l->voice_lock, NULL);
    l->frames_source = g_source_new(&funcs, sizeof(GSource));
    g_source_set_callback(l->frames_source, NULL, l, NULL);
    g_source_set_priority(l->frames_source, G_PRIORITY_HIGH);
    g_source_attach(l->frames_source, l->main);
}

void mt_link_voice_open(mt_link *l, bool on) {
    pthread_mutex_lock(&l->voice_lock);
    l->voice_open = on;
    pthread_mutex_unlock(&l->voice_lock);
}

void mt_link_voice_deinit(mt_link *l) {
    g_source_destroy(l->frames_source);
    g_source_unref(l->frames_source);
    g_queue_clear_full(&l->frames, (GDestroyNotify)g_bytes_unref);
    pthread_mutex_destroy(&l->voice_lock);
}
