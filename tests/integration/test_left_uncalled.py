"""Who was drawn to be called, and is not because the caller leaves before he has called, hears of it soon: only the server knows, so the client asks it."""

import time

from api import Api, User
from browser import Page
from people import Person, everybody, wait

SOON_S = 9  # about one, and 15 where nobody asks the server


def until_waiting(url, limit_s=20):
    end = time.monotonic() + limit_s
    while Api(url).get("/v1/stats").json["waiting"] != 1:
        assert time.monotonic() < end, "not in the pool"
        time.sleep(0.05)


def leaves_uncalled(url):
    """Somebody who is drawn until he is the one to call, and leaves then; when that was."""
    other = User(url, "dwa")
    for _ in range(20):
        until_waiting(url)
        answer = other.wait_turn(10)
        assert answer.status == 200 and answer.json["state"] == "paired", answer
        assert other.delete(f"/v1/turn?pair={answer.json['pair']}").status == 204
        if answer.json["role"] == "caller":
            return time.monotonic()
    raise AssertionError("never the caller in 20 draws")


def test_terminal(server, tmp_path):
    person = Person("jeden", server.url, tmp_path, mic="none", speaker="none")
    try:
        everybody([person], "logged-in")
        person.type("")
        since = leaves_uncalled(server.url)
        wait([person], "the end", lambda: [e for e in person.find("ended") if e["at"] > since], SOON_S)
        print(f"told {time.monotonic() - since:.1f} s after")
        assert person.find("ended")[-1]["reason"] == "undone"
        before = len(person.find("waiting"))
        wait([person], "waiting on", lambda: len(person.find("waiting")) > before)
    finally:
        person.close()


def test_page(chromium, web_server):
    page = Page(chromium, web_server.url, "jeden").log_in()
    page.ready()
    page.on("wait")
    since = leaves_uncalled(web_server.url)
    until_waiting(web_server.url, SOON_S)
    print(f"told {time.monotonic() - since:.1f} s after")
