#!/usr/bin/python3
"""The peer for tests/integration/test_impaired.py: two Chromiums over the same bad path. Prints one JSON object. Needs root, chromium, and
`npm ci` in web/.

    tools/impaired_chromium.py [LOSS_PERCENT [JITTER_MS]]
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/integration"), str(ROOT / "demo")]
from impair import Impaired  # noqa: E402
from netns import Net  # noqa: E402
from sound import read_wav  # noqa: E402
from test_impaired import TEXT, espeak  # noqa: E402


def wrapper(folder, net, who):
    path = folder / f"chromium-{who}"
    path.write_text(f'#!/bin/sh\nexec {" ".join(net.at(who))} chromium "$@"\n')
    path.chmod(0o755)
    return path


def measure(folder, loss_percent, jitter_ms):
    spoken = folder / "spoken.wav"
    espeak(spoken, TEXT)
    samples, rate = read_wav(spoken)
    lasts = len(samples) / rate
    with Net() as net:
        net.person("a")
        net.person("b")
        with Impaired(net) as path, subprocess.Popen(
                ["node", ROOT / "tools/chromium_voice.mjs", spoken, str(lasts + 1), wrapper(folder, net, "a"), wrapper(folder, net, "b")],
                stdout=subprocess.PIPE, text=True) as node:
            assert node.stdout.readline() == "connected\n", "no connection"
            time.sleep(0.2)
            path.set(loss_percent, (0, jitter_ms))
            s = json.loads(node.stdout.readline())
            path.set()
    heard = s["totalSamplesReceived"]
    return {"invented_percent": round(100 * s["concealedSamples"] / heard, 1),
            "invented_but_silence_percent": round(100 * (s["concealedSamples"] - s.get("silentConcealedSamples", 0)) / heard, 1),
            "waited_ms": round(1000 * s["jitterBufferDelay"] / s["jitterBufferEmittedCount"]),
            "target_ms": round(1000 * s["jitterBufferTargetDelay"] / s["jitterBufferEmittedCount"]),
            "lost": s["packetsLost"], "received": s["packetsReceived"], "fec_received": s.get("fecPacketsReceived"),
            "discarded": s.get("packetsDiscarded"), "seconds": round(lasts, 1)}


if __name__ == "__main__":
    loss, jitter = ([float(a) for a in sys.argv[1:]] + [10, 60][len(sys.argv) - 1:])[:2]
    with tempfile.TemporaryDirectory(prefix="impaired-") as scratch:
        print(json.dumps(measure(pathlib.Path(scratch), loss, jitter)))
