"""The graphical client in real windows against the real daemon, driven through the accessibility tree as a screen reader would:
two windows, a window and a terminal. Every label that is named here is so proven to be there for those who cannot see."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

import pytest

from desktop import LEAVES_S, Sound, closing_s, together
from people import Person, Server, everybody, wait
from sound import tone_level

TALKS = int(os.environ.get("MT_GTK_TALKS", "8"))  # 100 for the long run
IDLE_CONNECTIONS = 8  # what the client keeps open to the server between requests, at most


def stats(server):
    with urllib.request.urlopen(server.url + "/v1/stats", timeout=10) as answer:
        return json.load(answer)


@pytest.mark.tour
def test_two_windows(window, desktop, server, sound, tmp_path):
    """Log in, wait, talk both ways, a tone through microphone and loudspeaker, hang up, draw again, log out."""
    jeden = window("jeden", mic="device:mic", speaker="none", env=sound.env).log_in("jeden")
    dwa = window("dwa", speaker="device:ear", env=sound.env).log_in("dwa")
    together(jeden, dwa)
    jeden.until("a notification", lambda: {("You have been drawn", f"Your partner is {name}.") for name in ("jeden", "dwa")} & set(desktop.notifications.shown))
    jeden.say("Cześć! <b>5 < 6</b> & 🎈")
    dwa.hears("jeden", "Cześć! <b>5 < 6</b> & 🎈")
    dwa.writes_until(lambda: jeden.shows("dwa is typing"))
    dwa.say("A longer answer\nin two lines")
    jeden.hears("dwa", "A longer answer\nin two lines")
    recorded = tmp_path / "ear.wav"
    pcm = ["--format=s16le", "--rate=48000", "--channels=1"]
    spoken = tmp_path / "tone.wav"
    subprocess.run(["sox", "-n", "-r", "48000", "-c", "1", "-b", "16", spoken, "synth", "6", "sine", "700", "gain", "-6"], check=True)
    env = os.environ | sound.env
    with subprocess.Popen(["parec", "-d", "ear.monitor", "--file-format=wav", *pcm, recorded], env=env) as recorder:
        jeden.press("Microphone off")
        jeden.wait("push button", "Microphone on")
        dwa.wait("image", "The microphone of jeden is on")
        subprocess.run(["paplay", "-d", "mouth", spoken], env=env, check=True, timeout=60)
        level = jeden.find("level bar", "Level of your microphone")
        assert level is not None and dwa.find("level bar", "Level of jeden") is not None
        recorder.terminate()
    assert tone_level(recorded, 700) > 0.5
    jeden.press("Microphone on")
    dwa.wait("image", "The microphone of jeden is off")
    jeden.hang_up()
    jeden.wait_text("You have hung up")
    dwa.wait_text("jeden has hung up.")
    assert not dwa.shows("A longer answer"), "the talk is gone when it ends"
    together(jeden, dwa)
    dwa.hang_up()
    for one in (jeden, dwa):
        one.wait("push button", "I am Ready")
    assert stats(server)["online"] == 2


@pytest.mark.tour
def test_keyboard(window):
    """All of a talk without a mouse: Enter sends, Shift+Enter breaks the line, Ctrl+M and the held key switch the microphone, Ctrl+N asks."""
    jeden = window("jeden", mic="tone:440").log_in("jeden")
    dwa = window("dwa").log_in("dwa")
    together(jeden, dwa)
    jeden.keys("h", "i", "shift+Return", "y", "o", "u", "Return")
    dwa.hears("jeden", "hi\nyou")
    jeden.keys("ctrl+m")
    dwa.wait("image", "The microphone of jeden is on")
    jeden.keys("ctrl+m")
    dwa.wait("image", "The microphone of jeden is off")
    jeden.hold("F8", lambda: dwa.wait("image", "The microphone of jeden is on"))
    dwa.wait("image", "The microphone of jeden is off")

    def look_elsewhere():
        dwa.wait("image", "The microphone of jeden is on")
        dwa.keys("Escape")
        dwa.wait("image", "The microphone of jeden is off")  # the release goes to another window
    jeden.hold("F8", look_elsewhere)
    jeden.keys("ctrl+n")
    jeden.wait_text("Really draw the next partner?")
    jeden.answer("Stay")
    assert jeden.find("text", "Message")
    jeden.keys("ctrl+b")
    jeden.answer("Block")
    jeden.wait_text("You will not be drawn together again")


def test_window_and_terminal(window, server, tmp_path):
    dwa = Person("dwa", server.url, tmp_path, mic="none", speaker="none")
    try:
        everybody([dwa], "logged-in")
        jeden = window("jeden").log_in("jeden")
        jeden.ready()
        dwa.type("")
        words = jeden.in_talk("dwa")
        wait([dwa], "secure", lambda: dwa.find("secure"))
        assert words.split() == dwa.find("secure")[0]["words"]
        jeden.say("from the window")
        wait([dwa], "the message", lambda: dwa.find("text"), 30)
        assert dwa.find("text")[0]["body"] == "from the window"
        dwa.type("from the terminal")
        jeden.hears("dwa", "from the terminal")
        dwa.process.send_signal(signal.SIGKILL)  # vanishes without a word
        jeden.wait("push button", "I am Ready", limit_s=60)
        assert jeden.shows("dwa") and (jeden.shows("is lost") or jeden.shows("hung up"))
    finally:
        dwa.close()


def test_server_away_at_start_and_name_taken(window, server):
    lost = window("lost", url="http://127.0.0.1:1").log_in("jeden", agree=False)
    lost.wait("alert", re.compile("server cannot be reached", re.I))
    assert lost.wait("push button", "Log In").has("SENSITIVE"), "it can be tried again"
    window("jeden").log_in("jeden")
    second = window("second").log_in("jeden", agree=False)
    second.wait("alert", re.compile("taken"))
    second.log_in("dwa")


def test_server_lost(desktop, tmp_path, window):
    """While waiting and in a talk: it is told, the talk goes on, and closing ends in time all the same."""
    one = Server(tmp_path)
    try:
        jeden, dwa, trzy = (window(name, url=one.url).log_in(name) for name in ("jeden", "dwa", "trzy"))
        together(jeden, dwa)
        trzy.ready()
        one.process.kill()
        one.process.wait()
        trzy.wait_text("server cannot be reached", limit_s=60)
        jeden.say("still here")
        dwa.hears("jeden", "still here")
        for user in (jeden, dwa, trzy):
            begin = time.monotonic()
            user.process.send_signal(signal.SIGTERM)
            user.process.wait(20)
            print("closed in", time.monotonic() - begin)
    finally:
        one.close()


def test_report(window, server):
    """A reason must be chosen first; all of it as a screen reader does it."""
    jeden, dwa = (window(name).log_in(name) for name in ("jeden", "dwa"))
    together(jeden, dwa)
    jeden.choose("Report Partner…")
    reason = jeden.wait("radio button", "Threatened me or others")
    assert not jeden.dialog_button("Report").has("SENSITIVE"), "not without a reason"
    reason.press()
    jeden.until("the reason chosen", lambda: (n := jeden.find("radio button", "Threatened me or others")) and n.has("CHECKED"))
    jeden.press("Seems to be under 18", role="radio button")
    jeden.until("one reason only", lambda: [n.name for n, role, _, _ in jeden.walk() if role == "radio button" and n.has("CHECKED")] == ["Seems to be under 18"])
    jeden.answer("Report")
    jeden.wait_text("The report about dwa has reached the operator")
    dwa.wait_text("jeden has hung up.")


@pytest.mark.tour
def test_log_out(window, server):
    jeden = window("jeden").log_in("jeden")
    assert stats(server)["online"] == 1
    jeden.choose("Log Out")
    jeden.wait("text", "Your nickname")
    jeden.until("the server told", lambda: stats(server)["online"] == 0)
    jeden.log_in("jeden", agree=False)  # the rules have been agreed to
    jeden.until("in again", lambda: stats(server)["online"] == 1)  # the greeting of before may still stand in the page that goes
    jeden.wait_text("Hello, jeden")


@pytest.mark.tour
@pytest.mark.parametrize("state", ["waiting", "talking"])
def test_closing(window, server, state):
    """By its close button: hung up, logged out and ended within 2 s; a loaded machine is given more."""
    jeden, dwa = (window(name).log_in(name) for name in ("jeden", "dwa"))
    if state == "talking":
        together(jeden, dwa)
    else:
        jeden.ready()
    took_s = closing_s(jeden)
    print(f"closed while {state} in {took_s:.2f} s")
    assert took_s < LEAVES_S
    dwa.until("the server told", lambda: stats(server)["online"] == 1)
    if state == "talking":
        dwa.wait_text("jeden has hung up.")


@pytest.mark.parametrize("how", ["none", "denied"])
def test_microphone_that_cannot_be_had(window, tmp_path, how):
    sound = Sound(tmp_path / "sound", source=False, denied=how == "denied")
    try:
        env = sound.env | {"PULSE_COOKIE": "/dev/null"}
        jeden = window("jeden", mic="device:nowhere", env=env).log_in("jeden")
        dwa = window("dwa").log_in("dwa")
        together(jeden, dwa)
        jeden.press("Microphone off")
        message = jeden.wait("alert", re.compile("microphone", re.I), limit_s=60).name
        print(message)
        assert jeden.wait("push button", "Microphone off")
        jeden.say("then in writing")
        dwa.hears("jeden", "then in writing")
    finally:
        sound.close()


def test_what_is_remembered(window, desktop, server, request):
    """The server and the language are; the name is not."""
    first = window("first", url="", mic=None, speaker=None)
    first.type_into(first.wait("text", "Server"), server.url)
    first.log_in("jeden")
    first.close()
    kept = (desktop.folder / "home/.config/glib-2.0/settings/keyfile").read_text()
    assert "jeden" not in kept and server.url in kept
    request.getfixturevalue("polish")
    second = window("second", url="", mic=None, speaker=None, env={"LANGUAGE": "pl"})
    assert second.wait("text", "Twój pseudonim") and second.wait("text", "Serwer")


def memory_kib(window):
    """What it holds, what of that is its share, and what of that is its own and no file's."""
    rollup = dict(re.findall(r"^(\w+):\s+(\d+) kB$", pathlib.Path(f"/proc/{window.process.pid}/smaps_rollup").read_text(), re.M))
    return [int(rollup[name]) for name in ("Rss", "Pss", "Pss_Anon")]


def test_many_talks_without_growth(window):
    jeden, dwa = (window(name).log_in(name) for name in ("jeden", "dwa"))
    sizes = []
    for talk in range(TALKS):
        together(jeden, dwa)
        jeden.say(f"talk {talk}")
        dwa.hears("jeden", f"talk {talk}")
        jeden.hang_up()
        dwa.wait("push button", "I am Ready")
        files = len(os.listdir(f"/proc/{jeden.process.pid}/fd"))
        sizes.append((*memory_kib(jeden), files))
        print("talk %d: RSS %d KiB, PSS %d KiB, anonymous %d KiB, %d descriptors" % (talk, *sizes[-1]), flush=True)
    warm = min(TALKS // 2, 20)
    assert sizes[-1][3] <= sizes[warm][3] + IDLE_CONNECTIONS, "descriptors are left open"
    assert sizes[-1][2] - sizes[warm][2] < 2048 + 40 * (TALKS - warm), "memory grows with each talk"
