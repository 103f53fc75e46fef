"""The pages: login, rules, readiness, conduct, keyboard, languages, accessibility and size, with real Chromium."""

import gzip
import json
import re
import time

import pytest

import browser as browsers
from browser import Browser, Page, talk

BUDGET_BYTES = 120 * 1024


def test_name_taken_and_invalid(chromium, web_server):
    Page(chromium, web_server.url, "anna").log_in()
    other = Page(chromium, web_server.url, "second")
    for name, text in (("anna", "taken"), ("a b", "does not work"), ("", "does not work")):
        other.do("fill", testid="name", text=name)
        other.click("login")
        other.until(f"document.querySelector('[data-testid=error]').textContent.includes('{text}')")
        assert other.page == "login"
    other.do("fill", testid="name", text="bob")
    other.click("login")
    other.on("rules")


def test_cancel_while_waiting(chromium, web_server):
    anna = Page(chromium, web_server.url, "anna").log_in()
    anna.ready()
    anna.on("wait")
    anna.until("/Nobody else/.test(document.querySelector('[data-testid=online]').textContent)")
    anna.until("document.querySelector('[data-testid=elapsed]').textContent >= '0:01'")
    anna.click("cancel")
    anna.on("main")
    bob = Page(chromium, web_server.url, "bob").log_in()
    bob.ready()
    bob.until("/2 people online/.test(document.querySelector('[data-testid=online]').textContent)")
    assert (anna.page, bob.page) == ("main", "wait")


def test_block(chromium, start_server):
    """Who is blocked is not drawn again, though nobody else is there; a third one is."""
    server = start_server("--web", str(browsers.DIST), "--repeat-after-ms", "0")
    anna, bob = (Page(chromium, server.url, name).log_in() for name in ("anna", "bob"))
    talk(anna, bob)
    anna.click("block")
    assert (anna.ended(), bob.ended()) == ("blocked", "partner_left")
    anna.until("document.querySelector('[data-testid=conduct]')?.textContent === 'Blocked.'")
    anna.ready()
    bob.ready()
    bob.until("document.querySelector('[data-testid=elapsed]').textContent >= '0:03'")
    assert (anna.page, bob.page) == ("wait", "wait")
    cleo = Page(chromium, server.url, "cleo").log_in()
    cleo.ready()
    cleo.on("convo")


def test_report_up_to_the_threshold(chromium, start_server):
    """Reported by so many, one is not drawn for a time, and is told why, how long, and whom to write to."""
    server = start_server("--web", str(browsers.DIST), "--report-threshold", "2", "--report-threshold-address", "0", "--contact", "abuse@example.org")
    bob = Page(chromium, server.url, "bob").log_in()
    for name in ("anna", "cleo"):
        reporter = Page(chromium, server.url, name).log_in()
        talk(reporter, bob)
        if name == "anna":
            reporter.click("report")
            reporter.do("click", selector="input[value=spam]")
            reporter.do("fill", selector="#report-note", text="sells something")
            reporter.click("report-send")
            assert reporter.ended() == "reported"
        else:  # also after the talk
            bob.hang_up()
            assert reporter.ended() == "partner_left"
            reporter.click("report")
            reporter.click("report-send")
        reporter.until("/report has arrived/.test(document.querySelector('[data-testid=conduct]')?.textContent)")
        bob.ended()
    bob.ready()
    bob.do("wait", testid="error")
    bob.on("main")
    assert re.search(r"cannot be drawn.*abuse@example\.org", bob.text("error"), re.S), bob.text("error")


def test_insecure_address(page_built, start_server):
    server = start_server("--web", str(browsers.DIST), "--domain", "talk.example.org")
    chromium = Browser(args=["--host-resolver-rules=MAP talk.example.org 127.0.0.1"])
    try:
        port = server.http.rsplit(":", 1)[1]
        page = Page(chromium, f"http://talk.example.org:{port}", "anna")
        assert page.evaluate("window.isSecureContext") is False
        assert "https://talk.example.org" in page.text("error")
        assert page.do("count", selector="[data-testid=name]") == 0
    finally:
        chromium.close()


@pytest.mark.parametrize("info,text", [
    ({"sip_mode": "asterisk", "links": ["gcm"]}, "Asterisk"),
    ({"sip_mode": "embedded", "links": ["cbc"]}, "cbc"),
])
def test_servers_that_a_browser_cannot_use(chromium, web_server, info, text):
    page = Page(chromium, web_server.url, "anna", info={"contact": None, "relay_only": False, "min_age": 18, **info})
    assert text in page.text("error")
    assert page.do("count", selector="[data-testid=name]") == 0


