"""Phones that logged in as such (C8) are drawn for each other and talk through the daemon; run inside a network namespace of its own.

    ip netns exec NAME python3 phones_talk.py ADDRESS FOLDER CALLER CALLEE TRANSPORT

CALLER and CALLEE are baresip or linphone. Prints one JSON object: what the API and the operator saw, and how well each heard the other."""

import json
import pathlib
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "demo")]

from api import Api, User  # noqa: E402
from baresip_talk import SPOKEN, Phone  # noqa: E402
from linphone import Linphone  # noqa: E402
from people import Server, stop  # noqa: E402
from sound import understood  # noqa: E402


class Baresip(Phone):
    def registered(self):
        self.wait(r"200 OK|registered successfully|All 1 useragent registered")

    def dial(self, exten):
        self.type(f"/dial {exten}\n")

    def answer(self):
        """It does so by itself."""

    def talking(self):
        self.wait(r"Call established|established:")

    def hang_up(self):
        self.type("/hangup\n")

    def over(self):
        self.wait(r"session closed|terminated|Call with .* terminated")

    def quit(self):
        self.type("/quit\n")
        self.process.wait(20)

    def score(self, spoken):
        return understood(spoken, sorted(self.heard.glob("*dec*.wav"))[0])


def make(kind, user, address, transport, folder):
    if kind == "linphone":
        return Linphone(user, transport, folder, SPOKEN[user.name])
    return Baresip(user.name, user.login, address, transport, folder)


def draw(caller, callee):
    """As the terminal or a page does it for a phone: one request held by each."""
    answers = {}
    threads = []
    for user in (callee, caller):
        threads.append(threading.Thread(target=lambda user=user: answers.update({user.name: user.wait_turn(15).json})))
        threads[-1].start()
        end = time.monotonic() + 5
        while user is callee and user.get("/v1/stats").json["waiting"] == 0 and time.monotonic() < end:
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    return answers[caller.name]


def main():
    address, folder, kinds, transport = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:5], sys.argv[5]
    server = Server(folder, f"{address}:0", f"{address}:0", options=["--open-api", "--open-api-anywhere"])
    operator, phones = Api(server.url, source=address), []

    def devices():
        return [u["device_state"] for u in operator.get("/v1/users").json]
    try:
        users = [User(server.url, name, source=address, device="phone") for name in SPOKEN]
        seen = [devices()]
        phones += [make(kind, user, address, transport, folder) for kind, user in zip(kinds, users)]
        for phone in phones:
            phone.registered()
        caller, callee = phones
        seen.append(devices())
        drawn = draw(*users)
        caller.dial(drawn["partner"]["exten"])
        callee.answer()
        for phone in phones:
            phone.talking()
        seen.append(devices())
        time.sleep(6.5)
        during = [u.status for u in users]
        callee.hang_up()
        caller.over()
        end = time.monotonic() + 10
        while any(u.status != 0 for u in users) and time.monotonic() < end:
            time.sleep(0.05)
        seen.append(devices())
        time.sleep(0.5)
        for phone in phones:
            phone.quit()
        print(json.dumps({"encrypted": drawn["encrypted"], "link": drawn["link"], "devices": seen, "during": during,
                          "after": [u.status for u in users], "heard": [caller.score(callee.spoken), callee.score(caller.spoken)]}))
    finally:
        for phone in phones:
            stop(phone.process)
            phone.log.close()
        server.close()


if __name__ == "__main__":
    main()
