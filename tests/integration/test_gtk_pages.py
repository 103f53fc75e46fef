"""Pages and dialogs of the graphical client beside the talk itself: the microphone's test, links, all that a menu opens, and closing it
wherever it is."""

import os
import pathlib
import subprocess

import pytest

from api import Api, User
from desktop import LEAVES_S, closing_s, play, record, together
from people import stop
from sound import tone_level


@pytest.mark.tour
def test_microphone_test(window, sound, tmp_path):
    """The level moves with what is spoken, is heard back only when that is asked for, and the test is over when the page is left. Once the
    switch stood at off after "Hear yourself", while the microphone stayed open through the wait."""
    env, spoken = os.environ | sound.env, tmp_path / "tone.wav"
    jeden = window("jeden", mic="device:mic", speaker="device:ear", env=sound.env).log_in("jeden")
    assert jeden.find("level bar", "Level of your microphone") is None
    running = []

    def recorders():
        """How many streams record from the sound server; the remapped source is one itself."""
        return subprocess.run(["pactl", "list", "short", "source-outputs"], env=env, capture_output=True, text=True, check=True).stdout.count("\n")

    def heard(name):
        """The share of the tone in three seconds of the speaker."""
        file = tmp_path / name
        running.append(record(env, file))
        jeden.until("seconds of the speaker", lambda: file.is_file() and file.stat().st_size > 3 * 2 * 48000)
        stop(running.pop())
        return tone_level(file, 700)
    idle = recorders()
    try:
        jeden.press("Test the microphone", role="check box")
        jeden.wait("level bar", "Level of your microphone")
        jeden.until("the microphone open", lambda: recorders() == idle + 1)
        assert jeden.find("level bar", "Level of your microphone").value() < 0.1
        running.append(play(env, spoken, 700))
        jeden.until("the level", lambda: jeden.find("level bar", "Level of your microphone").value() > 0.6)
        assert heard("before.wav") == 0
        jeden.press("Hear yourself", role="check box")
        share = jeden.until("the tone", lambda: heard("hearing.wav"))
        print("share of the tone when hearing oneself:", round(share, 2))
        assert share > 0.3  # what cancels noise takes a steady tone for some
        assert recorders() == idle + 1 and jeden.find("check box", "Test the microphone").has("CHECKED")
        jeden.press("I am Ready")
        jeden.wait_text("Looking for somebody")
        jeden.until("the microphone closed", lambda: recorders() == idle)
        jeden.press("Cancel")
        jeden.wait("push button", "I am Ready")
        assert not jeden.find("check box", "Test the microphone").has("CHECKED") and recorders() == idle
    finally:
        for process in running:
            stop(process)


@pytest.fixture
def web_browser(desktop):
    """What the desktop opens https with: a program that writes down what it is given. The file it writes to."""
    data, opened = pathlib.Path(desktop.env["HOME"]) / ".local/share/applications", desktop.folder / "opened.txt"
    data.mkdir(parents=True, exist_ok=True)
    program = desktop.folder / "browser"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>"{opened}"\n')
    program.chmod(0o755)
    (data / "test-browser.desktop").write_text(f"[Desktop Entry]\nType=Application\nName=Browser\nExec={program} %u\nMimeType=x-scheme-handler/https;\n")
    (data / "mimeapps.list").write_text("[Default Applications]\nx-scheme-handler/https=test-browser.desktop\n")
    return opened


