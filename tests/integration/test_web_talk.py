"""Talks in the browser, with real Chromium: page with page, and page with the terminal client."""

import array
import signal
import time

import pytest

from browser import DIST, Browser, Page, talk
from held import held
from lateness import Lateness
from people import Person, everybody, wait


def two(chromium, server, **wish):
    return [Page(chromium, server.url, name, **wish).log_in() for name in ("anna", "bob")]


def loudest(wav):
    """The greatest of the samples that have been written so far."""
    data = wav.read_bytes()[44:] if wav.is_file() else b""
    samples = array.array("h", data[:len(data) // 2 * 2])
    return max(map(abs, samples), default=0)


def test_two_pages_talk(chromium, web_server):
    anna, bob = two(chromium, web_server)
    talk(anna, bob)
    assert anna.words == bob.words
    anna.say("Cześć! <img src=x onerror=alert(1)>")
    bob.hears("Cześć! <img src=x onerror=alert(1)>")
    bob.say("a\u202eb\u200bc 🐢")
    anna.hears("abc 🐢")  # what could mislead the eye is not shown
    anna.writes_until(lambda: bob.sees_writing(anna))
    for page, other in ((anna, bob), (bob, anna)):
        assert not page.stats("s.type === 'outbound-rtp' && s.packetsSent > 0"), "the microphone is off at first"
        page.click("mic")
        other.until("document.querySelector('[data-testid=partner-mic]').dataset.on === 'true'")
        other.sound_arrives()
    anna.click("mic")
    bob.until("document.querySelector('[data-testid=partner-mic]').dataset.on === 'false'")
    assert anna.evaluate("window.__pcs.at(-1).getSenders()[0].track === null")
    anna.do("click", selector="[data-testid=details] summary")
    anna.until("document.querySelector('[data-testid=path]').textContent.startsWith('direct')")
    anna.hang_up()
    assert (anna.ended(), bob.ended()) == ("hung_up", "partner_left")


def test_one_press_does_not_hang_up(chromium, web_server):
    anna, bob = two(chromium, web_server)
    talk(anna, bob)
    anna.click("hangup")
    assert "again" in anna.text("hangup")
    bob.say("still here")
    anna.hears("still here")
    assert anna.page == bob.page == "convo"


@pytest.mark.parametrize("caller", ["page", "terminal"])
def test_page_and_terminal(chromium, web_server, tmp_path, caller):
    """Who asks while the other waits makes the draw, and calls."""
    anna = Page(chromium, web_server.url, "anna").log_in()
    ola = Person("ola", web_server.url, tmp_path, mic="tone:440")
    try:
        everybody([ola], "logged-in")
        first, second = (lambda: ola.type("")), anna.ready
        if caller == "terminal":
            first, second = second, first
        first()
        held(web_server, ola if caller == "page" else anna)
        second()
        everybody([ola], "secure")
        assert ola.find("drawn")[0]["role"] == ("callee" if caller == "page" else "caller")
        secure = ola.find("secure")[0]
        assert anna.words == secure["words"]
        assert secure["srtp"].startswith("AEAD_"), secure
        anna.say("Dzień dobry, żółwiu 🐢")
        wait([ola], "the page's text", lambda: ola.find("text", body="Dzień dobry, żółwiu 🐢"))
        ola.type("from the terminal")
        anna.hears("from the terminal")
        anna.click("mic")
        wait([ola], "the page's microphone", lambda: ola.find("mic", who="partner", on=True))
        ola.type("m")
        anna.until("document.querySelector('[data-testid=partner-mic]').dataset.on === 'true'")
        anna.sound_arrives()
        wait([ola], "the beeps at the terminal", lambda: loudest(ola.heard) > 2000)
        if caller == "page":
            anna.hang_up()
            everybody([ola], "ended")
            assert (anna.ended(), ola.find("ended")[0]["reason"]) == ("hung_up", "partner_left")
        else:
            ola.type("q")
            ola.type("y")
            assert anna.ended() == "partner_left"
    finally:
        ola.close()


def test_next_and_three_users(chromium, web_server):
    """Three users: two talk, one waits; next brings him, not the same partner again."""
    anna, bob = two(chromium, web_server)
    talk(anna, bob)
    cleo = Page(chromium, web_server.url, "cleo").log_in()
    cleo.ready()
    cleo.until("/3 people online/.test(document.querySelector('[data-testid=online]').textContent)")
    assert cleo.page == "wait"
    anna.click("next")
    assert bob.ended() == "partner_left"
    anna.on("convo")
    cleo.on("convo")
    assert (anna.partner, cleo.partner) == ("cleo", "anna")
    assert anna.words == cleo.words
    anna.say("hello again")
    cleo.hears("hello again")


def test_twenty_draws_in_a_row(chromium, start_server):
    server = start_server("--web", str(DIST), "--repeat-after-ms", "0")
    anna, bob = two(chromium, server)
    talk(anna, bob)
    seen = set()
    for number in range(20):
        words = anna.words
        assert words == bob.words
        seen.add(tuple(words))
        anna.say(f"round {number}")
        bob.hears(f"round {number}")
        anna.click("next")
        assert bob.ended() == "partner_left"
        bob.ready()
        bob.on("convo")
        anna.until("document.querySelectorAll('.said').length === 0 && document.body.dataset.page === 'convo'")
    assert len(seen) == 20, "each talk has words of its own"
    assert anna.evaluate("window.__pcs.filter(p => p.connectionState !== 'closed').length") == 1


def test_reload_during_a_talk(chromium, web_server):
    anna, bob = two(chromium, web_server)
    talk(anna, bob)
    anna.do("reload")
    assert bob.ended() == "partner_left"
    anna.on("main")
    assert "anna" in anna.evaluate("document.querySelector('.me').textContent")
    talk(anna, bob)
    anna.say("back again")
    bob.hears("back again")


@pytest.mark.parametrize("how", ["closed", "crashed", "frozen"])
def test_a_page_goes_away(chromium, web_server, how):
    """The partner is told within 5 s (a crashed tab says nothing: there its flow to the server breaks; a frozen one keeps even that)."""
    anna, bob = two(chromium, web_server)
    talk(anna, bob)
    with Lateness() as late:
        began = time.monotonic()
        if how == "closed":
            anna.do("close")
        elif how == "crashed":
            anna.do("crash")
        else:
            anna.evaluate("setTimeout(() => { for (const end = Date.now() + 12000; Date.now() < end;); }, 0) && 0")
            bob.until("document.querySelector('.status').dataset.kind === 'reconnecting'")
            print("told_s:", round(time.monotonic() - began, 2))
            bob.until("document.querySelector('.status').dataset.kind === 'talking'", 30)
            return
        assert bob.ended(15) in ("partner_left", "lost")
        told_s = time.monotonic() - began - late.total_s
    print("told_s:", round(told_s, 2))
    assert told_s < 5


def test_server_that_is_stopped_says_who_ended_the_talk(chromium, web_server):
    """Each side was told that its partner had left; the second one may be, see test_talk.py."""
    anna, bob = two(chromium, web_server)
    talk(anna, bob)
    web_server.process.send_signal(signal.SIGTERM)
    reasons = {anna.ended(), bob.ended()}
    assert "server" in reasons and reasons <= {"server", "partner_left"}


@pytest.mark.comes_back
def test_server_restart(chromium, web_server, start_server):
    """A talk outlives its server's crash; afterwards the page logs in again by itself and is drawn. (In order, a server ends its calls.)"""
    anna, bob = two(chromium, web_server)
    talk(anna, bob)
    cleo = Page(chromium, web_server.url, "cleo").log_in()
    cleo.ready()
    web_server.process.kill()
    web_server.process.wait()
    cleo.do("wait", testid="error")
    anna.say("no server")
    bob.hears("no server")
    server = start_server("--web", str(DIST), http=web_server.http, sip=web_server.sip)
    assert server.url == web_server.url
    bob.say("a new server")
    anna.hears("a new server")
    anna.hang_up()
    assert (anna.ended(), bob.ended()) == ("hung_up", "partner_left")
    bob.until("!document.querySelector('[data-testid=ready]').disabled")
    bob.ready()
    bob.on("convo", 30)
    cleo.on("convo", 30)
    assert bob.partner == "cleo"


def test_without_permission_and_with_hidden_addresses(page_built, web_server, tmp_path):
    """No microphone permission, and so mDNS names for addresses: text goes on, and the page says what to do. With a native partner, who skips such names."""
    chromium = Browser(microphone=False, mdns=True)
    try:
        anna = Page(chromium, web_server.url, "anna").log_in()
        ola = Person("ola", web_server.url, tmp_path, mic="none", speaker="none")
        try:
            everybody([ola], "logged-in")
            ola.type("")
            anna.ready()
            anna.on("convo")
            assert ".local" in anna.evaluate("window.__pcs.at(-1).localDescription.sdp")
            anna.click("mic")
            anna.do("wait", selector="[data-testid=error]")
            assert "address bar" in anna.text("error")
            assert anna.evaluate("document.querySelector('[data-testid=mic]').getAttribute('aria-pressed')") == "false"
            anna.say("by text, then")
            wait([ola], "text", lambda: ola.find("text", body="by text, then"))
        finally:
            ola.close()
        assert chromium.reset() == []
    finally:
        chromium.close()


def test_a_malformed_message_ends_the_talk(chromium, web_server):
    anna, bob = two(chromium, web_server)
    talk(anna, bob)
    anna.evaluate("window.__channels.at(-1).send('{\"type\":\"text\",\"id\":1,\"id\":2,\"body\":\"x\"}')")
    assert bob.ended() == "protocol"


def test_too_many_messages_end_the_talk_and_a_long_paste_does_not(chromium, web_server):
    anna, bob = two(chromium, web_server)
    talk(anna, bob)
    for number in range(60):
        anna.evaluate(f"(() => {{ const f = document.querySelector('[data-testid=message]'); f.value = 'n{number}'; f.form.requestSubmit(); }})()")
    bob.hears("n59", 60)  # a hasty writer is held back by his own page
    assert bob.evaluate("document.querySelectorAll('.said.theirs').length") == 60
    anna.evaluate("for (let i = 0; i < 60; i++) window.__channels.at(-1).send('{\"type\":\"x\"}')")
    assert bob.ended() == "protocol"


@pytest.mark.parametrize("partner", ["page", "terminal"])
def test_ice_restart(chromium, web_server, tmp_path, partner):
    """Another network: the caller offers anew within the call; the talk goes on over the new path, with the words as they were."""
    ola = Person("ola", web_server.url, tmp_path, mic="none", speaker="none") if partner == "terminal" else None
    try:
        if ola:
            everybody([ola], "logged-in")
            ola.type("")
        else:
            bob = Page(chromium, web_server.url, "bob").log_in()
            bob.ready()
        anna = Page(chromium, web_server.url, "anna").log_in()
        held(web_server, ola or bob)
        anna.ready()
        anna.on("convo")
        words, ufrag = anna.words, "window.__pcs.at(-1).currentRemoteDescription.sdp.match(/ice-ufrag:(\\S+)/)[1]"
        before = anna.evaluate(ufrag)
        assert anna.evaluate("window.__pcs.at(-1).signalingState") == "stable"
        anna.evaluate("window.dispatchEvent(new Event('online')) && 0")
        anna.until(f"{ufrag} !== '{before}'")
        anna.until("window.__pcs.at(-1).signalingState === 'stable' && window.__pcs.at(-1).iceConnectionState.match(/connected|completed/)")
        anna.say("over the new path")
        if ola:
            wait([ola], "text", lambda: ola.find("text", body="over the new path"))
            ola.type("heard")
        else:
            bob.hears("over the new path")
            bob.say("heard")
        anna.hears("heard")
        assert anna.words == words
        anna.hang_up()
        assert anna.ended() == "hung_up"
    finally:
        if ola:
            ola.close()


def test_ice_restart_by_the_terminal(chromium, web_server, tmp_path):
    """A page that is busy for a while says nothing: the terminal, which calls, offers a new path; the page answers when it can, and the talk goes on over that."""
    anna = Page(chromium, web_server.url, "anna").log_in()
    ola = Person("ola", web_server.url, tmp_path, mic="none", speaker="none")
    try:
        everybody([ola], "logged-in")
        anna.ready()
        held(web_server, anna)
        ola.type("")
        everybody([ola], "secure")
        anna.on("convo")
        assert ola.find("drawn")[0]["role"] == "caller"
        words = anna.words
        assert ola.find("secure")[0]["words"] == words
        ufrag = "window.__pcs.at(-1).currentRemoteDescription.sdp.match(/ice-ufrag:(\\S+)/)[1]"
        before = anna.evaluate(ufrag)
        anna.evaluate("setTimeout(() => { for (const end = Date.now() + 9000; Date.now() < end;); }, 0) && 0")
        wait([ola], "reconnecting", lambda: ola.find("reconnecting", on=True))
        wait([ola], "to be heard again", lambda: ola.find("reconnecting", on=False))
        anna.until(f"{ufrag} !== '{before}'")
        wait([ola], "the new path", lambda: "a new path is in use" in ola.log.read_text())
        ola.type("over the new path")
        anna.hears("over the new path")
        anna.say("heard")
        wait([ola], "text", lambda: ola.find("text", body="heard"))
        assert anna.words == words
        assert len(ola.find("secure")) == 1
        anna.hang_up()
        everybody([ola], "ended")
        assert ola.find("ended")[0]["reason"] == "partner_left"
    finally:
        ola.close()


def test_over_tls(chromium, start_server):
    """A page by HTTPS and WSS (with the server's own certificate) talks with one by HTTP."""
    server = start_server("--web", str(DIST), "--https", "127.0.0.1:0", "--self-signed")
    anna = Page(chromium, f"https://{server.https}", "anna").log_in()
    bob = Page(chromium, server.url, "bob").log_in()
    talk(anna, bob)
    assert anna.words == bob.words
    anna.say("by TLS")
    bob.hears("by TLS")
