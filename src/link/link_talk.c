/* What is said in the channel: the four words first, then texts, states and the heartbeat, paced by link/chan.h. */
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timerq.h"
#include "link/link_internal.h"

enum {
    PING_MS = 1000,
    TICK_MS = 200,
    TEXTS_MAX = 2000,
    TEXT_BYTES_MAX = 1024 * 1024,
};

/* ---- out ---- */

static mt_err send_now(mt_link *l, const mt_chan_msg *msg) {
    mt_buf_reset(&l->out);
    mt_err err = mt_chan_send(&l->tx, msg, mt_clock_ms(), &l->out);
    if (err != MT_OK)
        return err;
    /* The window of chan.h is far below SCTP's buffer: a refusal means that the association is broken. */
    if (mt_data_send(l->data, mt_buf_slice(&l->out)) != MT_OK) {
        mt_link_finish(l, MT_LINK_LOST);
        return MT_ECLOSED;
    }
    return MT_OK;
}

/* One at a time, and answers first: were both partners to fill the window of unconfirmed messages with pings, none
 * could answer the other any more. While one is unanswered SCTP's retransmissions tell the partner that we live. */
static void ping(mt_link *l) {
    if (l->tx.ping_id != l->tx.pong_id)
        return;
    if (send_now(l, &(mt_chan_msg){.type = MT_CHAN_PING}) == MT_OK)
        l->ping_ms = mt_clock_ms();
}

static mt_err flush_states(mt_link *l) {
    mt_link_pending *p = &l->pending;
    if (p->pong) {
        mt_err err = send_now(l, &(mt_chan_msg){.type = MT_CHAN_PONG, .id = p->pong_id});
        if (err != MT_OK)
            return err;
        p->pong = false;
    }
    if (p->mic) {
        mt_err err = send_now(l, &(mt_chan_msg){.type = MT_CHAN_MIC, .on = p->mic_on});
        if (err != MT_OK)
            return err;
        p->mic = false;
        p->mic_sent = p->mic_on;
    }
    if (p->typing) {
        mt_err err = send_now(l, &(mt_chan_msg){.type = MT_CHAN_TYPING, .on = p->typing_on});
        if (err != MT_OK)
            return err;
        p->typing = false;
        p->typing_sent = p->typing_on;
    }
    return MT_OK;
}

static mt_err flush_texts(mt_link *l) {
    GBytes *body = NULL;
    while ((body = g_queue_peek_head(&l->pending.texts)) != NULL) {
        gsize len = 0;
        const char *p = g_bytes_get_data(body, &len);
        mt_err err = send_now(l, &(mt_chan_msg){.type = MT_CHAN_TEXT, .body = mt_slice_n(p, len)});
        if (err != MT_OK)
            return err;
        l->pending.text_bytes -= len;
        g_bytes_unref(g_queue_pop_head(&l->pending.texts));
    }
    return MT_OK;
}

static void flush(mt_link *l);

static gboolean on_flush(void *data) {
    mt_link *l = data;
    mt_link_timer_stop(&l->flush);
    flush(l);
    return G_SOURCE_REMOVE;
}

static void flush(mt_link *l) {
    if (l->phase != MT_PHASE_WORDS && l->phase != MT_PHASE_SECURE)
        return;
    mt_err err = flush_states(l);
    if (err == MT_OK && l->phase == MT_PHASE_SECURE)
        err = flush_texts(l);
    if (err != MT_EMORE || l->phase == MT_PHASE_CLOSED)
        return;
    int64_t now_ms = mt_clock_ms();
    int64_t next_ms = mt_chan_tx_next_ms(&l->tx, l->pending.pong ? MT_CHAN_PONG : MT_CHAN_TEXT, now_ms);
    if (next_ms == MT_NEVER) {
        ping(l); /* only a pong opens the window */
        next_ms = mt_chan_tx_next_ms(&l->tx, MT_CHAN_PING, now_ms);
        if (l->tx.ping_id != l->tx.pong_id || next_ms == MT_NEVER || l->phase == MT_PHASE_CLOSED)
            return;
    }
    mt_link_timer_stop(&l->flush);
    l->flush = mt_link_timer(l, next_ms > now_ms ? (guint)(next_ms - now_ms) : 1, on_flush);
}