@pytest.mark.tour
def test_links_are_asked_for(window, web_browser):
    """By keys alone, to the link and past it both ways. What does not look like an address is none; nothing is opened without a yes, and
    letters that look like others are told."""
    jeden, dwa = (window(name).log_in(name) for name in ("jeden", "dwa"))
    together(jeden, dwa)
    def focus(role, *keys):
        jeden.keys(*keys)
        return jeden.until(f"focus on a {role}", lambda: next((n for n, its, _, _ in jeden.walk() if its == role and n.has("FOCUSED")), None), limit_s=10)
    plain = "https://example.org/x?a=1&b=2"
    for answer, sent, asked in ("Do Not Open", "https://ехample.org/", "https://xn--ample-ywe6i.org/"), ("Copy Link", plain, plain), ("Open in Browser", plain, plain):
        dwa.say(f"{answer}? {sent}, or javascript:alert(1)")
        jeden.hears("dwa", f"{answer}? {sent}, or javascript:alert(1)")
        focus("push button", "shift+Tab")  # the one that copies the message
        focus("label", "shift+Tab")
        jeden.keys("Tab", "Return")
        jeden.wait_text("Open this link?")
        question = next(text for text in jeden.texts() if text.startswith("A stranger sent it. "))
        assert f"Whoever runs {asked.split('/')[2]} " in question and question.endswith(f"\n\n{asked}"), question
        assert ("letters other than a to z" in question) == (sent != asked)
        jeden.answer(answer)
        focus("list item", "shift+Tab")
        focus("text", "Tab", "Tab", "Tab")
        if answer == "Copy Link":
            jeden.keys("ctrl+v")
            jeden.until("the link pasted", lambda: jeden.find("text", "Message").text() == plain)
            jeden.keys("ctrl+a", "BackSpace")
        assert answer == "Open in Browser" or not web_browser.exists()
    jeden.until("the browser", web_browser.exists)
    jeden.until("the address", lambda: web_browser.read_text() == f"{plain}\n")
    # Past the messages: GTK 4.8 keeps the keys within them where a label cannot have the focus.
    def on_the_words():
        jeden.keys("shift+Tab")
        return any(n.has("FOCUSED") and name.startswith("The four words") for n, _, name, _ in jeden.walk())
    jeden.until("the words", on_the_words, limit_s=30)


def dialogs(window):
    """How many of its windows are open beside itself."""
    return sum(depth == 0 for *_, depth in window.walk()) - 1


def opened(window, label, *texts):
    """A dialog from the main menu, with these texts."""
    window.choose(label)
    window.until("a dialog", lambda: dialogs(window) == 1)
    for text in texts:
        window.wait_text(text)


def escape(window):
    window.keys("Escape")
    window.until("the dialog's end", lambda: dialogs(window) == 0)


@pytest.mark.tour
def test_all_that_a_menu_opens(window):
    """Preferences with each switch there and back, keys, about; and once more what was changed is still so."""
    jeden = window("jeden").log_in("jeden")
    opened(jeden, "Keyboard Shortcuts", "Hold to talk")
    escape(jeden)
    opened(jeden, "About myTurn", "myTurn")
    escape(jeden)
    before = {}
    for _ in range(2):
        opened(jeden, "Preferences", "Push to talk")
        for name in "Cancel echo and noise", "Hide my address", "Notify when drawn", "Sounds":
            was = jeden.find("check box", name).has("CHECKED")
            assert was == before.get(name, was)
            jeden.press(name, role="check box")
            jeden.until(f"{name} to change", lambda: jeden.find("check box", name).has("CHECKED") != was)
            before[name] = not was
        escape(jeden)


@pytest.mark.tour
def test_all_that_a_talk_opens(window):
    """Its details, the words, a question that goes with it; the next partner; block and report after it."""
    jeden, dwa = (window(name).log_in(name) for name in ("jeden", "dwa"))
    together(jeden, dwa)
    opened(jeden, "Connection Details", "End to end: authenticated (AEAD)", "Direct: your partner's device learns your address")
    escape(jeden)
    [n for n, role, name, _ in jeden.walk() if role == "push button" and name.startswith("The four words: ")][-1].press()  # within GTK's menu button
    jeden.wait_text("If they differ, hang up.")
    jeden.keys("Escape")
    jeden.until("the explanation's end", lambda: not jeden.shows("If they differ, hang up."))
    jeden.keys("ctrl+n")
    jeden.wait_text("Really draw the next partner?")
    jeden.answer("Next Partner")
    jeden.wait_text("Looking for somebody")
    jeden.wait_text("The talk with dwa is over.")
    dwa.wait_text("jeden has hung up.")
    dwa.press("I am Ready")
    dwa.in_talk("jeden")
    jeden.in_talk("dwa")
    jeden.keys("ctrl+e")
    jeden.wait_text("Really hang up?")
    dwa.hang_up()  # while it is asked
    jeden.wait_text("dwa has hung up.")
    jeden.until("the question's end", lambda: dialogs(jeden) == 0)
    jeden.press("Block")
    jeden.wait_text("dwa is blocked: you will not be drawn together again.")
    jeden.choose("Log Out")  # a block ends with it
    jeden.log_in("jeden", agree=False)
    jeden.wait_text("Hello, jeden")
    together(jeden, dwa)
    dwa.hang_up()
    jeden.press("Report…")
    jeden.press("Something else", role="radio button")
    jeden.type_into(jeden.wait("text", "Anything to add"), "as a test")
    jeden.answer("Report")
    jeden.wait_text("The report about dwa has reached the operator")


