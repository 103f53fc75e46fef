"""The graphical client with partners who have something else: the page in a real Chromium, a phone."""

import os

import pytest

from api import User
from browser import DIST, Page
from desktop import play, record
from people import stop
from rtp_phone import Phone
from sound import tone_level

BEEP_HZ, TONE_HZ = 400, 700  # Chromium's own fake microphone, and what is played into the window's


def has_seconds(file, seconds):
    return file.is_file() and file.stat().st_size > seconds * 2 * 48000


def words_of_both(window, page):
    page.on("convo")
    words = window.in_talk(page.name)
    assert page.partner == window.user
    assert words.split() == page.words
    return words


def voices_both_ways(window, page, env, folder):
    """A tone through PulseAudio into the window's microphone arrives at the page as that tone; the page's beeps leave the window's speaker."""
    recorded = folder / "ear.wav"
    running = [play(env, folder / "tone.wav", TONE_HZ)]
    try:
        assert not page.stats("s.type === 'inbound-rtp' && s.totalAudioEnergy > 0"), "the microphone is off at first"
        window.press("Microphone off")
        page.until("document.querySelector('[data-testid=partner-mic]').dataset.on === 'true'")
        page.sound_arrives()
        heard_hz = [page.loudest_hz() for _ in range(3)]
        assert sum(abs(hz - TONE_HZ) < 15 for hz in heard_hz) >= 2, heard_hz
        page.click("mic")
        window.wait("image", f"The microphone of {page.name} is on")
        running.append(record(env, recorded))
        window.until("seconds of beeps", lambda: has_seconds(recorded, 4))
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
    anna.writes_until(lambda: jeden.shows("anna is typing"))
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


@pytest.mark.tour
def test_window_and_phone(window, server, sound, tmp_path):
    """Agreed to for one draw: shown as not encrypted, no text and no words, voice both ways; and not for the next draw. Hung up with the
    microphone on: its thread once sent by a line that was already gone, and the program fell."""
    jeden = window("jeden", mic="device:mic", speaker="device:ear", env=sound.env).log_in("jeden")
    jeden.press("Somebody on a phone will do", role="check box")
    jeden.ready()
    user = User(server.url, "telefon", device="phone")
    phone, running = Phone(server, user, 500), []
    try:
        drawn = user.wait_turn(20).json
        assert (drawn["link"], drawn["encrypted"], drawn["role"]) == ("rtp", False, "caller")
        phone.dial(drawn["partner"]["exten"])
        jeden.wait_text("Not encrypted: your partner is on a phone, and others can listen.")
        jeden.wait_text("You are talking with telefon. This talk is not encrypted.")  # as a screen reader says it
        jeden.wait_text("A phone carries voice alone")
        assert "Not encrypted" in jeden.texts() and not jeden.shows("ncrypted end to end") and not jeden.shows("The four words")
        assert jeden.find("image", "The microphone of telefon is off") is None, "a phone does not tell"
        assert jeden.find("text", "Message") is None and jeden.find("push button", "Send") is None
        env = os.environ | sound.env
        recorded, heard = tmp_path / "ear.wav", tmp_path / "phone.wav"
        before_s = phone.voice.seconds()
        running += [play(env, tmp_path / "tone.wav", TONE_HZ), record(env, recorded)]
        jeden.press("Microphone off")
        jeden.wait("push button", "Microphone on")
        jeden.until("seconds of voice", lambda: has_seconds(recorded, 3) and phone.voice.seconds() > before_s + 3)
        stop(running[1])  # a header is written at the end
        phone.voice.save(heard)
        shares = tone_level(recorded, 500), tone_level(heard, TONE_HZ)
        print("share of the phone's tone at the window, of the window's at the phone:", *(round(share, 2) for share in shares))
        assert min(shares) > 0.5
        jeden.keys("ctrl+i")
        jeden.wait_text("None: the partner is on a phone")
        jeden.keys("Escape")
        jeden.hang_up()
        assert phone.is_hung_up_on()
        jeden.wait_text("You have hung up. The talk with telefon is over.")
        assert not jeden.wait("check box", "Somebody on a phone will do").has("CHECKED")
    finally:
        for process in running:
            stop(process)
        phone.close()
