"""A real SIP phone and a terminal client that agreed to talk without encryption (C8); run inside a network namespace of its own.

    ip netns exec NAME python3 phone_and_client.py ADDRESS FOLDER PHONE TRANSPORT WHO_CALLS

PHONE is baresip or linphone, WHO_CALLS phone or client. Prints one JSON object: what the client told, and how well each heard the other."""

import json
import pathlib
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "demo")]

from api import User  # noqa: E402
from baresip_talk import SPOKEN  # noqa: E402
from people import Person, Server, everybody, pause, stop, wait  # noqa: E402
from phones_talk import make  # noqa: E402
from sound import understood  # noqa: E402


def speech(path, text):
    raw = path.with_suffix(".raw.wav")
    subprocess.run(["espeak-ng", "-w", raw, text], check=True)
    subprocess.run(["sox", raw, "-r", "48000", "-c", "1", "-b", "16", path, "pad", "0", "8"], check=True)


def at_8_khz(path):
    out = path.with_suffix(".8k.wav")
    subprocess.run(["sox", path, "-r", "8000", out], check=True)
    return out


def connect(phone, user, client, who_calls):
    """Draws the two for each other: who asks later is the caller."""
    drawn = {}
    thread = threading.Thread(target=lambda: drawn.update(user.wait_turn(20).json))

    def waiting(count):
        end = time.monotonic() + 10
        while user.get("/v1/stats").json["waiting"] != count and time.monotonic() < end:
            time.sleep(0.02)
    if who_calls == "client":
        thread.start()
        waiting(1)
    client.type("")
    client.type("y")
    if who_calls == "phone":
        wait([client], "the waiting", lambda: client.find("waiting"))
        waiting(1)
        thread.start()
    thread.join()
    if who_calls == "phone":
        phone.dial(drawn["partner"]["exten"])
    else:
        phone.answer()
    everybody([client], "secure")
    phone.talking()
    return drawn


def main():
    address, folder, kind, transport, who_calls = sys.argv[1], pathlib.Path(sys.argv[2]), *sys.argv[3:6]
    server, phone, client = Server(folder, f"{address}:0", f"{address}:0", options=["--open-api", "--open-api-anywhere"]), None, None
    try:
        user = User(server.url, "jeden", source=address, device="phone")
        phone = make(kind, user, address, transport, folder)
        phone.registered()
        spoken = folder / "dwa-spoken.wav"
        speech(spoken, SPOKEN["dwa"])
        client = Person("dwa", server.url, folder, options=["--allow-unencrypted"])
        everybody([client], "logged-in")
        drawn = connect(phone, user, client, who_calls)
        client.type("m")
        client.type("is there text?")
        pause([client], 6.5)
        during = user.status
        client.type("q")
        client.type("y")
        everybody([client], "ended")
        phone.over()
        time.sleep(0.5)
        phone.quit()
        client.type("quit")
        client.process.wait(20)
        print(json.dumps({"drawn": {k: drawn[k] for k in ("link", "encrypted", "role")}, "secure": client.find("secure")[0],
                          "ended": client.find("ended")[0]["reason"], "during": during, "after": user.status,
                          "client_heard": understood(phone.spoken, client.heard), "phone_heard": phone.score(at_8_khz(spoken)),
                          "shown": client.screen.read_text()}))
    finally:
        for one in (phone, client):
            if one is not None:
                stop(one.process)
        server.close()


if __name__ == "__main__":
    main()
