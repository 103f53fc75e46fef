"""A device that is in use goes away during a talk, and comes back."""

import pytest

from desktop import Sound
from people import Person, everybody, wait

HEADSET = ("module-null-sink", "sink_name=headset", "rate=48000", "channels=1")
USB_MIC = ("module-remap-source", "source_name=usbmic", "master=mouth.monitor", "channels=1")


@pytest.fixture
def talk(server, monkeypatch, tmp_path):
    """talk(sound): jeden speaks into usbmic and hears by headset, dwa speaks a tone and records."""
    people = []

    def start(sound):
        monkeypatch.setenv("PULSE_SERVER", sound.env["PULSE_SERVER"])
        people.extend((Person("jeden", server.url, tmp_path, mic="device:usbmic", speaker="device:headset"),
                       Person("dwa", server.url, tmp_path, mic="tone:500")))
        everybody(people, "logged-in")
        for person in people:
            person.type("")
        everybody(people, "secure")
        people[1].type("m")
        wait(people, "the tone", lambda: people[0].find("mic", who="partner", on=True))
        return people
    yield start
    for person in people:
        person.close()


def device_of(sound, kind, name):
    """Where the stream of that name plays or records: a device's name, None while there is no such stream."""
    devices = dict(line.split("\t")[:2] for line in sound.pactl("list", "short", "sinks" if kind == "sink-inputs" else "sources").splitlines())
    for part in sound.pactl("list", kind).split("\n\n"):
        if f'media.name = "{name}"' in part:
            number = part.split("Sink: " if kind == "sink-inputs" else "Source: ")[1].split()[0]
            return devices.get(number)
    return None


def speaker(sound):
    return device_of(sound, "sink-inputs", "partner")


def microphone(sound):
    return device_of(sound, "source-outputs", "microphone")


def says(people, text):
    people[0].type(text)
    wait(people, "the message", lambda: people[1].find("text", body=text))


def test_the_sound_server_has_another_device(sound, talk):
    """The streams go there, and back when the ones asked for are plugged in again; nobody has to do anything."""
    headset, usb_mic = sound.pactl("load-module", *HEADSET), sound.pactl("load-module", *USB_MIC)
    people = talk(sound)
    people[0].type("m")
    wait(people, "the microphone", lambda: people[1].find("mic", who="partner", on=True))
    wait(people, "the headset in use", lambda: speaker(sound) == "headset" and microphone(sound) == "usbmic")
    sound.pactl("unload-module", headset)
    sound.pactl("unload-module", usb_mic)
    wait(people, "other devices", lambda: speaker(sound) in ("ear", "mouth") and microphone(sound) not in (None, "usbmic"))
    says(people, "the talk goes on")
    sound.pactl("load-module", *HEADSET)
    sound.pactl("load-module", *USB_MIC)
    wait(people, "the headset again", lambda: speaker(sound) == "headset" and microphone(sound) == "usbmic")
    assert not people[0].find("error")
    assert not people[0].find("mic", who="own", on=False)
    assert people[0].log.read_text().count("the sound server moved") == 4


def test_the_only_devices_go(tmp_path, talk):
    """It is told, the talk goes on in writing, the partner learns that the microphone is off; the speaker comes back by itself, and the
    microphone when it is wanted."""
    alone = Sound(tmp_path / "alone", modules=())
    sink = alone.pactl("load-module", *HEADSET)
    monitor = [a.replace("mouth", "headset") for a in USB_MIC]
    alone.pactl("load-module", *monitor)
    try:
        people = talk(alone)
        jeden, dwa = people
        jeden.type("m")
        wait(people, "the microphone", lambda: dwa.find("mic", who="partner", on=True))
        alone.pactl("unload-module", sink)
        wait(people, "both told", lambda: all(jeden.find("error", code=code) for code in ("mic_failed", "speaker_failed")))
        wait(people, "the microphone off", lambda: dwa.find("mic", who="partner", on=False))
        assert speaker(alone) is None
        says(people, "the talk goes on")
        alone.pactl("load-module", *HEADSET)
        alone.pactl("load-module", *monitor)
        wait(people, "the speaker again", lambda: speaker(alone) == "headset")
        assert microphone(alone) is None  # nobody is heard who does not know it
        jeden.type("m")
        wait(people, "the microphone again", lambda: len(dwa.find("mic", who="partner", on=True)) == 2 and microphone(alone) == "usbmic")
        assert len(jeden.find("error")) == 2
    finally:
        alone.close()