/* Whether the talk takes what the owner wants to say. */
static bool can_talk(const mt_link *l) {
    return l->phase == MT_PHASE_SECURE;
}

mt_err mt_link_text(mt_link *l, mt_slice body) {
    if (!can_talk(l))
        return MT_ESTATE;
    mt_buf_reset(&l->out);
    mt_err err = mt_chan_encode(&(mt_chan_msg){.type = MT_CHAN_TEXT, .id = MT_CHAN_MAX_ID, .body = body}, &l->out);
    if (err != MT_OK)
        return err;
    mt_link_pending *p = &l->pending;
    if (g_queue_get_length(&p->texts) >= TEXTS_MAX || p->text_bytes + body.len > TEXT_BYTES_MAX)
        return MT_ELIMIT;
    g_queue_push_tail(&p->texts, g_bytes_new(body.p, body.len));
    p->text_bytes += body.len;
    if (l->flush == NULL)
        flush(l);
    return MT_OK;
}

size_t mt_link_unsent(const mt_link *l) {
    return l->pending.texts.length;
}

mt_err mt_link_typing(mt_link *l, bool on) {
    if (!can_talk(l))
        return MT_ESTATE;
    l->pending.typing = on != l->pending.typing_sent;
    l->pending.typing_on = on;
    flush(l);
    return MT_OK;
}

mt_err mt_link_mic(mt_link *l, bool on) {
    if (!can_talk(l))
        return MT_ESTATE;
    l->pending.mic = on != l->pending.mic_sent;
    l->pending.mic_on = on;
    flush(l);
    return MT_OK;
}

void mt_link_talk_say_bye(mt_link *l) {
    mt_err err = send_now(l, &(mt_chan_msg){.type = MT_CHAN_BYE});
    if (err != MT_OK)
        mt_log(MT_LOG_DEBUG, "link", "bye was not sent: %s", mt_err_str(err));
}

/* ---- the four words ---- */

static const mt_chan_type chan_type_of[] = {
    [MT_SAS_COMMIT] = MT_CHAN_SAS_COMMIT, [MT_SAS_NONCE] = MT_CHAN_SAS_NONCE, [MT_SAS_REVEAL] = MT_CHAN_SAS_REVEAL};

static mt_err send_sas(mt_link *l, const mt_sas_msg *msg) {
    if (msg->kind == MT_SAS_NOTHING)
        return MT_OK;
    mt_chan_msg out = {.type = chan_type_of[msg->kind]};
    memcpy(out.value, msg->value, sizeof out.value);
    return send_now(l, &out);
}

static void choose_codec(const mt_link *l, mt_link_secure *how) {
    const mt_sdp *answer = l->cfg.caller ? l->remote : l->local;
    bool l16 = answer->l16_pt != 0 && (answer->l16_first || answer->opus_pt == 0);
    how->codec = l16 ? MT_CODEC_L16 : MT_CODEC_OPUS;
    how->payload_type = l16 ? answer->l16_pt : answer->opus_pt;
    if (l16)
        how->ptime_ms = 10;
    else
        how->ptime_ms = l->remote->ptime_ms == 10 || l->remote->ptime_ms == 20 ? l->remote->ptime_ms : 20;
}

