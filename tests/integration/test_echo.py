"""The partner's own voice, out of the loudspeaker back into the microphone: through a real sound server, in which the loudspeaker's sound comes
weaker and late into the microphone's room, beside whoever speaks there."""

import subprocess

import numpy
import pytest

from desktop import Sound
from people import Person, everybody, pause, wait
from sound import read_wav
from test_impaired import likeness
from test_voice import espeak

RATE = 48000
FAR = ("The north wind and the sun were disputing which was the stronger, when a traveller came along wrapped in a warm cloak. "
       "They agreed that the one who first made the traveller take his cloak off should be considered stronger than the other. ")
NEAR = "One two three four five, once I caught a fish alive."
ECHO_DB = -12
# mic hears the room: what is said there, and the loudspeaker
ROOM = ("module-null-sink sink_name=room rate=48000 channels=1",
        "module-remap-sink sink_name=mouth master=room channels=1",
        "module-remap-sink sink_name=ear master=room channels=1",
        "module-remap-source source_name=mic master=room.monitor channels=1")


@pytest.fixture
def room(tmp_path, monkeypatch):
    sound = Sound(tmp_path / "sound", modules=ROOM)
    monkeypatch.setenv("PULSE_SERVER", sound.env["PULSE_SERVER"])
    sound.pactl("set-sink-volume", "ear", f"{ECHO_DB}dB")
    yield sound
    sound.close()


def level_db(samples):
    return 20 * numpy.log10(numpy.sqrt(numpy.mean(samples ** 2)) + 1e-9)


def hear(server, tmp_path, *options):
    """dwa speaks for some time, and then somebody in jeden's room: the level of what dwa spoke, and of what he heard meanwhile from its sixth second
    on; and how well he understood the other."""
    far, near = tmp_path / "far.wav", tmp_path / "near.wav"
    espeak(far, FAR)
    espeak(near, NEAR, "en+f3")
    people = [Person("jeden", server.url, tmp_path, options, mic="device:mic", speaker="device:ear"),
              Person("dwa", server.url, tmp_path, mic=f"file:{far}")]
    try:
        everybody(people, "logged-in")
        for person in people:
            person.type("")
        everybody(people, "secure")
        people[0].type("m")
        wait(people, "the room's microphone", lambda: people[1].find("mic", who="partner", on=True))
        pause(people, 2.0)  # a null sink that was idle takes up to 2 s to begin
        spoken, rate = read_wav(far)
        lasts = len(spoken) / rate
        people[1].type("m")
        wait(people, "dwa's microphone", lambda: people[0].find("mic", who="partner", on=True))
        pause(people, lasts)
        people[1].type("m")
        pause(people, 1.0)
        subprocess.run(["paplay", "-d", "mouth", "--latency-msec=20", near], check=True)
        pause(people, 1.0)
        people[1].type("q")
        people[1].type("y")
        everybody(people, "ended")
    finally:
        for person in people:
            person.close()
    heard, _ = read_wav(people[1].heard)
    said, near_rate = read_wav(near)
    end = len(heard) - int((2.0 + len(said) / near_rate) * RATE) - RATE // 2
    echo = heard[end - int((lasts - 6.0) * RATE):end]
    said = numpy.interp(numpy.arange(0, len(said), near_rate / RATE), numpy.arange(len(said)), said)
    return level_db(spoken[6 * rate:]), level_db(echo), likeness(said, heard[end:])


def test_the_partner_does_not_hear_himself(server, tmp_path, room):
    spoken, raw, _ = hear(server, tmp_path, "--raw-voice")
    spoken, clean, understood = hear(server, tmp_path)
    print(f"spoken {spoken:.1f} dB; comes back at {raw:.1f} dB, with echo cancelling at {clean:.1f}; who speaks in the room is understood: {understood:.2f}")
    assert raw > spoken + ECHO_DB - 6  # there is an echo
    assert clean < raw - 12
    assert understood > 0.6
