"""Voice between two terminal clients over the real daemon: what is spoken at one end is recorded at the other (A12)."""

import array
import re
import statistics
import subprocess
import wave

import pytest

from lateness import Lateness
from people import BUILD, Person, everybody, pause, wait
from sound import understood

RATE = 48000


def write_wav(path, samples):
    with wave.open(str(path), "wb") as w:
        w.setparams((1, 2, RATE, 0, "NONE", ""))
        w.writeframes(array.array("h", samples).tobytes())


def read_wav(path):
    with wave.open(str(path)) as w:
        assert (w.getframerate(), w.getnchannels(), w.getsampwidth()) == (RATE, 1, 2)
        return array.array("h", w.readframes(w.getnframes()))


def match(spoken, heard):
    """Correlation 0 … 1 and delay in ms."""
    out = subprocess.run([BUILD / "tools/voicematch", spoken, heard], capture_output=True, text=True, check=True).stdout
    found = re.search(r"correlation=([\d.]+) delay_ms=(-?\d+)", out)
    return float(found.group(1)), int(found.group(2))


def espeak(path, text, voice="en"):
    subprocess.run(["espeak-ng", "-v", voice, "-s", "160", "-w", path, text], check=True)


@pytest.fixture
def pair(server, tmp_path):
    """pair(mic, options) -> jeden and dwa in a talk; jeden's microphone has that SPEC, dwa records."""
    people = []

    def start(mic, *options, dwa_mic="none"):
        people.extend(Person(name, server.url, tmp_path, options, mic=m)
                      for name, m in (("jeden", mic), ("dwa", dwa_mic)))
        everybody(people, "logged-in")
        for person in people:
            person.type("")
        everybody(people, "secure")
        return people
    yield start
    for person in people:
        person.close()


def speak(people, seconds, who=0):
    """Microphone on for so long, then the talk ends and the recording is closed."""
    speaker, listener = people[who], people[1 - who]
    speaker.type("m")
    wait(people, "microphone on", lambda: listener.find("mic", who="partner", on=True))
    pause(people, seconds)
    speaker.type("m")
    wait(people, "microphone off", lambda: listener.find("mic", who="partner", on=False))
    speaker.type("q")
    speaker.type("y")
    everybody(people, "ended")
    return read_wav(listener.heard)


@pytest.mark.parametrize("options", [("--codec", "opus"), ("--codec", "opus", "--ptime", "10"), ("--codec", "pcm")],
                         ids=["opus 20 ms", "opus 10 ms", "pcm"])
def test_speech_is_heard_both_ways(pair, tmp_path, options):
    spoken = {"jeden": tmp_path / "a.wav", "dwa": tmp_path / "b.wav"}
    espeak(spoken["jeden"], "The quick brown fox jumps over the lazy dog, and nobody listens.")
    espeak(spoken["dwa"], "Sphinx of black quartz, judge my vow, said the second voice.", "en+f3")
    people = pair(f"file:{spoken['jeden']}", *options, dwa_mic=f"file:{spoken['dwa']}")
    people[1].type("m")
    speak(people, 5.5)
    jeden, dwa = people
    for listener, speaker in ((jeden, dwa), (dwa, jeden)):
        found = understood(spoken[speaker.name], listener.heard)
        wrong, _ = match(spoken[listener.name], listener.heard)
        print(f"{listener.name} heard {speaker.name}: {found:.2f}, himself: {wrong}")
        assert found > 0.85
        assert wrong < 0.4


def test_silence_stays_silence(pair, tmp_path):
    write_wav(tmp_path / "silence.wav", [0] * RATE * 2)
    heard = speak(pair(f"file:{tmp_path / 'silence.wav'}"), 2.0)
    assert max(map(abs, heard)) <= 3  # -80 dB


def test_microphone_off_sends_nothing(pair):
    people = pair("tone:440")
    pause(people, 1.5)
    people[0].type("q")
    people[0].type("y")
    everybody(people, "ended")
    heard = read_wav(people[1].heard)
    assert len(heard) > RATE and not any(heard)


