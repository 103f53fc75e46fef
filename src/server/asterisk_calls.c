/* What Asterisk reports of devices and calls, and what becomes of it. A channel is "SIP/<device>-<8 hex digits>", and
 * belongs to the pair that was current when the call began: whatever is reported of it later touches that pair alone.
 */
#include <stdio.h>

#include "base/log.h"
#include "server/asterisk_int.h"
#include "server/turn.h"

static mt_asterisk_peer *by_name(const mt_asterisk *a, mt_slice name) {
    mt_session *s = mt_session_by_name(a->srv, name);
    return s != NULL ? s->peer : NULL;
}

static mt_asterisk_peer *by_channel(const mt_asterisk *a, mt_slice channel) {
    if (!mt_slice_starts_nocase(channel, "SIP/"))
        return NULL;
    size_t end = channel.len;
    while (end > 4 && channel.p[end - 1] != '-')
        end--;
    return end > 5 ? by_name(a, mt_slice_n(channel.p + 4, end - 5)) : NULL;
}

static bool is_bound(const mt_asterisk_peer *p, mt_slice channel) {
    return p != NULL && p->channel[0] != '\0' && mt_slice_is(channel, p->channel);
}

static void bind_call(mt_asterisk_peer *p, mt_slice channel, const mt_pair *pair) {
    if (channel.len >= sizeof p->channel)
        return;
    (void)snprintf(p->channel, sizeof p->channel, "%.*s", (int)channel.len, channel.p);
    memcpy(p->call_pair, mt_pair_id(pair), sizeof p->call_pair);
}

static void hang_up_channel(mt_asterisk *a, mt_slice channel) {
    mt_err err = mt_asterisk_run(a, &(mt_asterisk_ask){.kind = MT_ASTERISK_HANGUP}, "channel request hangup %.*s",
                                 (int)channel.len, channel.p);
    if (err != MT_OK)
        mt_log(MT_LOG_WARN, "asterisk", "a call cannot be ended: %s", mt_err_str(err));
}

void mt_asterisk_hang_up(mt_asterisk_peer *p) {
    if (p->channel[0] == '\0')
        return;
    hang_up_channel(p->a, mt_slice_of(p->channel));
    p->channel[0] = '\0';
}

void mt_asterisk_pair_ended(mt_server *srv, const mt_event *ev) {
    const uint32_t both[] = {ev->a, ev->b};
    for (size_t i = 0; srv->asterisk != NULL && i < 2; i++) {
        mt_asterisk_peer *p = mt_asterisk_by_exten(srv->asterisk, both[i]);
        if (p == NULL)
            continue;
        mt_asterisk_link_drop(p, ev->pair);
        if (p->channel[0] != '\0' && memcmp(p->call_pair, ev->pair, MT_PAIR_ID_BYTES) == 0)
            mt_asterisk_hang_up(p);
    }
}

static void ignore(mt_err err) {
    if (err != MT_OK && err != MT_ENOENT && err != MT_ESTATE)
        mt_log(MT_LOG_WARN, "matchmaker", "%s", mt_err_str(err));
}

static void end(mt_asterisk_peer *p, mt_pair_end why) {
    mt_server *srv = p->a->srv;
    p->channel[0] = '\0';
    ignore(mt_match_end(srv->match, p->call_pair, why, mt_server_now_ms(srv)));
}

/* Devices */

static void set_registered(mt_asterisk_peer *p, bool on, const char *why) {
    if (p->s->registered != on)
        mt_console_user(p->s, on ? "registered" : "unregistered", why);
    mt_session_set_registered(p->s, on, mt_server_now_ms(p->a->srv));
    if (!on)
        mt_turn_forgotten(p->s, mt_server_now_ms(p->a->srv));
}

static void peer_status(mt_asterisk *a, mt_slice text) {
    mt_slice peer = mt_ami_value(text, "Peer"), status = mt_ami_value(text, "PeerStatus");
    if (!mt_slice_starts_nocase(peer, "SIP/"))
        return;
    mt_asterisk_peer *p = by_name(a, mt_slice_n(peer.p + 4, peer.len - 4));
    if (p == NULL)
        return;
    mt_addr addr;
    if (mt_addr_parse(mt_ami_value(text, "Address"), &addr) == MT_OK) {
        p->addr = addr;
        p->has_addr = true;
    }
    if (mt_slice_is_nocase(status, "Registered") || mt_slice_is_nocase(status, "Reachable"))
        set_registered(p, true, "with Asterisk");
    else if (mt_slice_is_nocase(status, "Unregistered"))
        set_registered(p, false, NULL);
    else if (mt_slice_is_nocase(status, "Unreachable"))
        set_registered(p, false, "unreachable");
}

