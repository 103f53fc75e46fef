"""/block and /report at the terminal, against the real daemon, and what a suspended user is told."""

import json
import time

import pytest

from people import BUILD, Person, everybody, pause, wait
from test_terminal import terminal  # noqa: F401  a fixture

REASONS = ["harassment", "sexual", "minor", "threat", "spam", "other"]
USAGE = "Say why: /report harassment, sexual, minor, threat, spam or other, and a note if you like."
NOBODY = "There is no partner whom that could mean."


def shows(terminal, text, limit_s=10):
    """Waits for the text on the screen, however it is wrapped."""
    terminal.wait(text, lambda screen: text.replace(" ", "") in "".join(screen).replace(" ", ""), limit_s)


def on_main_page(terminal):
    terminal.wait("main page", lambda s: s[-1].strip() == ">")


def log_in(terminal, server):
    """jeden, on the main page."""
    terminal.type(f"{BUILD}/myturn --server {server.url} --name jeden --mic none --speaker none --agree", "Enter")
    shows(terminal, "Press Enter when you are ready to talk, jeden.")


@pytest.fixture
def others(tmp_path):
    """others(server, name, …): people driven by lines, logged in."""
    all_of_them = []

    def log_in_others(server, *names):
        new = [Person(name, server.url, tmp_path, mic="none", speaker="none") for name in names]
        all_of_them.extend(new)
        everybody(new, "logged-in")
        return new
    yield log_in_others
    for one in all_of_them:
        one.close()


def meet(terminal, person):
    """The terminal's user and the person, the only ones who wait, are drawn and talk."""
    before = len(person.find("secure"))
    on_main_page(terminal)
    terminal.type("Enter")
    terminal.wait("waiting line", lambda s: s[-1].startswith("Waiting 0:0"))
    person.type("")
    wait([person], "talk", lambda: len(person.find("secure")) > before)
    terminal.wait("talk", lambda s: s[-1].strip() == "jeden:")


def test_a_blocked_partner_is_not_met_again(start_server, terminal, others):  # noqa: F811
    server = start_server("--repeat-after-ms", "0")
    (dwa,) = others(server, "dwa")
    log_in(terminal, server)
    meet(terminal, dwa)
    dwa.type("/next")
    dwa.type("y")  # so quickly do the two meet again otherwise
    everybody([dwa], "ended")
    on_main_page(terminal)
    terminal.type("Enter")
    wait([dwa], "the same partner again", lambda: len(dwa.find("secure")) == 2)
    terminal.wait("talk", lambda s: s[-1].strip() == "jeden:")
    terminal.type("/block", "Enter")
    shows(terminal, "The talk with dwa is over: you have blocked this partner.")
    shows(terminal, "dwa is blocked. You will not be drawn for each other again.")
    wait([dwa], "the end", lambda: len(dwa.find("ended")) == 2)
    on_main_page(terminal)
    terminal.type("Enter")
    dwa.type("")
    wait([dwa], "two who wait", lambda: dwa.find("waiting", ready=2))
    pause([dwa], 4)
    assert len(dwa.find("drawn")) == 2
    (trzy,) = others(server, "trzy")
    trzy.type("")
    everybody([trzy], "drawn")  # the third is drawn at once, and by one of them


def test_each_reason_reaches_the_operator(start_server, terminal, others, tmp_path):  # noqa: F811
    folder = tmp_path / "reports"
    folder.mkdir(mode=0o700)
    server = start_server("--reports-dir", str(folder))
    log_in(terminal, server)
    for number, reason in enumerate(REASONS):
        (partner,) = others(server, f"partner{number}")
        meet(terminal, partner)
        terminal.type(f"/report {reason} żółta  note {number}", "Enter")
        shows(terminal, f"Your report of {partner.name} has arrived. You will not be drawn for each other again.")
        everybody([partner], "ended")
        partner.type("quit")
    end = time.monotonic() + 10
    while len(list(folder.glob("report-*.json"))) < len(REASONS) and time.monotonic() < end:
        time.sleep(0.1)
    found = {r["about"]["name"]: (r["reason"], r["note"]) for r in map(json.loads, (f.read_text() for f in folder.glob("report-*.json")))}
    assert found == {f"partner{n}": (reason, f"żółta  note {n}") for n, reason in enumerate(REASONS)}


@pytest.mark.parametrize("line", ["/report", "/report nonsense", "/report spammer and a note", "/report SPAM"])
def test_without_a_reason_it_is_told_how_and_the_talk_goes_on(server, terminal, others, line):  # noqa: F811
    (dwa,) = others(server, "dwa")
    log_in(terminal, server)
    meet(terminal, dwa)
    terminal.type(line, "Enter")
    shows(terminal, USAGE)
    terminal.type("still here", "Enter")
    wait([dwa], "the next line", lambda: dwa.find("text", body="still here"))
    assert [e["body"] for e in dwa.find("text")] == ["still here"] and not dwa.find("ended")


@pytest.mark.parametrize("line", ["/block", "/report spam"])
def test_nobody_is_meant(server, terminal, line):  # noqa: F811
    """Before the first talk; on the main page and while waiting."""
    log_in(terminal, server)
    terminal.type(line, "Enter")
    shows(terminal, NOBODY)
    terminal.type("Enter")
    terminal.wait("waiting line", lambda s: s[-1].startswith("Waiting 0:0"))
    terminal.type(line, "Enter")
    terminal.wait("the same again", lambda s: sum(NOBODY in row for row in s) == 2)


def test_the_last_partner_is_meant_after_the_talk(server, terminal, others):  # noqa: F811
    (dwa,) = others(server, "dwa")
    log_in(terminal, server)
    meet(terminal, dwa)
    dwa.type("q")
    dwa.type("y")
    everybody([dwa], "ended")
    shows(terminal, "The talk is over: dwa has hung up.")
    terminal.type("/report threat", "Enter")
    shows(terminal, "Your report of dwa has arrived.")


def test_a_suspended_user_is_told_why_how_long_and_where_to_object(start_server, terminal, others):  # noqa: F811
    server = start_server("--report-threshold", "2", "--suspend-s", "600", "--contact", "abuse@example.org")
    log_in(terminal, server)
    for name in ("dwa", "trzy"):
        (partner,) = others(server, name)
        meet(terminal, partner)
        partner.type("/report harassment")
        everybody([partner], "reported")
        shows(terminal, f"The talk is over: {name} has hung up.")
    terminal.type("Enter")
    shows(terminal, "You were reported by several people and are not drawn for a while (10 more minutes). To object, write to: abuse@example.org")
    on_main_page(terminal)


def test_a_suspension_ends(start_server, others):
    server = start_server("--report-threshold", "1", "--suspend-s", "10")
    jeden, dwa = both = others(server, "jeden", "dwa")
    for person in both:
        person.type("")
    everybody(both, "secure")
    dwa.type("/report other")
    everybody([dwa], "reported")
    everybody([jeden], "ended")
    jeden.type("")
    everybody([jeden], "error", code="suspended")
    (told,) = jeden.find("error", code="suspended")
    assert "1 more minute" in told["message"]
    pause([jeden], 1)
    jeden.type("")
    wait([jeden], "the same again", lambda: len(jeden.find("error", code="suspended")) == 2)
    pause([jeden], max(0, told["at"] + 10.5 - time.monotonic()))
    jeden.type("")
    (trzy,) = others(server, "trzy")
    trzy.type("")
    everybody([trzy], "drawn", partner="jeden")