static void become_secure(mt_link *l) {
    mt_link_secure how = {.dtls_cipher = mt_dtls_cipher(l->dtls),
                          .srtp_profile = l->srtp != NULL ? mt_srtp_profile(l->srtp) : NULL,
                          .policy = l->cfg.policy,
                          .ice_us = l->ice_us - l->remote_us,
                          .dtls_us = l->dtls_us - l->remote_us,
                          .channel_us = l->channel_us - l->remote_us};
    mt_link_take_path(l, &how.path);
    if (mt_sas_words(&l->sas, how.words) != MT_OK) {
        mt_link_finish(l, MT_LINK_SAS_FAILED);
        return;
    }
    choose_codec(l, &how);
    l->phase = MT_PHASE_SECURE;
    mt_link_timer_stop(&l->limit);
    mt_link_voice_open(l, true);
    MT_LINK_CALL(l, secure, l->ctx, &how);
}

static void on_sas(mt_link *l, const mt_chan_msg *msg) {
    mt_sas_msg in = {.kind = MT_SAS_COMMIT}, out = {.kind = MT_SAS_NOTHING};
    if (msg->type == MT_CHAN_SAS_NONCE)
        in.kind = MT_SAS_NONCE;
    else if (msg->type == MT_CHAN_SAS_REVEAL)
        in.kind = MT_SAS_REVEAL;
    memcpy(in.value, msg->value, sizeof in.value);
    mt_err err = mt_sas_input(&l->sas, &in, mt_clock_ms(), &out);
    if (err == MT_ETIMEOUT)
        mt_link_finish(l, MT_LINK_NO_PATH);
    else if (err != MT_OK || send_sas(l, &out) != MT_OK)
        mt_link_finish(l, MT_LINK_SAS_FAILED);
    else if (l->sas.state == MT_SAS_DONE && l->phase == MT_PHASE_WORDS)
        become_secure(l);
}

/* ---- in ---- */

static void on_pong(mt_link *l, uint64_t id) {
    if (mt_chan_tx_pong(&l->tx, id) != MT_OK) {
        mt_link_finish(l, MT_LINK_PROTOCOL);
        return;
    }
    flush(l);
}

static void on_talk(mt_link *l, const mt_chan_msg *msg) {
    if (l->phase != MT_PHASE_SECURE)
        mt_link_finish(l, MT_LINK_SAS_FAILED); /* nothing is said before the words */
    else if (msg->type == MT_CHAN_TEXT)
        MT_LINK_CALL(l, text, l->ctx, msg->body);
    else if (msg->type == MT_CHAN_TYPING)
        MT_LINK_CALL(l, typing, l->ctx, msg->on);
    else if (msg->type == MT_CHAN_MIC)
        MT_LINK_CALL(l, partner_mic, l->ctx, msg->on);
}

static void on_message(mt_link *l, const mt_chan_msg *msg) {
    switch (msg->type) {
    case MT_CHAN_UNKNOWN:
        break;
    case MT_CHAN_TEXT:
    case MT_CHAN_TYPING:
    case MT_CHAN_MIC:
    case MT_CHAN_CAM:
        on_talk(l, msg);
        break;
    case MT_CHAN_PING:
        l->pending.pong = true;
        l->pending.pong_id = msg->id;
        flush(l);
        break;
    case MT_CHAN_PONG:
        on_pong(l, msg->id);
        break;
    case MT_CHAN_SAS_COMMIT:
    case MT_CHAN_SAS_NONCE:
    case MT_CHAN_SAS_REVEAL:
        on_sas(l, msg);
        break;
    case MT_CHAN_BYE:
        mt_link_talk_say_bye(l); /* confirms */
        mt_link_finish(l, MT_LINK_REMOTE_BYE);
        break;
    }
}

void mt_link_talk_message(mt_link *l, mt_slice json) {
    mt_chan_msg msg;
    if (l->phase < MT_PHASE_WORDS || l->phase > MT_PHASE_BYE)
        return;
    mt_err err = mt_chan_receive(&l->rx, json, mt_clock_ms(), &l->in, &msg);
    if (l->phase == MT_PHASE_BYE) {
        if (err == MT_OK && msg.type == MT_CHAN_BYE)
            mt_link_finish(l, MT_LINK_LOCAL_BYE);
        return;
    }
    if (err == MT_OK) {
        mt_link_heard(l);
        if (l->phase != MT_PHASE_CLOSED) /* by the owner, who was told */
            on_message(l, &msg);
        return;
    }
    mt_log(MT_LOG_WARN, "channel", "%s", err == MT_ELIMIT ? "too many messages" : "a malformed message");
    mt_link_finish(l, MT_LINK_PROTOCOL);
}