/* "Addr->IP     : 127.0.0.1:5062", "(null)" where it is not registered. */
void mt_asterisk_device(mt_asterisk_peer *p, const mt_asterisk_cmd *cmd, mt_slice text) {
    mt_slice line;
    mt_addr addr;
    while (mt_asterisk_line(cmd, &text, &line)) {
        if (!mt_slice_starts_nocase(line, "Addr->IP"))
            continue;
        size_t colon = mt_slice_find(line, ':');
        if (colon == line.len)
            return;
        p->has_addr =
            mt_addr_parse(mt_slice_trim(mt_slice_n(line.p + colon + 1, line.len - colon - 1)), &addr) == MT_OK;
        if (p->has_addr)
            p->addr = addr;
        set_registered(p, p->has_addr, p->has_addr ? "with Asterisk" : "forgotten by Asterisk");
        return;
    }
}

/* Calls */

/* The pair in which a calls b and may do so now. */
static const mt_pair *may_call(const mt_asterisk_peer *a, const mt_asterisk_peer *b) {
    const mt_pair *pair = mt_user_pair(a->s->user);
    bool good = pair != NULL && mt_pair_caller(pair) == a->s->user && mt_pair_callee(pair) == b->s->user;
    return good && !mt_pair_is_up(pair) ? pair : NULL;
}

static void begin_call(mt_asterisk_peer *caller, mt_slice channel, const mt_pair *pair) {
    mt_server *srv = caller->a->srv;
    bind_call(caller, channel, pair);
    ignore(mt_match_invited(srv->match, mt_pair_id(pair), mt_server_now_ms(srv)));
}

/* A device of ours dials. Whoever is not the partner is not called. */
static void new_channel(mt_asterisk *a, mt_slice text) {
    mt_slice channel = mt_ami_value(text, "Channel");
    mt_asterisk_peer *p = by_channel(a, channel);
    uint64_t number = 0;
    if (p == NULL || mt_slice_to_u64(mt_ami_value(text, "Exten"), UINT32_MAX, &number) != MT_OK)
        return;
    mt_asterisk_peer *callee = mt_asterisk_by_exten(a, (uint32_t)number);
    const mt_pair *pair = callee != NULL ? may_call(p, callee) : NULL;
    if (pair != NULL && p->channel[0] == '\0')
        begin_call(p, channel, pair);
    else if (!is_bound(p, channel))
        hang_up_channel(a, channel);
}

static void dial_begin(mt_asterisk *a, mt_slice text) {
    mt_slice from = mt_ami_value(text, "Channel"), to = mt_ami_value(text, "DestChannel");
    mt_asterisk_peer *caller = by_channel(a, from), *callee = by_channel(a, to);
    if (caller == NULL || callee == NULL)
        return;
    const mt_pair *pair = may_call(caller, callee);
    if (pair == NULL) {
        hang_up_channel(a, from);
        return;
    }
    if (!is_bound(caller, from))
        begin_call(caller, from, pair);
    bind_call(callee, to, pair);
}

static void new_state(mt_asterisk *a, mt_slice text) {
    mt_slice channel = mt_ami_value(text, "Channel");
    const mt_asterisk_peer *p = by_channel(a, channel);
    if (is_bound(p, channel) && mt_slice_is_nocase(mt_ami_value(text, "ChannelStateDesc"), "Ringing"))
        ignore(mt_match_ringing(a->srv->match, p->call_pair, mt_server_now_ms(a->srv)));
}

static void up(mt_asterisk *a, const mt_asterisk_peer *p) {
    mt_server *srv = a->srv;
    mt_err err = mt_match_up(srv->match, p->call_pair, mt_server_now_ms(srv));
    const mt_pair *pair = mt_match_pair_by_id(srv->match, p->call_pair);
    if (err != MT_OK || pair == NULL)
        return;
    mt_console_call_up(pair);
    mt_session_changed(mt_session_of(mt_pair_caller(pair)));
    mt_session_changed(mt_session_of(mt_pair_callee(pair)));
}

static void dial_end(mt_asterisk *a, mt_slice text) {
    mt_slice channel = mt_ami_value(text, "DestChannel"), status = mt_ami_value(text, "DialStatus");
    mt_asterisk_peer *p = by_channel(a, channel);
    if (!is_bound(p, channel))
        return;
    if (mt_slice_is_nocase(status, "ANSWER"))
        up(a, p);
    else if (mt_slice_is_nocase(status, "CANCEL"))
        end(p, MT_END_HANGUP);
    else if (mt_slice_is_nocase(status, "NOANSWER") || mt_slice_is_nocase(status, "CHANUNAVAIL"))
        end(p, MT_END_CALLEE_SILENT);
    else
        end(p, MT_END_REFUSED);
}

static void hung_up(mt_asterisk *a, mt_slice text) {
    mt_slice channel = mt_ami_value(text, "Channel");
    mt_asterisk_peer *p = by_channel(a, channel);
    if (is_bound(p, channel))
        end(p, MT_END_HANGUP);
}

void mt_asterisk_event(mt_asterisk *a, mt_slice name, mt_slice text) {
    static const struct {
        const char *name;
        void (*fn)(mt_asterisk *a, mt_slice text);
    } known[] = {{"PeerStatus", peer_status}, {"Newchannel", new_channel}, {"DialBegin", dial_begin},
                 {"Newstate", new_state},     {"DialEnd", dial_end},       {"Hangup", hung_up}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (mt_slice_is_nocase(name, known[i].name))
            known[i].fn(a, text);
    }
}
