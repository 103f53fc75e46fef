"""Relay-only in the browser (C4), over a real coturn on loopback."""

import re
import time

import pytest

import relay
from browser import DIST, Page, talk
from held import held
from people import Person, everybody, wait

pytestmark = pytest.mark.skipif(relay.missing() is not None, reason=str(relay.missing()))

@pytest.fixture
def turn(tmp_path):
    one = relay.Relay(tmp_path)
    yield one
    one.close()


def check_descriptions(page):
    """In what came to the page by SIP there is no candidate but relays, and no address anywhere else."""
    bodies = [f for f in page.do("frames") if "a=candidate" in f]
    assert bodies
    for line in "\n".join(bodies).split("\n"):
        line = line.strip()
        if line.startswith("a=candidate:"):
            assert re.search(r" typ relay raddr 0\.0\.0\.0 rport 0$", line), line
        elif line.startswith(("o=", "c=")):
            assert line.endswith("IN IP4 0.0.0.0"), line


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_pages_by_relay(chromium, start_server, turn, transport):
    server = start_server("--web", str(DIST), *turn.options(transport))
    anna, bob = (Page(chromium, server.url, name) for name in ("anna", "bob"))
    anna.do("fill", testid="name", text="anna")
    anna.click("login")
    anna.on("rules")
    assert "relay" in anna.evaluate("document.body.innerText")
    anna.click("agree")
    bob.log_in()
    talk(anna, bob)
    for page in (anna, bob):
        assert page.path == ["relay", "relay"]
        check_descriptions(page)
    anna.say("through the relay")
    bob.hears("through the relay")
    anna.do("click", selector="[data-testid=details] summary")
    anna.until("document.querySelector('[data-testid=path]').textContent === 'through a relay'")


def test_page_and_terminal_by_relay(chromium, start_server, turn, tmp_path):
    server = start_server("--web", str(DIST), *turn.options("udp"))
    anna = Page(chromium, server.url, "anna").log_in()
    ola = Person("ola", server.url, tmp_path, mic="none", speaker="none")
    try:
        everybody([ola], "logged-in")
        ola.type("")
        anna.ready()
        everybody([ola], "secure", limit_s=40)
        assert anna.words == ola.find("secure")[0]["words"]
        assert anna.path == ["relay", "relay"]
        check_descriptions(anna)
        ola.type("through the relay")
        anna.hears("through the relay")
        anna.say("back")
        wait([ola], "text", lambda: ola.find("text", body="back"))
    finally:
        ola.close()


def test_wrong_secret(chromium, start_server, turn, tmp_path):
    """The relay refuses: said within 5 s, and no description leaves."""
    wrong = tmp_path / "wrong.secret"
    wrong.write_text("not-the-secret-of-the-relay\n")
    wrong.chmod(0o600)
    server = start_server("--web", str(DIST), *turn.options("udp", secret_file=wrong))
    anna, bob = (Page(chromium, server.url, name).log_in() for name in ("anna", "bob"))
    bob.ready()
    held(server, bob)
    began = time.monotonic()
    anna.ready()
    anna.do("wait", testid="ended", limit_ms=15000)  # she calls, so she is the one who would have to offer
    assert anna.page == "main"
    assert "relay" in anna.text("error")
    said_s = time.monotonic() - began
    print("said_s:", round(said_s, 2))
    assert said_s < 12
    assert not [f for f in bob.do("frames") if "a=candidate" in f]