/* ---- heartbeat ---- */

static void watch_silence(mt_link *l) {
    int64_t silent_ms = mt_link_silent_ms(l);
    if (silent_ms >= l->cfg.lost_ms) {
        mt_link_finish(l, MT_LINK_LOST);
    } else if (silent_ms >= l->cfg.silence_ms && !l->reconnecting) {
        l->reconnecting = true;
        MT_LINK_CALL(l, reconnecting, l->ctx, true);
    }
}

static int64_t ping_interval_ms(const mt_link *l) {
    int64_t third = l->cfg.silence_ms / 3;
    return third < PING_MS ? third : PING_MS;
}

/* All that we have to say may wait for the partner's answer, and his for us. */
void mt_link_talk_beat(mt_link *l) {
    if (!l->reconnecting || mt_link_is_mute(l) || l->phase != MT_PHASE_SECURE)
        return;
    l->beat_ms = mt_clock_ms();
    mt_data_beat(l->data);
}

static gboolean on_tick(void *data) {
    mt_link *l = data;
    if (l->phase == MT_PHASE_WORDS && mt_sas_tick(&l->sas, mt_clock_ms()) != MT_OK)
        mt_link_finish(l, MT_LINK_NO_PATH); /* nothing came that was wrong */
    if (l->phase == MT_PHASE_SECURE)
        watch_silence(l);
    if (l->phase == MT_PHASE_SECURE)
        mt_link_voice_open(l, !mt_link_is_mute(l));
    if (mt_clock_ms() - l->beat_ms >= ping_interval_ms(l))
        mt_link_talk_beat(l);
    if (l->flush == NULL)
        flush(l);
    if (l->phase == MT_PHASE_SECURE && !l->pending.pong && mt_clock_ms() - l->ping_ms >= ping_interval_ms(l))
        ping(l);
    return G_SOURCE_CONTINUE;
}

void mt_link_talk_start(mt_link *l) {
    if (l->phase != MT_PHASE_CHANNEL)
        return;
    int64_t now_ms = mt_clock_ms();
    mt_sas_setup setup = {.a = l->cfg.caller};
    mt_sas_msg first = {.kind = MT_SAS_NOTHING};
    l->phase = MT_PHASE_WORDS;
    l->channel_us = mt_clock_us();
    memcpy(setup.pair, l->cfg.pair, sizeof setup.pair);
    memcpy(setup.fp_own, mt_dtls_fingerprint(l->dtls), sizeof setup.fp_own);
    memcpy(setup.fp_peer, mt_dtls_peer_fingerprint(l->dtls), sizeof setup.fp_peer);
    mt_sas_init(&l->sas, &setup, mt_random_kernel());
    l->sas_live = true;
    mt_chan_tx_init(&l->tx, now_ms);
    mt_chan_rx_init(&l->rx, now_ms);
    l->tick = mt_link_timer(l, MIN((guint)TICK_MS, l->cfg.silence_ms / 5), on_tick);
    if (mt_sas_start(&l->sas, now_ms, &first) != MT_OK || send_sas(l, &first) != MT_OK)
        mt_link_finish(l, MT_LINK_SAS_FAILED);
}

void mt_link_talk_deinit(mt_link *l) {
    if (l->sas_live)
        mt_sas_deinit(&l->sas);
    g_queue_clear_full(&l->pending.texts, (GDestroyNotify)g_bytes_unref);
    mt_buf_wipe(&l->out);
    mt_buf_wipe(&l->in);
}
