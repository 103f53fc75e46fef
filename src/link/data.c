#include "link/data.h"

#include <glib.h>

#include "base/log.h"
#include "link/chan.h"
#include "link/dcep.h"

enum {
    FOREIGN_MAX = 32,     /* messages on streams that are not ours: more is a flood */
    VOICE_QUEUE_MAX = 50, /* packets under way: half a second of the shortest frames */
};

struct mt_data {
    mt_sctp *sctp; /* owned */
    mt_data_events on;
    void *ctx;
    mt_data_config cfg;
    bool has_stream, open, ended;
    bool has_voice, voice_open; /* the stream is known; frames may be sent */
    uint16_t stream, voice_stream;
    unsigned foreign;
};

static void end(mt_data *d, mt_data_end why) {
    if (d->ended)
        return;
    d->ended = true;
    d->open = d->voice_open = false;
    mt_sctp_close(d->sctp);
    d->on.end(d->ctx, why);
}

static void violated(mt_data *d, const char *what) {
    mt_log(MT_LOG_WARN, "channel", "%s", what);
    end(d, MT_DATA_VIOLATED);
}

static void opened(mt_data *d) {
    d->open = true;
    d->on.open(d->ctx);
}

static void foreign(mt_data *d, uint16_t stream, bool reset) {
    if (++d->foreign > FOREIGN_MAX)
        violated(d, "a flood of foreign channels");
    else if (reset)
        mt_sctp_reset(d->sctp, stream);
}

/* RFC 8832 section 6: the DTLS client opens even streams, the server odd ones. */
static bool is_partners(const mt_data *d, uint16_t stream) {
    return (stream % 2 == 0) == !d->cfg.dtls_client;
}

static bool is_text_channel(const mt_data *d, const mt_dcep_msg *msg) {
    return !d->has_stream && msg->delivery == MT_DCEP_RELIABLE && mt_slice_is(msg->label, MT_CHAN_LABEL);
}

static bool is_voice_channel(const mt_data *d, const mt_dcep_msg *msg) {
    return d->cfg.voice && !d->has_voice && msg->delivery == MT_DCEP_ONCE &&
           mt_slice_is(msg->label, MT_CHAN_VOICE_LABEL);
}

static void on_open_request(mt_data *d, uint16_t stream, const mt_dcep_msg *msg) {
    bool text = is_text_channel(d, msg), voice = is_voice_channel(d, msg);
    bool taken = (d->has_stream && d->stream == stream) || (d->has_voice && d->voice_stream == stream);
    if (d->cfg.opener || !is_partners(d, stream) || stream >= MT_SCTP_STREAMS || taken || (!text && !voice)) {
        foreign(d, stream, true);
        return;
    }
    uint8_t ack = mt_dcep_ack();
    if (mt_sctp_send(d->sctp, stream, MT_PPID_DCEP, &ack, 1) != MT_OK) {
        violated(d, "the channel could not be confirmed");
        return;
    }
    if (voice) {
        d->has_voice = d->voice_open = true;
        d->voice_stream = stream;
        return;
    }
    d->has_stream = true;
    d->stream = stream;
    opened(d);
}

/* Frames are unordered: sent before this they could be there before the OPEN. */
static void on_ack(mt_data *d, uint16_t stream) {
    if (d->cfg.opener && d->has_voice && stream == d->voice_stream)
        d->voice_open = true;
    else if (!d->cfg.opener || stream != d->stream)
        foreign(d, stream, false);
}

static void on_dcep(mt_data *d, uint16_t stream, const uint8_t *p, size_t len_bytes) {
    mt_dcep_msg msg;
    if (mt_dcep_parse(p, len_bytes, &msg) != MT_OK)
        violated(d, "malformed DCEP");
    else if (msg.kind == MT_DCEP_OPEN)
        on_open_request(d, stream, &msg);
    else
        on_ack(d, stream);
}

