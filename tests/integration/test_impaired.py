"""Voice over a path that loses every tenth packet and delays the others by 0 to 60 ms, at random and out of order: the
speech is understood, little of it is invented, and it comes soon."""

import re
import statistics

import numpy
import pytest

from impair import Impaired
from lateness import Lateness
from netns import HUB, Net
from people import Person, Server, everybody, pause, wait
from sound import read_wav, understood
from test_voice import espeak

MISSING = Net.missing() or Impaired.missing()
pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
RATE = 48000
TEXT = ("The north wind and the sun were disputing which was the stronger, when a traveller came along wrapped in a warm cloak. "
        "They agreed that the one who first made the traveller take his cloak off should be considered stronger than the other. "
        "The north wind blew as hard as he could.")


@pytest.fixture
def world(tmp_path):
    people, servers = [], []
    with Net() as net:
        net.person("a")
        net.person("b")
        servers.append(Server(tmp_path, f"{HUB}:0", f"{HUB}:0", (), net.inside("hub")))

        def start(*options, mic):
            people.extend(Person(name, servers[0].url, tmp_path, options, m, None if m == "none" else "none", net.at(who))
                          for name, who, m in (("jeden", "a", mic), ("dwa", "b", "none")))
            everybody(people, "logged-in")
            for person in people:
                person.type("")
            everybody(people, "secure")
            return people
        try:
            with Impaired(net) as path:
                yield start, path
        finally:
            for one in people + servers:
                one.close()


def statistics_of(log):
    """What the client wrote of its talk's voice: name -> number."""
    line = re.findall(r"audio: (sent \d+, .*)", log.read_text())[-1]
    return {name: int(value) for name, value in re.findall(r"(\w+) (\d+)", line)}


def likeness(spoken, heard):
    """Of each second spoken in which there is speech, the best correlation with what was heard about then; their median, and the
    range of the places. The whole is found first: what is heard may be stretched and shortened on the way."""
    window, reach = RATE // 2, RATE // 5
    size = 1 << (len(spoken) + len(heard)).bit_length()
    offset = int(numpy.argmax(numpy.fft.irfft(numpy.fft.rfft(heard, size) * numpy.conj(numpy.fft.rfft(spoken, size)), size)[:len(heard)]))
    found = []
    loud = 0.3 * numpy.sqrt(numpy.mean(spoken ** 2))
    for at in range(0, len(spoken) - window, window):
        piece = spoken[at:at + window]
        place = heard[max(0, offset + at - reach):offset + at + window + reach]
        if numpy.sqrt(numpy.mean(piece ** 2)) < loud or len(place) < window + reach:
            continue
        size = 1 << (len(place) + window).bit_length()
        cross = numpy.fft.irfft(numpy.fft.rfft(place, size) * numpy.conj(numpy.fft.rfft(piece, size)), size)[:len(place) - window]
        energy = numpy.concatenate([[0], numpy.cumsum(place ** 2)])
        norm = numpy.sqrt((energy[window:window + len(cross)] - energy[:len(cross)]) * numpy.sum(piece ** 2))
        found.append(float(numpy.max(cross / (norm + 1e-9))))
    return statistics.median(found)


def talk(world, tmp_path, options, loss_percent, jitter_ms):
    """Figures of what dwa heard of jeden."""
    start, path = world
    spoken = tmp_path / "spoken.wav"
    espeak(spoken, TEXT)
    people = start(*options, mic=f"file:{spoken}")
    path.set(loss_percent, jitter_ms)
    with Lateness() as late:
        people[0].type("m")
        wait(people, "microphone on", lambda: people[1].find("mic", who="partner", on=True))
        samples, rate = read_wav(spoken)
        pause(people, len(samples) / rate + 1.0)
    path.set()
    people[0].type("q")
    people[0].type("y")
    everybody(people, "ended")
    for person in people:
        person.type("quit")
    wait([], "the clients' ends", lambda: all(p.process.poll() is not None for p in people))
    stats = statistics_of(people[1].log)
    stats["likeness"] = understood(spoken, people[1].heard)
    stats["poor"] = [len(p.find("quality", poor=True)) for p in people]
    stats["spoken_ms"] = 1000 * len(samples) / rate
    stats["late_ms"] = 1000 * late.total_s
    return stats


def show(name, s):
    invented = 100 * max(0, s["concealed"] - s["late_ms"]) / s["spoken_ms"]
    print(f"{name}: {s['late_ms']:.0f} ms the machine took for others; likeness {s['likeness']:.3f}, invented {invented:.1f} %, recovered {100 * s['recovered'] / s['spoken_ms']:.1f} %, "
          f"waited {s['waited']} ms, behind {s['behind']} ms, late {s['late']}, shed {s['shed']} ms, poor {s['poor']}")
    return invented


@pytest.mark.parametrize("ptime", ["10", "20"])
def test_a_bad_path_is_borne(world, tmp_path, ptime):
    s = talk(world, tmp_path, ("--ptime", ptime), 10, (0, 60))
    invented = show(f"10 % loss, 0-60 ms, frames of {ptime} ms", s)
    assert s["lost"] > 10  # the path was bad
    assert s["recovered"] > 0  # the partner was told, and corrects errors
    assert s["poor"] == [1, 1]  # both were told, once
    assert invented < 20
    assert s["likeness"] > 0.6
    assert s["behind"] < (250 if s["late_ms"] < 200 else 500)