def box(node):
    """x, y, width, height within its window."""
    return node.call("Component", "GetExtents", "(u)", 1)[0]


def outermost(window):
    """Role, name and place of what is to be seen, buttons as a whole: some hold a shorter label that waits for its time."""
    found, button = [], None
    for node, role, name, depth in window.walk():
        if button is not None and depth > button:
            continue
        button = depth if "button" in role else None
        if "button" in role or role in ("label", "image", "level bar", "text"):
            found.append((role, name, box(node)))
    return found


@pytest.mark.parametrize("font", ["Cantarell 11", "Cantarell 17"])
def test_narrow(desktop, window, tmp_path, font):
    """As wide as a phone, also with large text: the buttons above show their signs alone and keep their names, and nothing is cut off or
    reaches beyond the window. The state of the talk once did not fit between the buttons, nor the words into the window."""
    (tmp_path / "gtk-4.0").mkdir()
    (tmp_path / "gtk-4.0/settings.ini").write_text(f"[Settings]\ngtk-font-name={font}\n")
    jeden = window("jeden", env={"XDG_CONFIG_HOME": str(tmp_path)}).log_in("jeden")
    dwa = window("dwa").log_in("dwa")
    together(jeden, dwa)
    state = "Encrypted end to end"
    jeden.xdotool("getwindowfocus", "windowsize", "1000", "600")
    jeden.until("room", lambda: box(jeden.find("push button", "Hang Up"))[2] > 60)
    wide = box(jeden.wait("label", state))[2]
    jeden.xdotool("getwindowfocus", "windowsize", "360", "600")
    jeden.until("the sign alone", lambda: box(jeden.find("push button", "Hang Up"))[2] < 60 or  # which has more room from libadwaita 1.7, but no label
                not jeden.find("label", "Hang Up"))
    jeden.until("all of the state", lambda: (n := jeden.find("label", state)) and box(n)[2] >= wide, limit_s=20)
    left = box(jeden.find("frame"))[0]  # GTK 4.18 counts from within the shadow, and rounds
    jeden.until("nothing beyond the window", lambda: not [one for one in outermost(jeden) if one[2][0] < left - 1 or one[2][0] + one[2][2] > left + 361], limit_s=20)
    jeden.press("Next")
    jeden.wait_text("Really draw the next partner?")
    jeden.answer("Stay")
    jeden.hang_up()
    dwa.wait_text("jeden has hung up.")


@pytest.mark.tour
@pytest.mark.parametrize("state", ["login", "rules", "idle", "preferences", "about", "connecting"])
def test_closing_elsewhere(window, server, state):
    """By the close button of the window, a dialog over it or not: logged out and ended in time."""
    jeden = window("jeden")
    if state == "rules":
        jeden.log_in("jeden", agree=False)
        jeden.wait("push button", "I am 18 or Older and Agree")
    elif state != "login":
        jeden.log_in("jeden")
    if state in ("preferences", "about"):
        jeden.choose({"preferences": "Preferences", "about": "About myTurn"}[state])
        jeden.until("a dialog", lambda: dialogs(jeden) == 1)
    elif state == "connecting":
        jeden.ready()
        assert User(server.url, "dwa").wait_turn(10).json["role"] == "caller"  # who then does not call
        jeden.wait_text("Your partner is dwa")
    took_s = closing_s(jeden)
    print(f"closed in {took_s:.2f} s")
    assert took_s < LEAVES_S
    assert Api(server.url).get("/v1/stats").json["online"] == (state == "connecting")
