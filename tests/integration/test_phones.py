"""Any SIP phone as one's device (C8), and what the operator sees of every device (A8)."""

import json
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import threading
import time

import pytest

from api import Api, User, pair
from people import Person, everybody, wait
from sip_ua import Tcp, Ua, Udp

HERE = pathlib.Path(__file__).parent
ADDRESS = "198.51.100.1"  # a documentation address (RFC 5737), on a cable within the namespace


@pytest.fixture
def operated(start_server, tmp_path):
    """A server with an operator, and his hands."""
    token = secrets.token_urlsafe(32)
    file = tmp_path / "operator"
    file.write_text(token + "\n")
    file.chmod(0o600)
    server = start_server("--operator-token-file", str(file))
    return server, Api(server.url, token)


def ua_of(server, user, transport=Udp):
    host, port = server.sip.rsplit(":", 1)
    return Ua((host, int(port)), user.login, transport)


def devices(operator):
    answer = operator.get("/v1/users")
    assert answer.status == 200
    return {u["name"]: u["device_state"] for u in answer.json}


def drawn_together(callee, caller, **body):
    """Both hold a request, the caller's is the later one. Their answers: the callee's, the caller's."""
    answers = {}

    def ask(user):
        answers[user] = user.wait_turn(10, **({} if user.login.get("settings") else body))
    threads = [threading.Thread(target=ask, args=(user,)) for user in (callee, caller)]
    for thread, count in zip(threads, (1, 0)):
        thread.start()
        end = time.monotonic() + 5
        while caller.get("/v1/stats").json["waiting"] != count and time.monotonic() < end:
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    out = [answers[user].json for user in (callee, caller)]
    assert [one["role"] for one in out] == ["callee", "caller"], out
    return out


@pytest.mark.parametrize("transport", [Udp, Tcp])
def test_device_states(operated, transport):
    server, operator = operated
    jeden, dwa = User(server.url, "jeden"), User(server.url, "dwa", device="phone")
    assert operator.get("/v1/users").json == [
        {"name": "jeden", "exten": "111000", "status": 0, "device": "client", "device_state": "unavailable"},
        {"name": "dwa", "exten": "111001", "status": 0, "device": "phone", "device_state": "unavailable"}]
    caller, callee = ua_of(server, jeden, transport), ua_of(server, dwa, transport)
    caller.register()
    assert devices(operator) == {"jeden": "idle", "dwa": "unavailable"}
    callee.register()
    assert devices(operator) == {"jeden": "idle", "dwa": "idle"}
    drawn_together(dwa, jeden, link=["rtp"])
    call = caller.invite(dwa.login["exten"])
    invite = callee.expect("INVITE")
    assert devices(operator) == {"jeden": "in use", "dwa": "ringing"}
    view = callee.answer(invite)
    caller.ack(call, caller.expect(200))
    callee.expect("ACK")
    assert devices(operator) == {"jeden": "in use", "dwa": "in use"}
    caller.bye(call)
    callee.reply(callee.expect("BYE"), 200, "OK")
    assert view and devices(operator) == {"jeden": "idle", "dwa": "idle"}
    caller.register(expires=0)
    assert devices(operator) == {"jeden": "unavailable", "dwa": "idle"}
    caller.close()
    callee.close()


def test_only_the_operator_sees_devices(operated):
    server, _ = operated
    user = User(server.url, "jeden")
    assert user.get("/v1/users").status == 403 and user.get("/v1/users").json["code"] == "operator_only"
    assert Api(server.url).get("/v1/users").status == 401


def test_login_of_a_phone_gives_what_to_type_in(server):
    login = User(server.url, "zażółć", device="phone").login
    text = "\n".join(login["settings"])
    for part in (server.sip, login["exten"], login["sip"]["password"], login["sip"]["realm"], "UDP"):
        assert part in text
    assert "settings" not in User(server.url, "dwa").login


def test_a_phone_registers_as_its_extension(server):
    user = User(server.url, "zażółć", device="phone")
    ua = ua_of(server, user)
    ua.user, ua.uri = user.login["exten"], f"sip:{user.login['exten']}@{ua.host}"
    ua.register()
    assert user.get("/v1/me").json["registered"] is True
    ua.close()