static void on_message(void *ctx, uint16_t stream, uint32_t ppid, const uint8_t *p, size_t len_bytes) {
    mt_data *d = ctx;
    if (d->ended)
        return;
    if (ppid == MT_PPID_DCEP) {
        on_dcep(d, stream, p, len_bytes);
    } else if (d->has_voice && stream == d->voice_stream) {
        if (ppid == MT_PPID_BINARY)
            d->on.voice(d->ctx, mt_slice_n(p, len_bytes));
        else
            violated(d, "what is no voice in the channel for it");
    } else if (!d->has_stream || stream != d->stream) {
        foreign(d, stream, false);
    } else if (ppid != MT_PPID_STRING) {
        violated(d, "a message that is no text");
    } else {
        d->on.message(d->ctx, mt_slice_n(p, len_bytes));
    }
}

static bool send_open(mt_data *d, uint16_t stream, mt_slice label, mt_dcep_delivery delivery) {
    uint8_t request[MT_DCEP_OPEN_MAX_BYTES];
    size_t len = 0;
    return mt_dcep_write_open(label, delivery, request, &len) == MT_OK &&
           mt_sctp_send(d->sctp, stream, MT_PPID_DCEP, request, len) == MT_OK;
}

/* Messages may follow the OPEN without waiting for its ACK (RFC 8832 section 6): that saves a round trip. */
static void on_up(void *ctx) {
    mt_data *d = ctx;
    if (!d->cfg.opener)
        return;
    d->stream = d->cfg.dtls_client ? 0 : 1;
    d->voice_stream = d->stream + 2;
    if (!send_open(d, d->stream, MT_SLICE_LIT(MT_CHAN_LABEL), MT_DCEP_RELIABLE) ||
        (d->cfg.voice && !send_open(d, d->voice_stream, MT_SLICE_LIT(MT_CHAN_VOICE_LABEL), MT_DCEP_ONCE))) {
        violated(d, "the channels could not be opened");
        return;
    }
    d->has_stream = true;
    d->has_voice = d->cfg.voice;
    opened(d);
}

static void on_reset(void *ctx, uint16_t stream) {
    mt_data *d = ctx;
    if (d->has_stream && stream == d->stream)
        end(d, MT_DATA_CLOSED);
    else if (d->has_voice && stream == d->voice_stream)
        end(d, MT_DATA_CLOSED);
    else
        foreign(d, stream, false);
}

static void on_end(void *ctx, mt_sctp_end why) {
    end(ctx, why == MT_SCTP_ABORTED ? MT_DATA_CLOSED : MT_DATA_VIOLATED);
}

static void on_send(void *ctx, const void *p, size_t len_bytes) {
    mt_data *d = ctx;
    d->on.send(d->ctx, p, len_bytes);
}

mt_err mt_data_create(const mt_data_config *cfg, const mt_data_events *events, void *ctx, mt_data **out) {
    static const mt_sctp_events sctp_events = {
        .send = on_send, .up = on_up, .message = on_message, .reset = on_reset, .end = on_end};
    mt_data *d = g_new0(mt_data, 1);
    d->on = *events;
    d->ctx = ctx;
    d->cfg = *cfg;
    mt_err err = mt_sctp_create(cfg->peer_port, &sctp_events, d, &d->sctp);
    if (err != MT_OK) {
        mt_data_destroy(d);
        return err;
    }
    *out = d;
    return MT_OK;
}

void mt_data_destroy(mt_data *d) {
    if (d == NULL)
        return;
    mt_sctp_destroy(d->sctp);
    g_free(d);
}

void mt_data_close(mt_data *d) {
    d->ended = true;
    d->open = d->voice_open = false;
    mt_sctp_close(d->sctp);
}

void mt_data_input(mt_data *d, const void *p, size_t len_bytes) {
    if (!d->ended)
        mt_sctp_input(d->sctp, p, len_bytes);
}

mt_err mt_data_send(mt_data *d, mt_slice text) {
    if (!d->open)
        return MT_ESTATE;
    return mt_sctp_send(d->sctp, d->stream, MT_PPID_STRING, text.p, text.len);
}

void mt_data_beat(mt_data *d) {
    mt_sctp_beat(d->sctp);
}

mt_err mt_data_voice(mt_data *d, const void *frame, size_t len_bytes) {
    if (!d->voice_open)
        return MT_ESTATE;
    if (mt_sctp_queued(d->sctp) >= VOICE_QUEUE_MAX)
        return MT_ELIMIT;
    return mt_sctp_send_once(d->sctp, d->voice_stream, MT_PPID_BINARY, frame, len_bytes);
}
