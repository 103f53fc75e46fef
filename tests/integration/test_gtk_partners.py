"""The graphical client with partners who have something else: the page in a real Chromium."""

import os
import subprocess

import pytest

from browser import DIST, Page
from people import stop
from sound import tone_level

PCM = ["--format=s16le", "--rate=48000", "--channels=1"]
BEEP_HZ, TONE_HZ = 400, 700  # Chromium's own fake microphone, and what is played into the window's


def words_of_both(window, page):
    page.on("convo")
    words = window.in_talk(page.name)
    assert page.partner == window.user
    assert words.split() == page.words
    return words


def voices_both_ways(window, page, env, folder):
    """A tone through PulseAudio into the window's microphone arrives at the page as that tone; the page's beeps leave the window's speaker."""
    recorded, spoken = folder / "ear.wav", folder / "tone.wav"
    subprocess.run(["sox", "-n", "-r", "48000", "-c", "1", "-b", "16", spoken, "synth", "60", "sine", str(TONE_HZ), "gain", "-6"], check=True)
    running = [subprocess.Popen(["paplay", "-d", "mouth", spoken], env=env)]
    try:
        assert not page.stats("s.type === 'inbound-rtp' && s.totalAudioEnergy > 0"), "the microphone is off at first"
        window.press("Microphone off")
        page.until("document.querySelector('[data-testid=partner-mic]').dataset.on === 'true'")
        page.sound_arrives()
        heard_hz = [page.loudest_hz() for _ in range(3)]
        assert sum(abs(hz - TONE_HZ) < 15 for hz in heard_hz) >= 2, heard_hz
        page.click("mic")
        window.wait("image", f"The microphone of {page.name} is on")
        running.append(subprocess.Popen(["parec", "-d", "ear.monitor", "--file-format=wav", *PCM, recorded], env=env))
        window.until("seconds of beeps", lambda: recorded.is_file() and recorded.stat().st_size > 4 * 2 * 48000)
    finally:
        for process in running:
            stop(process)
    share = tone_level(recorded, BEEP_HZ, around_hz=50)
    print("heard at the page (Hz):", heard_hz, "share of the beeps at the window:", round(share, 2))
    assert share > 0.5
    for press, off in (lambda: window.press("Microphone on"), lambda: window.wait("push button", "Microphone off")), \
            (lambda: page.click("mic"), lambda: window.wait("image", f"The microphone of {page.name} is off")):
        press()
        off()


@pytest.mark.daemon("--web", str(DIST))
def test_window_and_browser(page_built, chromium, server, window, sound, tmp_path):
    """Drawn for each other, the same four words, text and voice both ways, hung up from each side once."""
    jeden = window("jeden", mic="device:mic", speaker="device:ear", env=sound.env).log_in("jeden")
    anna = Page(chromium, server.url, "anna").log_in()
    jeden.ready()
    anna.ready()
    first = words_of_both(jeden, anna)
    jeden.say("Cześć! <b>5 < 6</b> & 🎈\nin two lines")
    anna.hears("Cześć! <b>5 < 6</b> & 🎈\nin two lines")
    anna.do("keys", text="half a")
    jeden.wait_text("anna is typing")
    anna.say("a\u202eb\u200bc 🐢")
    jeden.hears("anna", "abc 🐢")  # what could mislead the eye is not shown
    voices_both_ways(jeden, anna, os.environ | sound.env, tmp_path)
    anna.hang_up()
    assert anna.ended() == "hung_up"
    jeden.wait_text("anna has hung up.")
    anna.ready()
    jeden.ready()
    assert words_of_both(jeden, anna) != first
    jeden.hang_up()
    assert anna.ended() == "partner_left"
    jeden.wait_text("You have hung up. The talk with anna is over.")
