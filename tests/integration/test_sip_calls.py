"""Calls through the daemon, message by message: who may call whom, what one side learns of the other, and the races (C2, C4, A13, A18)."""

import itertools
import re
import threading
import time

import pytest

from api import User, pair
from sip_ua import LIMIT_S, SDP, Tcp, Ua, Udp, Ws

TRANSPORTS = [Udp, Tcp, Ws]


def endpoint(server, transport):
    host, port = (server.http if transport is Ws else server.sip).rsplit(":", 1)
    return host, int(port)


class Side:
    """A user with his user agent, at a loopback address of his own, so that a leak of it can be told apart."""

    def __init__(self, server, name, transport=Udp, ip="127.0.0.1", register=True):
        self.user = User(server.url, name, source=ip)
        self.ua = Ua(endpoint(server, transport), self.user.login, transport, ip)
        self.exten = str(self.user.login["exten"])
        if register:
            self.ua.register()


@pytest.fixture
def sides(server):
    made = []

    def make(name, *args, **kw):
        made.append(Side(server, name, *args, **kw))
        return made[-1]
    yield make
    for side in made:
        side.ua.close()


def one_waits(user, limit_s=10):
    end = time.monotonic() + limit_s
    while user.get("/v1/stats").json["waiting"] != 1:
        assert time.monotonic() < end, "nobody is in the pool"
        time.sleep(0.02)


def established(caller, callee):
    """Draws, calls and answers; returns both sides' views of the call."""
    drawn = pair(caller.user, callee.user)
    call = caller.ua.invite(drawn["exten"])
    invite = callee.ua.expect("INVITE")
    other = callee.ua.answer(invite)
    caller.ua.expect(180)
    caller.ua.ack(call, caller.ua.expect(200))
    callee.ua.expect("ACK")
    return call, other


@pytest.mark.parametrize("a,b", itertools.product(TRANSPORTS, TRANSPORTS))
def test_call_over_every_pair_of_transports(sides, a, b):
    caller, callee = sides("jeden", a, "127.0.0.2"), sides("dwa", b, "127.0.0.3")
    _, other = established(caller, callee)
    assert (caller.user.status, callee.user.status) == (3, 3)
    callee.ua.bye(other)
    bye = caller.ua.expect("BYE")
    caller.ua.reply(bye, 200, "OK")
    callee.ua.expect(200)
    assert (caller.user.status, callee.user.status) == (0, 0)


@pytest.mark.parametrize("a,b", [(Udp, Udp), (Tcp, Udp), (Ws, Tcp)])
def test_nothing_of_one_side_reaches_the_other(sides, a, b):
    caller, callee = sides("jeden", a, "127.0.0.2"), sides("dwa", b, "127.0.0.3")
    received = {caller: [], callee: []}
    for side in received:
        original = side.ua.receive

        def keep(timeout_s=LIMIT_S, side=side, original=original):
            message = original(timeout_s)
            received[side].append(message.raw)
            return message
        side.ua.receive = keep
    drawn = pair(caller.user, callee.user)
    call = caller.ua.invite(drawn["exten"], extra=[("User-Agent", "jeden-phone/1"), ("Organization", "127.0.0.2 Ltd"),
                                                   ("P-Asserted-Identity", "<sip:jeden@127.0.0.2>"), ("Subject", "at 127.0.0.2")])
    invite = callee.ua.expect("INVITE")
    tag = "secret-tag"
    callee.ua.reply(invite, 200, "OK", [("Contact", callee.ua.contact()), ("Server", "dwa-phone/1"), ("Warning", '399 127.0.0.3 "x"'),
                                        ("Content-Type", "application/sdp")], SDP, tag=tag)
    other = callee.ua.callee_call(invite, tag)
    caller.ua.ack(call, caller.ua.expect(200))
    callee.ua.expect("ACK")
    caller.ua.bye(call)
    callee.ua.reply(callee.ua.expect("BYE"), 200, "OK", [("Server", "dwa-phone/1"), ("Reason", "x;text=\"127.0.0.3\"")])
    caller.ua.expect(200)
    assert other["id"]
    for side, foreign in ((caller, callee), (callee, caller)):
        text = b"\n".join(received[side])
        for secret in ("127.0.0.2" if foreign is caller else "127.0.0.3", foreign.ua.address, "phone/1",
                       str(foreign.ua.link.socket.getsockname()[1])):
            assert not re.search(rb"(?<!\d)" + re.escape(secret.encode()) + rb"(?!\d)", text), secret