def test_the_server_says_late_what_it_is_like(chromium, web_server):
    """The first question for it was lost: the page went by what is usual, so the rules told another age, and a server of policy cbc was waited at for ever."""
    info = {"sip_mode": "embedded", "links": ["gcm"], "contact": "help@example.org", "relay_only": False, "min_age": 21}
    anna = Page(chromium, web_server.url, "anna", info=info, loses="**/v1/info")
    anna.do("fill", testid="name", text="anna")
    anna.click("login")
    anna.on("rules")
    anna.until("/21/.test(document.querySelector('.rules-list').innerText) && /help@/.test(document.body.innerText)", 10)
    bob = Page(chromium, web_server.url, "bob", info={**info, "links": ["cbc"]}, loses="**/v1/info")
    bob.do("fill", testid="name", text="bob")
    bob.click("login")
    bob.until("/cbc/.test(document.querySelector('[data-testid=error]')?.innerText)", 10)
    bob.until("!document.querySelector('[data-testid=logout]')")
    assert bob.do("count", selector="[data-testid=name]") == 0
    Page(chromium, web_server.url, "bob").log_in()  # the name is free


def test_by_keyboard_alone(chromium, web_server):
    """The focus moves with the page, and all is reached without a mouse."""
    bob = Page(chromium, web_server.url, "bob").log_in()
    bob.ready()
    anna = Page(chromium, web_server.url, "anna")

    def focus(testid):
        anna.until(f"document.activeElement?.dataset.testid === '{testid}'")

    def tab_to(testid):
        for _ in range(12):
            anna.do("press", key="Tab")
            if anna.evaluate("document.activeElement?.dataset.testid") == testid:
                return
        raise AssertionError(f"{testid} is not reached by Tab")

    focus("name")
    anna.do("keys", text="anna")
    anna.do("press", key="Enter")
    anna.on("rules")
    assert anna.evaluate("document.activeElement.tagName") == "H1"
    tab_to("agree")
    anna.do("press", key="Enter")
    anna.on("main")
    tab_to("ready")
    anna.do("press", key="Enter")
    anna.on("convo")
    focus("message")
    anna.do("keys", text="typed")
    anna.do("press", key="Enter")
    bob.hears("typed")
    focus("message")
    assert "bob" in anna.text("announce")
    tab_to("mic")
    anna.do("press", key="Space")
    bob.until("document.querySelector('[data-testid=partner-mic]').dataset.on === 'true'")
    tab_to("hangup")
    anna.do("press", key="Enter")
    anna.do("press", key="Enter")
    anna.on("main")
    assert anna.evaluate("document.activeElement.tagName") == "H1"


def test_polish_and_switching(chromium, web_server):
    anna = Page(chromium, web_server.url, "anna", locale="pl-PL").log_in()
    assert anna.evaluate("document.documentElement.lang") == "pl"
    assert anna.text("ready") == "Losuj rozmówcę"
    anna.do("select", testid="language", value="en")
    assert anna.text("ready") == "I am ready"
    anna.do("reload")
    anna.on("main")
    assert anna.text("ready") == "I am ready"


def test_microphone_test_and_devices(chromium, web_server):
    anna = Page(chromium, web_server.url, "anna").log_in()
    anna.do("click", selector="[data-testid=sound] summary")
    anna.click("test")
    anna.until("parseFloat(getComputedStyle(document.querySelector('.live .level')).getPropertyValue('--level')) > 0.3")
    anna.until("document.querySelectorAll('#mic-device option').length >= 2")
    anna.do("click", selector="#hear")
    anna.click("test")
    assert anna.evaluate("document.querySelector('.live').hidden")


def test_log_out(chromium, web_server):
    anna, bob = (Page(chromium, web_server.url, name).log_in() for name in ("anna", "bob"))
    talk(anna, bob)
    anna.click("logout")
    anna.on("login")
    assert bob.ended() == "partner_left"
    assert anna.evaluate("sessionStorage.getItem('myturn.login')") is None
    anna.do("fill", testid="name", text="anna")
    anna.click("login")
    anna.on("main")  # the name is free again, the rules are known


@pytest.mark.parametrize("locale,width", [("en-GB", 1000), ("pl-PL", 390), ("pl-PL", 320)])
def test_accessibility(chromium, web_server, locale, width):
    """axe-core finds nothing on any page in both themes, and nothing is wider than a phone, whatever the partner is called; 320 px is also what a window of 1280 has at 400 %."""
    anna = Page(chromium, web_server.url, "anna", locale=locale, width=width, height=800, still=True)
    found = []

    def look(page, where):
        for scheme in ("light", "dark"):
            page.do("scheme", scheme=scheme)
            found.extend(f"{where}, {scheme}: {v}" for v in page.do("axe"))
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            found.append(f"{where}: {wide} px too wide")

    look(anna, "login")
    anna.do("fill", testid="name", text="a b")
    anna.click("login")
    anna.do("wait", testid="error")
    look(anna, "login with an error")
    anna.do("fill", testid="name", text="anna")
    anna.click("login")
    anna.on("rules")
    look(anna, "rules")
    anna.click("agree")
    anna.on("main")
    anna.do("click", selector="[data-testid=sound] summary")
    anna.click("test")
    anna.do("wait", selector=".live .level")
    look(anna, "main")
    anna.ready()
    anna.until("document.querySelector('[data-testid=online]')?.textContent")
    look(anna, "wait")
    bob = Page(chromium, web_server.url, "bob").log_in("W" * 32 if width == 320 else "bob")
    bob.ready()
    anna.on("convo")
    anna.say("Hello there")
    bob.say("Hi! " + "a long word: " + "x" * 300)
    anna.until("document.querySelector('.said.theirs')")
    anna.click("mic")
    anna.until("document.querySelector('[data-testid=mic]').getAttribute('aria-pressed') === 'true'")
    anna.do("click", selector="[data-testid=details] summary")
    look(anna, "convo")
    anna.click("words-what")
    look(anna, "words")
    anna.do("press", key="Escape")
    anna.click("report")
    look(anna, "report")
    anna.do("press", key="Escape")
    bob.hang_up()
    anna.ended()
    look(anna, "main after a talk")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("width,height,covered", [(390, 780, 380), (640, 400, 0)])
