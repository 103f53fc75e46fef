#!/usr/bin/python3
"""Measures voice as two people at one machine have it: from what is spoken into a microphone to what leaves the partner's loudspeaker.

    tools/mouth_to_ear.py [--ptime 10|20] [--chirps N] [--raw] [--codec opus|pcm] [--busy N] [--loss PERCENT --jitter MS]

A private PulseAudio has one sink of four channels as a bus. The first channel is the air before the speaker's mouth, the second the air at
the listener's ear; mouth, microphone and loudspeaker are remapped from it, so one recording of the bus holds both, sample by sample.
Chirps with random gaps are found in both channels by correlation. Null sinks are kinder than hardware. Prints one JSON object.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
import wave

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "demo"), str(ROOT / "tests/integration")]
from desktop import Sound  # noqa: E402
from people import Person, Server, everybody, pause  # noqa: E402

RATE = 48000
CHIRP_S = 0.02
GAPS_S = 0.25, 0.45  # between them; what is heard later than after the least of them is taken for the next one
BUS = ("module-null-sink sink_name=bus rate=48000 channels=4 channel_map=front-left,front-right,rear-left,rear-right",
       *(f"module-remap-{kind} {kind}_name={name} master={master} channels=1 channel_map=mono master_channel_map={channel} remix=no"
         for kind, name, master, channel in (("sink", "mouth", "bus", "front-left"), ("sink", "ear", "bus", "front-right"),
                                             ("sink", "away", "bus", "rear-left"), ("source", "mic", "bus.monitor", "front-left"),
                                             ("source", "deaf", "bus.monitor", "rear-right"))))


def chirp():
    t = numpy.arange(int(CHIRP_S * RATE)) / RATE
    sweep = numpy.sin(2 * numpy.pi * (600 * t + (3400 - 600) / (2 * CHIRP_S) * t * t))
    return sweep * numpy.hanning(len(t)) * 0.6


def write_chirps(path, count, seed, gaps_s):
    """Chirps with random gaps, between them a little noise: a path that hears nothing at all may close."""
    gaps = random.Random(seed)
    pieces = [numpy.zeros(RATE // 2)]
    for _ in range(count):
        pieces += [chirp(), numpy.zeros(int(gaps.uniform(*gaps_s) * RATE))]
    sound = numpy.concatenate(pieces + [numpy.zeros(RATE // 2)])
    sound += numpy.random.default_rng(seed).normal(0, 3e-4, len(sound))
    with wave.open(str(path), "wb") as w:
        w.setparams((1, 2, RATE, 0, "NONE", ""))
        w.writeframes((numpy.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return len(sound) / RATE


def find_chirps(sound):
    """Positions in samples, in order, by matched filter."""
    pattern = chirp()
    size = 1 << (len(sound) + len(pattern)).bit_length()
    cross = numpy.abs(numpy.fft.irfft(numpy.fft.rfft(sound, size) * numpy.conj(numpy.fft.rfft(pattern, size)), size)[:len(sound)])
    if not len(cross) or cross.max() == 0:
        return []
    found, limit, guard = [], 0.35 * numpy.sort(cross)[-20 * 10], int(0.12 * RATE)
    for at in numpy.flatnonzero(cross > limit):
        if found and at - found[-1] < guard:
            if cross[at] > cross[found[-1]]:
                found[-1] = at
        else:
            found.append(at)
    return found


def pair_up(spoken, heard, latest_s):
    """Delay in ms of each spoken chirp whose next heard one comes before another can have been spoken."""
    delays = []
    for at in spoken:
        after = [h for h in heard if 0 < h - at < latest_s * RATE]
        if after:
            delays.append((after[0] - at) * 1000 / RATE)
    return delays


class Meter:
    """CPU time and memory of a process between start and stop."""

    def __init__(self, pid):
        self.pid = pid
        self.cpu_s, self.at = self.used(), time.monotonic()

    def used(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def read(self):
        rollup = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        kib = {line.split(":")[0]: int(line.split()[1]) for line in rollup.splitlines()[1:]}
        return {"cpu_percent": round(100 * (self.used() - self.cpu_s) / (time.monotonic() - self.at), 2),
                "rss_mib": round(kib["Rss"] / 1024, 1), "pss_mib": round(kib["Pss"] / 1024, 1)}


def read_bus(path):
    data = numpy.fromfile(path, "<i2").reshape(-1, 4).astype(float) / 32768
    return data[:, 0], data[:, 1]


def describe(delays, spoken):
    ordered = sorted(delays)
    return {"median": round(statistics.median(ordered), 1), "least": round(ordered[0], 1), "most": round(ordered[-1], 1),
            "p90": round(ordered[int(0.9 * (len(ordered) - 1))], 1), "heard": len(ordered), "spoken": spoken}


def talk(server, folder, options):
    """jeden speaks with the microphone on the bus; dwa listens with the loudspeaker on it, and has a microphone on, too: of a deaf channel."""
    common = ["--ptime", str(options.ptime), "--codec", options.codec, *(["--raw-voice"] if options.raw else [])]
    people = [Person("jeden", server.url, folder, common, mic="device:mic", speaker="device:away"),
              Person("dwa", server.url, folder, common, mic="device:deaf", speaker="device:ear")]
    everybody(people, "logged-in")
    for person in people:
        person.type("")
    everybody(people, "secure")
    for person in people:
        person.type("m")
    everybody(people, "mic", on=True, who="partner")
    return people


def hear(folder, rest, chirps, pids=(), seed=1, gaps_s=GAPS_S):
    """Speaks the chirps into the mouth on the bus at PULSE_SERVER and hears them at the ear: their delays, and what the processes used
    meanwhile. rest(seconds) lets time pass."""
    raw = folder / "bus.raw"
    lasts = write_chirps(folder / "chirps.wav", chirps, seed, gaps_s)
    with raw.open("wb") as file, subprocess.Popen(
            ["parec", "-d", "bus.monitor", "--raw", "--format=s16le", "--rate=48000", "--channels=4", "--latency-msec=20",
             "--channel-map=front-left,front-right,rear-left,rear-right"], stdout=file) as recorder:
        rest(0.5)
        meters = [Meter(pid) for pid in pids]
        with subprocess.Popen(["paplay", "-d", "mouth", "--latency-msec=20", folder / "chirps.wav"]) as player:
            rest(lasts)
            used = [m.read() for m in meters]
            player.wait(20)
        rest(0.5)
        recorder.terminate()
    mouth, ear = read_bus(raw)
    raw.unlink()
    spoken, heard = find_chirps(mouth), find_chirps(ear)
    delays = pair_up(spoken, heard, gaps_s[0])
    if not delays:
        raise RuntimeError(f"no chirp was heard: {len(spoken)} spoken, {len(heard)} in the ear")
    return describe(delays, len(spoken)), used


def measure(options, folder):
    sound, server, people, busy = Sound(folder / "sound", modules=BUS), None, [], []
    os.environ["PULSE_SERVER"] = sound.env["PULSE_SERVER"]
    try:
        server = Server(folder)
        people = talk(server, folder, options)
        pause(people, options.warm_up)
        busy += [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.busy)]
        delays, used = hear(folder, lambda seconds: pause(people, seconds), options.chirps, [p.process.pid for p in people], options.seed)
        for person in people:
            person.type("q")
            person.type("y")
        everybody(people, "ended")
    finally:
        for process in busy:
            process.kill()
            process.wait()
        for one in people + [s for s in (server, sound) if s]:
            one.close()
    return {"mouth_to_ear_ms": delays, "speaker": used[0], "listener": used[1],
            "options": {k: v for k, v in vars(options).items() if k in ("ptime", "codec", "raw", "busy")}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ptime", type=int, choices=(10, 20), default=10)
    parser.add_argument("--codec", choices=("opus", "pcm"), default="opus")
    parser.add_argument("--chirps", type=int, default=30)
    parser.add_argument("--raw", action="store_true", help="without echo cancelling, noise suppression and gain")
    parser.add_argument("--busy", type=int, default=0, help="so many processes that spin meanwhile")
    parser.add_argument("--warm-up", type=float, default=6.0, help="seconds of talk before the first chirp")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path, help="an existing folder for recordings and logs")
    options = parser.parse_args()
    if options.keep:
        result = measure(options, options.keep)
    else:
        with tempfile.TemporaryDirectory(prefix="mouth-to-ear-") as folder:
            result = measure(options, pathlib.Path(folder))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