def test_only_the_drawn_caller_may_call_only_the_drawn_callee(sides):
    caller, callee, third = sides("jeden"), sides("dwa"), sides("trzy")
    for target in (callee.exten, "dwa", "nobody", "999999"):
        call = caller.ua.invite(target)
        caller.ua.ack(call, caller.ua.expect(403))
    drawn = pair(caller.user, callee.user)
    # the callee may not call back, nor a third either of them
    for side, target in ((callee, caller.exten), (third, callee.exten), (third, caller.exten), (caller, third.exten)):
        call = side.ua.invite(target)
        side.ua.ack(call, side.ua.expect(403))
    caller.ua.invite(drawn["exten"])
    callee.ua.expect("INVITE")
    third.ua.nothing()


def test_from_must_be_ones_own(sides):
    caller, callee = sides("jeden"), sides("dwa")
    drawn = pair(caller.user, callee.user)
    call = caller.ua.invite(drawn["exten"], from_uri=callee.ua.uri)
    caller.ua.ack(call, caller.ua.expect(403))
    callee.ua.nothing(0.3)


def test_wrong_password_and_foreign_name(sides):
    caller, callee = sides("jeden", register=False), sides("dwa")
    caller.ua.register(password="wrong", expect=403)
    caller.ua.register(user=callee.ua.user, expect=403)  # the victim's name with one's own password
    drawn = pair(caller.user, callee.user)
    caller.ua.invite(drawn["exten"])
    assert callee.ua.expect("INVITE")


def test_forged_bye_changes_nothing(sides):
    """A stranger who knows Call-ID, tags and names, but not the random token in the route and target, ends nothing."""
    caller, callee, third = sides("jeden"), sides("dwa"), sides("trzy")
    call, other = established(caller, callee)
    known = dict(call, target=f"sip:{callee.exten}@{caller.ua.host}", route=[])
    for forged in (known, dict(known, tag="forged"), dict(known, id="forged"), dict(call, tag="forged")):
        third.ua.bye(forged)
        third.ua.expect(481)
    callee.ua.nothing(0.3)
    assert (caller.user.status, callee.user.status) == (3, 3)
    callee.ua.bye(other)  # the call is alive: its own side ends it
    caller.ua.expect("BYE")
    callee.ua.expect(200)


@pytest.mark.parametrize("status", [300, 404, 486, 500, 603])
def test_each_class_of_refusal_reaches_the_caller_and_ends_the_pair(sides, status):
    caller, callee = sides("jeden"), sides("dwa")
    drawn = pair(caller.user, callee.user)
    call = caller.ua.invite(drawn["exten"])
    invite = callee.ua.expect("INVITE")
    callee.ua.reply(invite, status, "No", tag="t")
    callee.ua.expect("ACK")
    final = caller.ua.expect(status)
    caller.ua.ack(call, final)
    assert (caller.user.status, callee.user.status) == (0, 0)


def test_cancel_while_ringing(sides):
    caller, callee = sides("jeden"), sides("dwa")
    drawn = pair(caller.user, callee.user)
    call = caller.ua.invite(drawn["exten"])
    invite = callee.ua.expect("INVITE")
    callee.ua.reply(invite, 180, "Ringing", tag="t")
    caller.ua.expect(180)
    caller.ua.cancel(call)
    cancel = callee.ua.expect("CANCEL")
    callee.ua.reply(cancel, 200, "OK")
    callee.ua.reply(invite, 487, "Request Terminated", tag="t")
    callee.ua.expect("ACK")
    caller.ua.expect(200)
    caller.ua.ack(call, caller.ua.expect(487))
    assert (caller.user.status, callee.user.status) == (0, 0)


# -- races

@pytest.mark.daemon("--park-ms", "10000")
def test_callee_not_yet_registered_is_waited_for(sides):
    caller, callee = sides("jeden"), sides("dwa", register=False)
    drawn = pair(caller.user, callee.user)
    caller.ua.invite(drawn["exten"])
    time.sleep(0.5)
    callee.ua.register()
    assert callee.ua.expect("INVITE")


def test_callee_who_never_registers_gives_480(sides):
    caller, callee = sides("jeden"), sides("dwa", register=False)
    drawn = pair(caller.user, callee.user)
    call = caller.ua.invite(drawn["exten"])
    caller.ua.ack(call, caller.ua.expect(480))
    assert (caller.user.status, callee.user.status) == (0, 0)


def test_silent_callee_is_given_up_after_three_seconds(sides):
    caller, callee = sides("jeden"), sides("dwa")
    drawn = pair(caller.user, callee.user)
    start = time.monotonic()
    call = caller.ua.invite(drawn["exten"])
    callee.ua.expect("INVITE")
    final = None
    while final is None:
        message = caller.ua.receive()
        final = message if message.status and message.status >= 300 else None
    assert final.status in (480, 487) and 2.5 < time.monotonic() - start < 10
    caller.ua.ack(call, final)
    assert callee.user.status == 0