def test_little_height(chromium, web_server, width, height, covered):
    """A keyboard covers a phone's page, which is told of it by the visual viewport alone (Safari); or a window at 200 %. Who writes sees the words, what was said, and the buttons."""
    anna = Page(chromium, web_server.url, "anna", width=width, height=height).log_in()
    bob = Page(chromium, web_server.url, "bob").log_in()
    talk(anna, bob)
    for number in range(12):
        bob.say(f"line {number}")
    anna.hears("line 11")
    if covered:
        anna.evaluate(f"""(() => {{
            Object.defineProperty(window.visualViewport, 'height', {{ get: () => {height - covered} }});
            window.visualViewport.dispatchEvent(new Event('resize'));
        }})()""")
    anna.do("click", testid="message")
    seen = anna.evaluate("""['.words', '.said:last-child', '[data-testid=message]', '.actions'].map(s => {
        const box = document.querySelector(s).getBoundingClientRect();
        return [s, Math.round(box.top), Math.round(box.bottom)];
    })""")
    assert all(0 <= top and bottom <= height - covered for _, top, bottom in seen), seen
    anna.do("press", key="Tab")
    anna.do("wait", testid="block")  # nothing is lost: what made room is there again


def test_the_newest_message_is_seen(chromium, web_server):
    """Many lines at once: the list, which scrolls smoothly, lost its way. Who reads further up is left there, until he writes himself."""
    anna, bob = (Page(chromium, web_server.url, name).log_in() for name in ("anna", "bob"))
    talk(anna, bob)
    gap = "(() => { const log = document.querySelector('[data-testid=log]'); return log.scrollHeight - log.scrollTop - log.clientHeight; })()"
    bob.evaluate("""(() => {
        const field = document.querySelector('[data-testid=message]');
        for (let i = 0; i < 14; i++) {
            field.value = `line ${i}\\nand\\nmore`;
            field.form.requestSubmit();
        }
    })()""")
    anna.hears("line 13\nand\nmore")
    anna.until(f"{gap} < 5")
    anna.evaluate("document.querySelector('[data-testid=log]').scrollTo({ top: 0, behavior: 'instant' }) && 0")
    anna.until(f"{gap} > 200")
    bob.say("one more")
    anna.hears("one more")
    time.sleep(0.5)  # a smooth scrolling would have begun
    assert anna.evaluate("document.querySelector('[data-testid=log]').scrollTop") < 20  # one that was under way may leave a few
    anna.say("mine")
    anna.until(f"{gap} < 5")


def test_size(page_built):
    """The page as sent with gzip, all files together."""
    files = [f for f in browsers.DIST.iterdir() if f.suffix not in (".gz", ".br")]
    sent = {}
    for f in files:
        compressed = f.with_name(f.name + ".gz")
        assert gzip.decompress(compressed.read_bytes()) == f.read_bytes()
        assert f.with_name(f.name + ".br").is_file()
        sent[f.name] = compressed.stat().st_size
    assert sum(sent.values()) < BUDGET_BYTES, sent


def test_nothing_foreign(chromium, web_server):
    """No third-party request, no inline code, and a policy that forbids both; what is hashed is kept by the browser."""
    page = Page(chromium, web_server.url, "anna").log_in()
    loaded = page.evaluate("performance.getEntriesByType('resource').map(r => r.name)")
    assert loaded and all(url.startswith(web_server.url) for url in loaded), loaded
    import http.client
    connection = http.client.HTTPConnection(web_server.http, timeout=10)
    connection.request("GET", "/", headers={"Accept-Encoding": "identity"})
    answer = connection.getresponse()
    html = answer.read().decode()
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<style|\son\w+=|<script(?![^>]* src=)|style=", html)
    script = re.search(r'src="(/main-[^"]+\.js)"', html).group(1)
    connection.request("GET", script, headers={"Accept-Encoding": "br, gzip"})
    answer = connection.getresponse()
    answer.read()
    assert (answer.headers["Content-Encoding"], "immutable" in answer.headers["Cache-Control"]) == ("br", True)
    connection.close()
    assert json.loads(page.evaluate("sessionStorage.getItem('myturn.login')"))["name"] == "anna"
