/* How fast messages may come and go. Credits are thousandths of a message, so that a rate per second is a credit per
 * millisecond. */
#include "base/timerq.h"
#include "link/chan.h"

#define ONE 1000

static int64_t refill(int64_t credit, int64_t at_ms, int64_t now_ms, int64_t rate, int64_t burst) {
    int64_t full = burst * ONE;
    if (now_ms <= at_ms)
        return credit;
    if (now_ms - at_ms > full / rate)
        return full;
    credit += (now_ms - at_ms) * rate;
    return credit < full ? credit : full;
}

void mt_chan_rx_init(mt_chan_rx *rx, int64_t now_ms) {
    *rx = (mt_chan_rx){.credit = MT_CHAN_BURST * ONE, .at_ms = now_ms};
}

mt_err mt_chan_receive(mt_chan_rx *rx, mt_slice json, int64_t now_ms, mt_buf *text, mt_chan_msg *out) {
    rx->credit = refill(rx->credit, rx->at_ms, now_ms, MT_CHAN_RATE, MT_CHAN_BURST);
    rx->at_ms = now_ms > rx->at_ms ? now_ms : rx->at_ms;
    if (rx->credit < ONE)
        return MT_ELIMIT;
    rx->credit -= ONE;
    mt_chan_msg m;
    mt_err err = mt_chan_decode(json, text, &m);
    if (err != MT_OK)
        return err;
    if (m.type == MT_CHAN_TEXT) {
        if (m.id <= rx->last_text_id)
            return MT_EBAD;
        rx->last_text_id = m.id;
    }
    *out = m;
    return MT_OK;
}

void mt_chan_tx_init(mt_chan_tx *tx, int64_t now_ms) {
    *tx = (mt_chan_tx){.credit = MT_CHAN_TX_BURST * ONE, .at_ms = now_ms};
}

static bool window_open(const mt_chan_tx *tx, mt_chan_type type) {
    uint64_t unconfirmed = tx->sent - tx->confirmed;
    switch (type) {
    case MT_CHAN_TEXT:
    case MT_CHAN_TYPING:
    case MT_CHAN_MIC:
    case MT_CHAN_CAM:
        return unconfirmed < MT_CHAN_TX_TEXT_WINDOW;
    case MT_CHAN_PING:
        return unconfirmed < MT_CHAN_TX_PING_WINDOW && tx->ping_id - tx->pong_id < MT_CHAN_TX_PINGS;
    default:
        return unconfirmed < MT_CHAN_TX_WINDOW;
    }
}

int64_t mt_chan_tx_next_ms(const mt_chan_tx *tx, mt_chan_type type, int64_t now_ms) {
    if (type == MT_CHAN_BYE)
        return now_ms;
    if (!window_open(tx, type))
        return MT_NEVER;
    int64_t credit = refill(tx->credit, tx->at_ms, now_ms, MT_CHAN_TX_RATE, MT_CHAN_TX_BURST);
    return credit >= ONE ? now_ms : now_ms + (ONE - credit + MT_CHAN_TX_RATE - 1) / MT_CHAN_TX_RATE;
}

mt_err mt_chan_send(mt_chan_tx *tx, const mt_chan_msg *msg, int64_t now_ms, mt_buf *out) {
    if (mt_chan_tx_next_ms(tx, msg->type, now_ms) > now_ms)
        return MT_EMORE;
    mt_chan_msg m = *msg;
    if (m.type == MT_CHAN_TEXT)
        m.id = tx->text_id + 1;
    else if (m.type == MT_CHAN_PING)
        m.id = tx->ping_id + 1;
    mt_err err = mt_chan_encode(&m, out);
    if (err != MT_OK)
        return err;
    tx->credit = refill(tx->credit, tx->at_ms, now_ms, MT_CHAN_TX_RATE, MT_CHAN_TX_BURST) - ONE;
    tx->at_ms = now_ms > tx->at_ms ? now_ms : tx->at_ms;
    tx->sent++;
    if (m.type == MT_CHAN_TEXT)
        tx->text_id = m.id;
    if (m.type == MT_CHAN_PING) {
        tx->ping_id = m.id;
        tx->ping_sent[m.id % MT_CHAN_TX_PINGS] = tx->sent;
    }
    return MT_OK;
}

mt_err mt_chan_tx_pong(mt_chan_tx *tx, uint64_t id) {
    if (id <= tx->pong_id || id > tx->ping_id)
        return MT_EBAD;
    tx->pong_id = id;
    tx->confirmed = tx->ping_sent[id % MT_CHAN_TX_PINGS];
    return MT_OK;
}
