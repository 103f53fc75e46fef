"""Makes the two sounds of the graphical client: sounds.py FOLDER writes drawn.wav (two notes up) and ended.wav (two down)."""

import array
import math
import pathlib
import sys
import wave

RATE = 22050
NOTES = {"drawn": [(659.3, 0.00), (987.8, 0.13)], "ended": [(587.3, 0.00), (440.0, 0.13)]}
SECONDS, VOLUME = 0.55, 0.28


def note(hz, t):
    """A soft bell: two partials that die away."""
    if t < 0:
        return 0.0
    rise = min(1.0, t / 0.008)
    return rise * math.exp(-8 * t) * (math.sin(2 * math.pi * hz * t) + 0.3 * math.exp(-6 * t) * math.sin(4 * math.pi * hz * t))


def write(path, notes):
    count = int(RATE * SECONDS)
    samples = array.array("h")
    for i in range(count):
        t = i / RATE
        fade = min(1.0, (SECONDS - t) / 0.05)
        samples.append(round(32767 * VOLUME * fade * sum(note(hz, t - begin) for hz, begin in notes)))
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(str(path), "wb") as w:
        w.setparams((1, 2, RATE, 0, "NONE", ""))
        w.writeframes(samples.tobytes())


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name, notes in NOTES.items():
    write(folder / f"{name}.wav", notes)
