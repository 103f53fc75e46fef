"""Firefox ESR: a talk with Chromium, and one with the terminal client."""

import pytest

import firefox
from browser import Page
from people import Person, everybody, wait


@pytest.fixture
def fox(tmp_path, page_built, sound_server):
    if firefox.executable() is None:
        pytest.skip("there is no Firefox")
    one = firefox.Firefox(tmp_path, sound_server)
    yield one
    one.close()


def log_in(fox, url):
    fox.goto(url)
    fox.until("document.querySelector('[data-testid=name]')")
    fox.fill("name", "foks")
    fox.click("login")
    fox.on("rules")
    fox.click("agree")
    fox.on("main")


def hears(fox, text):
    fox.until(f"[...document.querySelectorAll('.said.theirs .bubble')].some(b => b.textContent === '{text}')")


def words(fox):
    fox.until("document.querySelector('[data-testid=words]')?.textContent.split(' ').length === 4")
    return fox.evaluate("document.querySelector('[data-testid=words]').textContent").split()


def test_firefox_with_terminal_and_chromium(fox, chromium, web_server, tmp_path):
    log_in(fox, web_server.url + "/")
    ola = Person("ola", web_server.url, tmp_path, mic="tone:440", speaker="none")
    try:
        everybody([ola], "logged-in")
        fox.click("ready")
        ola.type("")
        everybody([ola], "secure", limit_s=40)
        assert words(fox) == ola.find("secure")[0]["words"]
        fox.fill("message", "from Firefox")
        fox.click("send")
        wait([ola], "Firefox's text", lambda: ola.find("text", body="from Firefox"))
        ola.type("from the terminal")
        hears(fox, "from the terminal")
        ola.type("m")
        fox.until("parseFloat(getComputedStyle(document.querySelector('.heard .level')).getPropertyValue('--level')) > 0.3")
        fox.click("mic")
        wait([ola], "Firefox's microphone", lambda: ola.find("mic", who="partner", on=True))
        ola.type("q")
        ola.type("y")
        fox.on("main")
    finally:
        ola.close()
    anna = Page(chromium, web_server.url, "anna").log_in()
    fox.click("ready")
    anna.ready()
    anna.on("convo")
    fox.on("convo")
    assert words(fox) == anna.words
    anna.say("from Chromium")
    hears(fox, "from Chromium")
    fox.fill("message", "from Firefox")
    fox.click("send")
    anna.hears("from Firefox")
    fox.click("mic")
    anna.until("parseFloat(getComputedStyle(document.querySelector('.heard .level')).getPropertyValue('--level')) > 0.3")
    anna.hang_up()
    fox.on("main")
    assert fox.evaluate("document.querySelector('[data-testid=ended]').dataset.reason") == "partner_left"
