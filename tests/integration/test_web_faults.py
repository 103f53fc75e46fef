"""What goes wrong around the page, with real Chromium: a server that says nothing or comes back, a microphone that goes, sound that the browser keeps back."""

import signal
import time

import pytest

from browser import DIST, Page, talk

KEEP_SOCKET = "window.WebSocket = class extends WebSocket { constructor(...all) { super(...all); window.__socket = this; } }; 0"
KEEP_TRACKS = """(() => {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    window.__tracks = [];
    window.__asked = 0;
    navigator.mediaDevices.getUserMedia = async (wish) => {
        window.__asked++;
        await new Promise((done) => { window.__grant = done; });
        const stream = await real(wish);
        window.__tracks.push(...stream.getTracks());
        return stream;
    };
})()"""


def error_of(page):
    return page.evaluate("[...document.querySelectorAll('[data-testid=error]')].filter(e => !e.hidden).map(e => e.textContent).join()")


def says(page, text, limit_s=20):
    page.until(f"[...document.querySelectorAll('[data-testid=error]')].some(e => !e.hidden && e.textContent.includes('{text}'))", limit_s)


def says_nothing(page, limit_s=20):
    page.until("[...document.querySelectorAll('[data-testid=error]')].every(e => e.hidden)", limit_s)


def test_the_script_is_lost(chromium, web_server):
    """A network that changes while the page loads: the browser asks for the document again by itself, but not for its script, and nothing was ever seen."""
    anna = Page(chromium, web_server.url, "anna", loses="**/*.js")
    assert anna.do("count", selector="[data-testid=name]") == 0
    seen = "(e => e && getComputedStyle(e).visibility === 'visible')(document.querySelector('.unloaded'))"
    assert not anna.evaluate(f"{seen} && document.querySelector('.unloaded').getAnimations()[0]?.currentTime < 2900"), "not for a page that comes"
    anna.until(seen)
    anna.do("click", selector=".unloaded a")
    anna.log_in()
    assert anna.do("count", selector=".unloaded") == 0


@pytest.mark.parametrize("anew", [False, True])
def test_the_answer_to_the_login_is_lost(chromium, web_server, anew):
    """The name was taken then, by its own user, for half a minute."""
    anna = Page(chromium, web_server.url, "anna", unanswered="**/v1/users")
    anna.do("fill", testid="name", text="anna")
    anna.click("login")
    says(anna, "cannot be reached")
    if anew:
        anna.do("reload")
    anna.log_in()
    bob = Page(chromium, web_server.url, "bob")
    bob.do("fill", testid="name", text="anna")
    bob.click("login")
    says(bob, "taken")


def test_a_silent_server(chromium, web_server):
    """Requests had no limit: the login said "One moment" for ever, and who waited was told nothing."""
    anna = Page(chromium, web_server.url, "anna").log_in()
    bob = Page(chromium, web_server.url, "bob")
    web_server.process.send_signal(signal.SIGSTOP)
    try:
        anna.ready()
        bob.do("fill", testid="name", text="bob")
        bob.click("login")
        says(anna, "cannot be reached", 30)
        says(bob, "cannot be reached", 30)
        assert not bob.evaluate("document.querySelector('[data-testid=name]').readOnly")
    finally:
        web_server.process.send_signal(signal.SIGCONT)
    says_nothing(anna)
    bob.log_in("bob2")
    bob.ready()
    for page in (anna, bob):
        page.on("convo")


@pytest.mark.comes_back
def test_ready_while_the_server_is_away(chromium, web_server, start_server):
    """The waiting page said nothing at all, for the server's being away had been told on the page before."""
    anna, bob = (Page(chromium, web_server.url, name).log_in() for name in ("anna", "bob"))
    web_server.process.kill()
    web_server.process.wait()
    says(anna, "cannot be reached")
    if anna.evaluate("!document.querySelector('[data-testid=ready]').disabled"):
        anna.ready()
        anna.on("wait")
    says(anna, "cannot be reached")
    start_server("--web", str(DIST), http=web_server.http, sip=web_server.sip)
    says_nothing(anna, 30)
    bob.until("!document.querySelector('[data-testid=ready]').disabled", 30)
    bob.ready()
    for page in (anna, bob):
        page.on("convo", 30)


def test_the_server_is_back(chromium, web_server):
    """A connection that broke and was made anew: the main page went on saying that the server cannot be reached."""
    anna = Page(chromium, web_server.url, "anna")
    anna.evaluate(KEEP_SOCKET)
    anna.log_in()
    anna.evaluate("window.__socket.close()")
    says(anna, "cannot be reached")
    says_nothing(anna)
    assert anna.page == "main"