def test_phones_meet_phones_and_those_who_agreed(server):
    phone, plain = User(server.url, "phone", device="phone"), User(server.url, "plain")
    waiting = {"state": "waiting"}
    assert phone.put("/update-status-rdy/phone").status == 200
    # one who did not agree is never drawn for a phone, alone as they are
    assert plain.wait_turn(1).json.items() >= waiting.items()
    assert plain.wait_turn(1, link=["gcm", "cbc"]).json.items() >= waiting.items()
    # a phone cannot encrypt, whatever it says
    refused = phone.post("/v1/turn", {"link": ["gcm"]})
    assert refused.status == 400 and refused.json["code"] == "invalid_link"
    assert phone.put("/update-status-rdy/phone").status == 200


def test_what_is_not_encrypted_is_shown(server):
    phone, agreed = User(server.url, "phone", device="phone"), User(server.url, "agreed")
    assert phone.put("/update-status-rdy/phone").status == 200
    assert agreed.put("/update-status-rdy/agreed").status == 200  # gcm alone: nobody to draw
    assert agreed.get("/get-peer/agreed").status == 208
    assert agreed.put("/update-status-busy/agreed").status == 200
    callee, caller = drawn_together(phone, agreed, link=["gcm", "rtp"])
    for one in (caller, callee):
        assert one["link"] == "rtp" and one["encrypted"] is False
    me = phone.get("/v1/me").json
    assert me["encrypted"] is False and me["link"] == "rtp"
    assert phone.delete(f"/v1/turn?pair={callee['pair']}").status == 204
    assert phone.get("/v1/me").json["encrypted"] is None


def test_two_who_can_are_encrypted(server):
    for answer in drawn_together(User(server.url, "jeden"), User(server.url, "dwa"), link=["rtp", "gcm"]):
        assert answer["link"] == "gcm" and answer["encrypted"] is True and answer["connect_s"] == 15


def test_two_phones_and_a_minute_to_dial(server):
    phones = [User(server.url, name, device="phone") for name in ("jeden", "dwa")]
    for answer in drawn_together(*phones):
        assert answer["connect_s"] == 60 and answer["encrypted"] is False


def test_the_specifications_way_with_phones(server):
    jeden, dwa = (User(server.url, name, device="phone") for name in ("jeden", "dwa"))
    assert pair(jeden, dwa)["exten"] == dwa.login["exten"]
    assert (jeden.status, dwa.status) == (2, 3)


@pytest.fixture
def namespace():
    """A network namespace with an address and a default route that leads nowhere: Linphone waits for a network without one."""
    name = f"myturn-phones-{os.getpid()}"
    if os.geteuid() != 0 or subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        pytest.skip("network namespaces cannot be made here (needs root)")
    for command in ("link set lo up", "link add here type veth peer name nowhere", "link set nowhere up", f"addr add {ADDRESS}/24 dev here",
                    "link set here up", "route add default dev here"):
        subprocess.run(["ip", "-n", name, *command.split()], check=True)
    yield name
    subprocess.run(["ip", "netns", "del", name], check=True)


@pytest.mark.parametrize("caller,callee,transport", [("baresip", "baresip", "udp"), ("linphone", "baresip", "udp"), ("baresip", "linphone", "tcp"),
                                                     ("linphone", "linphone", "tcp")])
