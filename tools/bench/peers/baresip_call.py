"""Two baresip phones in a call through the daemon; what one of them costs. Run inside a network namespace of its own, since baresip takes
no loopback address:  ip netns exec NAME python3 baresip_call.py ADDRESS FOLDER SECONDS [bus]

Prints one JSON object: CPU in percent of a core and memory in MiB of each phone during the call. With "bus" the phones use the devices of
tools/mouth_to_ear.py, by ALSA's plug-in for PulseAudio; then it prints "talking" and holds the call until its standard input ends."""

import json
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tools/bench"), str(ROOT / "tests/integration"), str(ROOT / "demo")]

from api import User, pair  # noqa: E402
from baresip_talk import Phone  # noqa: E402
from people import Server, stop  # noqa: E402
from tools import cpu_s, pss_bytes  # noqa: E402


DEVICES = {"jeden": ("mic", "away"), "dwa": ("deaf", "ear")}


def use_the_bus(folder):
    os.environ["HOME"] = str(folder)
    names = [name for pair_of_them in DEVICES.values() for name in pair_of_them]
    (folder / ".asoundrc").write_text("".join(f"pcm.{name} {{ type pulse device {name} }}\n" for name in names))


def main():
    address, folder, seconds, bus = sys.argv[1], pathlib.Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4:] == ["bus"]
    if bus:
        use_the_bus(folder)
    server, phones = Server(folder, f"{address}:0", f"{address}:0"), []
    try:
        users = [User(server.url, name, source=address) for name in ("jeden", "dwa")]
        for user in users:
            phones.append(Phone(user.name, user.login, address, "udp", folder, DEVICES[user.name] if bus else None))
        for phone in phones:
            phone.wait(r"200 OK|registered successfully|All 1 useragent registered")
        phones[0].type(f"/dial {pair(*users)['exten']}\n")
        for phone in phones:
            phone.wait(r"Call established|established:")
        if bus:
            print("talking", flush=True)
            sys.stdin.read()
            return
        time.sleep(1)
        pids = [p.process.pid for p in phones]
        before, began = [cpu_s([pid]) for pid in pids], time.monotonic()
        time.sleep(seconds)
        lasted = time.monotonic() - began
        print(json.dumps({"cpu_percent": [100 * (cpu_s([pid]) - b) / lasted for pid, b in zip(pids, before)],
                          "pss_mib": [pss_bytes([pid]) / 1048576 for pid in pids]}))
    finally:
        for phone in phones:
            stop(phone.process)
        server.close()


main()