def test_a_full_server(chromium, start_server):
    """It was called "too many requests"."""
    server = start_server("--web", str(DIST), "--max-users", "2")
    for name in ("anna", "bob"):
        Page(chromium, server.url, name).log_in()
    cleo = Page(chromium, server.url, "cleo")
    cleo.do("fill", testid="name", text="cleo")
    cleo.click("login")
    says(cleo, "The server is full")


def test_the_language_is_changed_in_a_talk(chromium, web_server):
    """What was being written was gone, the partner was told of writing for ever, and the talk's time began anew."""
    anna, bob = (Page(chromium, web_server.url, name).log_in() for name in ("anna", "bob"))
    talk(anna, bob)
    began = time.monotonic()
    bob.say("said before")
    anna.hears("said before")
    anna.writes_until(lambda: bob.sees_writing(anna))
    time.sleep(max(0, 2.5 - (time.monotonic() - began)))
    anna.do("select", testid="language", value="pl")
    anna.hears("said before")
    assert anna.evaluate("document.querySelector('[data-testid=message]').value") == "half a sentence"
    anna.until("document.querySelector('.who .time').textContent")
    assert anna.evaluate("document.querySelector('.who .time').textContent") >= "0:02"
    bob.until("document.querySelector('[data-testid=typing]').textContent === ''")
    anna.click("send")
    bob.hears("half a sentence")


def test_the_microphone_is_unplugged(chromium, web_server):
    """It was off from one moment to the next, and nobody said why."""
    anna, bob = (Page(chromium, web_server.url, name).log_in() for name in ("anna", "bob"))
    talk(anna, bob)
    on = "document.querySelector('[data-testid=partner-mic]').dataset.on === '{}'"
    unplug = "(() => { const track = window.__pcs.at(-1).getSenders()[0].track; track.stop(); track.dispatchEvent(new Event('ended')); })()"
    anna.click("mic")
    bob.until(on.format("true"))
    anna.evaluate(unplug)
    bob.until(on.format("false"))
    says(anna, "unplugged")
    anna.click("mic")
    bob.until(on.format("true"))
    says_nothing(anna)


def test_ready_while_the_browser_asks_for_the_microphone(chromium, web_server):
    """The test of the microphone is begun, the browser asks, and the user would rather talk: what is granted later stayed open all through the talk."""
    anna, bob = (Page(chromium, web_server.url, name).log_in() for name in ("anna", "bob"))
    anna.evaluate(KEEP_TRACKS)
    anna.do("click", selector="[data-testid=sound] summary")
    anna.click("test")
    anna.until("window.__asked === 1")
    talk(anna, bob)
    anna.evaluate("window.__grant() && 0")
    anna.until("window.__tracks.length === 1")
    anna.until("window.__tracks[0].readyState === 'ended'")
    anna.click("mic")
    anna.until("window.__asked === 2")
    anna.evaluate("window.__grant() && 0")
    bob.until("document.querySelector('[data-testid=partner-mic]').dataset.on === 'true'")
    assert anna.evaluate("window.__tracks.map(t => t.readyState).join()") == "ended,live"
    assert error_of(anna) == ""


def test_sound_that_needs_a_press(chromium, web_server):
    """Safari lets an element be heard that was once started in a press, and stops others once they are not muted. The partner's voice begins long after the press of "ready"."""
    anna, bob = (Page(chromium, web_server.url, name).log_in() for name in ("anna", "bob"))
    anna.evaluate("""(() => {
        const play = HTMLMediaElement.prototype.play, free = new Set();
        let pressedAt = -Infinity;
        window.__sounds = new Set();
        window.addEventListener('click', () => { pressedAt = performance.now(); }, true);
        HTMLMediaElement.prototype.play = function () {
            window.__sounds.add(this);
            if (performance.now() - pressedAt < 1000) free.add(this);
            if (free.has(this) || this.muted) return play.call(this);
            this.pause();
            return Promise.reject(new DOMException('a press is needed', 'NotAllowedError'));
        };
    })()""")
    anna.ready()
    time.sleep(2)  # until that press counts no longer
    bob.ready()
    for page in (anna, bob):
        page.on("convo")
    bob.click("mic")
    anna.until("[...window.__sounds].some(a => a.srcObject && !a.paused && !a.muted && a.currentTime > 0.5)")