def test_real_phones_talk(namespace, tmp_path, caller, callee, transport):
    """Registered, drawn for each other, dialled by hand, heard both ways, hung up; the operator sees it all (A8)."""
    assert all(shutil.which({"linphone": "linphonec"}.get(kind, kind)) for kind in (caller, callee))
    out = subprocess.run(["ip", "netns", "exec", namespace, sys.executable, HERE / "phones_talk.py", ADDRESS, tmp_path, caller, callee, transport],
                         capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out.stderr[-4000:]
    seen = json.loads(out.stdout)
    print(seen)
    assert (seen["link"], seen["encrypted"]) == ("rtp", False)
    assert seen["devices"] == [["unavailable"] * 2, ["idle"] * 2, ["in use"] * 2, ["idle"] * 2]
    assert seen["during"] == [3, 3] and seen["after"] == [0, 0]
    assert min(seen["heard"]) > 0.7, seen


class PhonePerson(Person):
    """Someone at a terminal with a phone beside it: types the settings that are shown into it."""

    def __init__(self, name, server, folder):
        super().__init__(name, server.url, folder, options=["--device", "phone"])
        wait([self], "settings", lambda: self.find("settings"))
        lines = dict(line.split(": ", 1) for line in self.find("settings")[0]["text"].splitlines())
        self.exten = lines["User (also for authentication)"]
        login = {"exten": self.exten, "sip": {"username": self.exten, "password": lines["Password"], "realm": lines["Domain"],
                                              "uri": f"sip:{self.exten}@{lines['Domain']}"}}
        host, port = lines["Server (outbound proxy)"].rsplit(":", 1)
        self.phone = Ua((host, int(port)), login, Udp)

    def off(self):
        self.phone.close()
        self.close()


@pytest.fixture
def phoned(server, tmp_path):
    people = []

    def make(name):
        people.append(PhonePerson(name, server, tmp_path))
        return people[-1]
    yield make
    for person in people:
        person.off()


def test_a_terminal_and_a_phone(phoned):
    """Settings shown, the phone registers, Enter says ready; the caller dials what is shown; hanging up the phone ends it for both, and
    q at the terminal hangs the phones up."""
    jeden, dwa = phoned("jeden"), phoned("dwa")
    people = [jeden, dwa]
    assert not jeden.find("logged-in")
    for person in people:
        person.phone.register()
    everybody(people, "logged-in")
    for round_ in range(2):
        for person in people:
            person.type("")
        wait(people, "a draw", lambda count=round_ + 1: all(len(p.find("drawn")) == count for p in people))
        caller, callee = sorted(people, key=lambda p: p.find("drawn")[-1]["role"] != "caller")
        call = caller.phone.invite(caller.find("drawn")[-1]["exten"])
        view = callee.phone.answer(callee.phone.expect("INVITE"))
        caller.phone.ack(call, caller.phone.expect(200))
        callee.phone.expect("ACK")
        wait(people, "a call", lambda count=round_ + 1: all(len(p.find("call-up")) == count for p in people))
        assert not jeden.find("secure") and not dwa.find("secure")
        if round_ == 0:
            callee.phone.bye(view)
            caller.phone.reply(caller.phone.expect("BYE"), 200, "OK")
            callee.phone.expect(200)
        else:
            caller.type("q")
            caller.type("y")
            for person in people:
                person.phone.reply(person.phone.expect("BYE"), 200, "OK")
        wait(people, "the end", lambda count=round_ + 1: all(len(p.find("ended")) == count for p in people))
    assert [e["reason"] for e in caller.find("ended")] == ["over", "hung_up"]  # who typed q in the second one
    assert [e["reason"] for e in callee.find("ended")] == ["over", "over"]
    for person in people:
        person.type("quit")
        assert person.process.wait(10) == 0
        shown = person.screen.read_text()
        assert "NOT encrypted" in shown and "Type this into your phone" in shown


def test_nobody_picks_up(phoned):
    jeden, dwa = phoned("jeden"), phoned("dwa")
    people = [jeden, dwa]
    for person in people:
        person.phone.register()
    everybody(people, "logged-in")
    for person in people:
        person.type("")
    everybody(people, "drawn")
    caller, callee = sorted(people, key=lambda p: p.find("drawn")[-1]["role"] != "caller")
    caller.phone.invite(caller.find("drawn")[-1]["exten"])
    callee.phone.reply(callee.phone.expect("INVITE"), 486, "Busy Here", tag="b")
    caller.phone.expect(486)
    everybody(people, "ended", reason="no_answer")
    assert len(caller.find("drawn")) == 1  # not drawn anew by itself: who knows whether he is there


@pytest.mark.parametrize("phone,transport,caller", [("baresip", "udp", "client"), ("baresip", "tcp", "phone"), ("linphone", "tcp", "client"),
                                                    ("linphone", "udp", "phone")])
def test_a_real_phone_and_a_client_that_agreed(namespace, tmp_path, phone, transport, caller):
    """Drawn for each other, heard both ways by plain RTP, and shown as what it is: not encrypted."""
    out = subprocess.run(["ip", "netns", "exec", namespace, sys.executable, HERE / "phone_and_client.py", ADDRESS, tmp_path, phone, transport, caller],
                         capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out.stderr[-4000:]
    seen = json.loads(out.stdout)
    print({k: v for k, v in seen.items() if k != "shown"})
    assert seen["drawn"] == {"link": "rtp", "encrypted": False, "role": "caller" if caller == "phone" else "callee"}
    assert (seen["secure"]["policy"], seen["secure"]["encrypted"], seen["secure"]["words"]) == ("rtp", False, [])
    assert seen["secure"]["codec"] in ("pcmu", "pcma", "opus")
    assert "NOT ENCRYPTED" in seen["shown"] and "The four words" not in seen["shown"] and "there is no text" in seen["shown"]
    assert (seen["ended"], seen["during"], seen["after"]) == ("hung_up", 3, 0)
    assert min(seen["client_heard"], seen["phone_heard"]) > 0.5, seen  # unrelated speech stays below 0.2
