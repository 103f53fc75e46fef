"""Reading and comparing recordings: 16-bit WAV, normalised cross-correlation by FFT."""

import subprocess
import wave

import numpy


def read_wav(path):
    """Samples as floats in -1 … 1 (the first channel) and the rate. A header whose length was never finished is read by the file's size."""
    with wave.open(str(path)) as w:
        assert w.getsampwidth() == 2, "16-bit PCM is expected"
        rate, channels = w.getframerate(), w.getnchannels()
        data = w.readframes(w.getnframes())
    samples = numpy.frombuffer(data[:len(data) // 2 * 2], "<i2").astype(float) / 32768
    return samples[::channels], rate


def correlation(spoken, heard):
    """The highest normalised cross-correlation of `spoken` at any position of `heard`: 1 is a perfect copy, unrelated speech stays below 0.2."""
    spoken = numpy.trim_zeros(spoken)
    if len(heard) < len(spoken):
        heard = numpy.pad(heard, (0, len(spoken) - len(heard)))
    size = 1 << (len(heard) + len(spoken) - 1).bit_length()
    cross = numpy.fft.irfft(numpy.fft.rfft(heard, size) * numpy.conj(numpy.fft.rfft(spoken, size)), size)[:len(heard)]
    energy = numpy.concatenate([[0], numpy.cumsum(heard ** 2)])
    window = energy[numpy.minimum(numpy.arange(len(heard)) + len(spoken), len(heard))] - energy[:len(heard)]
    norm = numpy.sqrt(window * numpy.sum(spoken ** 2))
    usable = norm > 1e-3 * norm.max() if norm.max() > 0 else numpy.zeros(len(norm), bool)
    return float(numpy.max(cross[usable] / norm[usable])) if usable.any() else 0.0


def understood(spoken_file, heard_file):
    """Of each quarter of a second in which there is speech, the best correlation with anything that was heard: their median; that of unrelated
    speech is about 0.3. A machine that stands still spoils those in which it does and shifts those after, which are found all the same."""
    spoken, heard = (at_8_khz(file) for file in (spoken_file, heard_file))
    loud = 0.5 * numpy.sqrt(numpy.mean(spoken ** 2))
    pieces = [spoken[at:at + 2000] for at in range(0, len(spoken) - 1999, 2000)]
    return float(numpy.median([correlation(piece, heard) for piece in pieces if numpy.sqrt(numpy.mean(piece ** 2)) > loud]))


def at_8_khz(file):
    raw = subprocess.run(["sox", file, "-t", "raw", "-r", "8000", "-c", "1", "-e", "signed", "-b", "16", "-"], check=True, capture_output=True).stdout
    return numpy.frombuffer(raw, "<i2").astype(float) / 32768


def tone_level(recording, hz, around_hz=3):
    """How much of the purest second is this tone, within so many Hz (short beeps are spread): 1 is all of it."""
    samples, rate = read_wav(recording)
    best = 0.0
    for begin in range(0, max(1, len(samples) - rate), rate // 2):
        piece = samples[begin:begin + rate]
        if len(piece) < rate // 2 or numpy.sqrt(numpy.mean(piece ** 2)) < 0.01:
            continue
        power = numpy.abs(numpy.fft.rfft(piece * numpy.hanning(len(piece)))) ** 2
        first, last = (round(edge * len(piece) / rate) for edge in (hz - around_hz, hz + around_hz))
        best = max(best, float(power[first:last + 1].sum() / power.sum()))
    return best