@pytest.mark.parametrize("codec", ["opus", "pcm"])
def test_a_clipped_signal_does_not_wrap(pair, tmp_path, codec):
    half = 120
    write_wav(tmp_path / "square.wav", [32767 if i // half % 2 == 0 else -32768 for i in range(RATE * 2)])
    heard = speak(pair(f"file:{tmp_path / 'square.wav'}", "--codec", codec), 2.0)
    first = next(i for i, s in enumerate(heard) if abs(s) > 20000)
    flips = []
    for begin in range(first + RATE // 4, first + RATE * 3 // 2, RATE // 4):
        piece = [s > 0 for s in heard[begin:begin + RATE // 4] if abs(s) > 15000]
        flips.append(sum(a != b for a, b in zip(piece, piece[1:])))
    print("flips in a quarter of a second:", flips)
    assert abs(statistics.median(flips) - RATE / 4 / half) <= 2  # a wrapped sample would flip twice more


def test_the_recording_has_true_timing(pair):
    """What is spoken while the machine stands still is not heard: then another talk is measured."""
    people, measured = pair("tone:500"), []
    while len(measured) < 4 and (not measured or min(measured)[0] > 0.15):
        if measured:
            for person in people:
                person.events.clear()
                person.type("")
            everybody(people, "secure")
        with Lateness() as late:
            found = three_spurts(people)
        measured.append((late.worst_s, *found))
    worst_s, lasted_s, spoken_s, heard = min(measured)
    print(f"{len(measured)} talks, {1000 * worst_s:.0f} ms late at worst")
    assert abs(len(heard) / RATE - lasted_s) < 1.0
    block = RATE // 50
    loud = [max(map(abs, heard[i:i + block])) > 1000 for i in range(0, len(heard) - block, block)]
    spurts = sum(b and not a for a, b in zip([False] + loud, loud))
    assert spurts == 3
    assert -0.3 < sum(loud) * block / RATE - spoken_s < 0.7


def three_spurts(people):
    """Half a second of each. How long the talk lasted, how long the microphone was on, and what was heard."""
    since = people[1].find("secure")[-1]["at"]
    for on in (True, False) * 3:
        people[0].type("m")
        wait(people, "switch", lambda: people[1].find("mic") and people[1].find("mic")[-1]["on"] is on)
        pause(people, 0.5)
    people[0].type("q")
    people[0].type("y")
    everybody(people, "ended")
    switched = people[1].find("mic")
    spoken_s = sum(off["at"] - on["at"] for on, off in zip(switched[::2], switched[1::2]))
    return people[1].find("ended")[-1]["at"] - since, spoken_s, read_wav(people[1].heard)


def test_a_microphone_that_cannot_be_opened_is_told(pair):
    people = pair("file:/nowhere/at/all.wav")
    people[0].type("m")
    wait(people, "the error", lambda: people[0].find("error"))
    assert " " in people[0].find("error")[0]["message"]
    people[0].type("the talk goes on")
    wait(people, "the message", lambda: people[1].find("text", body="the talk goes on"))


def test_through_a_sound_server(sound_server, pair, tmp_path, monkeypatch):
    """Real capture and playback: pacat speaks into jeden's microphone, parec records dwa's loudspeaker."""
    monkeypatch.setenv("PULSE_SERVER", sound_server)
    spoken, recorded = tmp_path / "spoken.wav", tmp_path / "recorded.wav"
    espeak(spoken, "One two three four five, once I caught a fish alive.")
    people = pair("device:mic", "--speaker", "device:ear")
    pcm = ["--format=s16le", "--rate=48000", "--channels=1"]
    with subprocess.Popen(["parec", "-d", "ear.monitor", "--latency-msec=20", "--file-format=wav", *pcm, recorded]) as recorder:
        people[0].type("m")
        wait(people, "microphone on", lambda: people[1].find("mic", who="partner", on=True))
        pause(people, 1.5)  # a null sink that was idle takes up to 2 s to begin
        subprocess.run(["paplay", "-d", "mouth", "--latency-msec=20", spoken], check=True)
        pause(people, 1.0)
        recorder.terminate()
    found = understood(spoken, recorded)
    print(f"through the sound server: {found:.2f}")
    assert found > 0.7