def test_answer_that_crosses_a_dissolution_is_ended(sides):
    caller, callee = sides("jeden"), sides("dwa")
    drawn = pair(caller.user, callee.user)
    call = caller.ua.invite(drawn["exten"])
    invite = callee.ua.expect("INVITE")
    callee.ua.reply(invite, 180, "Ringing", tag="t")
    caller.ua.expect(180)
    caller.user.put("/update-status-busy/jeden")
    callee.ua.expect("CANCEL")
    callee.ua.reply(invite, 200, "OK", [("Contact", callee.ua.contact()), ("Content-Type", "application/sdp")], SDP, tag="t")
    assert callee.ua.expect("ACK")
    bye = callee.ua.expect("BYE")
    callee.ua.reply(bye, 200, "OK")
    caller.ua.ack(call, caller.ua.expect(487))


def test_next_before_bye_arrives_and_bye_after_the_other_has_a_new_pair(sides):
    caller, callee, third = sides("jeden"), sides("dwa"), sides("trzy")
    call, other = established(caller, callee)
    # jeden goes on to trzy; dwa's BYE for the old call is still on its way
    third.user.put("/update-status-rdy/trzy")
    pair_id = caller.user.get("/v1/me").json["pair"]
    answers = []
    turn = threading.Thread(target=lambda: answers.append(caller.user.wait_turn(5, leave=pair_id)))
    turn.start()
    while third.user.get("/get-peer/trzy").status != 230:
        time.sleep(0.02)
    third.user.put("/update-status-rdy-to-talk/trzy")  # the caller's answer is held until then
    turn.join()
    drawn = answers[0]
    assert drawn.status == 200 and drawn.json["state"] == "paired" and drawn.json["partner"]["name"] == "trzy", drawn
    callee.ua.bye(other)
    time.sleep(0.3)
    assert caller.user.status in (2, 3), "an old BYE ended the new pair"
    assert third.user.get("/get-peer/trzy").status == 230
    assert call


def test_flow_of_the_callee_gone_while_ringing(sides):
    caller, callee = sides("jeden"), sides("dwa", Tcp)
    drawn = pair(caller.user, callee.user)
    call = caller.ua.invite(drawn["exten"])
    invite = callee.ua.expect("INVITE")
    callee.ua.reply(invite, 180, "Ringing", tag="t")
    caller.ua.expect(180)
    callee.ua.close()
    final = caller.ua.receive(20)
    while final.status is None or final.status < 300:
        final = caller.ua.receive(20)
    caller.ua.ack(call, final)
    assert caller.user.status == 0


def test_invite_before_the_draw_answer_is_refused_cleanly(sides):
    caller, callee = sides("jeden"), sides("dwa")
    call = caller.ua.invite(callee.exten)
    caller.ua.ack(call, caller.ua.expect(403))
    established(caller, callee)


def test_two_polls_on_one_token(sides):
    jeden = sides("jeden")
    answers = []

    def poll():
        answers.append(jeden.user.wait_turn(6))
    threads = [threading.Thread(target=poll) for _ in range(2)]
    threads[0].start()
    one_waits(jeden.user)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert sorted(a.status for a in answers) == [200, 409]
    assert answers[0].status == 409 and answers[0].json["code"] == "superseded"


def test_answer_lost_leaves_the_other_in_the_pool(sides, server):
    jeden, dwa = sides("jeden"), sides("dwa")
    import socket
    host, port = endpoint(server, Ws)
    gone = socket.create_connection((host, port))
    gone.sendall((f"POST /v1/turn HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {jeden.user.token}\r\nPrefer: wait=20\r\n"
                  "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}").encode())
    one_waits(dwa.user)
    gone.close()  # jeden's client is away; dwa must wait rather than be drawn for a ghost
    answer = dwa.user.wait_turn(2)
    assert answer.status == 200 and answer.json["state"] == "waiting"
    assert jeden.user.status == 0


@pytest.mark.daemon("--gone-ms", "10000", "--rebind-ms", "10000")
@pytest.mark.parametrize("kind", TRANSPORTS)
def test_bye_is_routed_over_a_changed_flow(sides, server, kind):
    """The caller's connection breaks and comes back: requests go to the new one."""
    caller, callee = sides("jeden", kind, "127.0.0.2"), sides("dwa", Udp, "127.0.0.3")
    _, other = established(caller, callee)
    caller.ua.close()
    caller.ua = Ua(endpoint(server, kind), caller.user.login, kind, "127.0.0.4")
    caller.ua.register()
    callee.ua.bye(other)
    caller.ua.reply(caller.ua.expect("BYE"), 200, "OK")
    callee.ua.expect(200)
