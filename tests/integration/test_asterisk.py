"""Asterisk as the SIP server (A10, A17): two terminal clients talk through a back-to-back agent, its files are kept, and it may go away.

asterisk_peer.py stands in for it, and does at once and each time what the real one (test_asterisk_itself.py) does now and then."""

import signal
import threading
import time

import pytest

from api import Api, User
from asterisk_kit import Phone, log_in_at_once, names, talk, until
from asterisk_peer import Asterisk
from people import Person, Server, everybody, wait
from ports import free_port

OWN_SIP = b"; the operator's own\n[trunk]\ntype=peer\nhost=192.0.2.7\nsecret=keep;me\n\n[Lobby](!)\ntype=friend"
OWN_EXTEN = b"[internal]\r\nexten => 100,1,Answer()\r\n"


@pytest.fixture
def folder(tmp_path):
    one = tmp_path / "etc"
    one.mkdir()
    (one / "sip.conf").write_bytes(OWN_SIP)
    (one / "extensions.conf").write_bytes(OWN_EXTEN)
    (tmp_path / "ami-secret").write_text("manager-secret\n")
    (tmp_path / "ami-secret").chmod(0o600)
    (tmp_path / "operator").write_text("operator-token-of-the-test\n")
    (tmp_path / "operator").chmod(0o600)
    return one


@pytest.fixture
def asterisk(folder):
    running = [Asterisk(folder, sip_port=free_port(), ami_port=free_port())]

    def again(forgets=False):
        """Killed, and started again on the same ports with the same database; forgets: with none, as when it had not been written yet."""
        old = running[-1]
        if old.running:
            old.close()
        running.append(Asterisk(folder, registry={} if forgets else old.registry, sip_port=old.sip[1], ami_port=old.ami[1]))
        return running[-1]
    running[0].again = again
    yield running[0]
    if running[-1].running:
        running[-1].close()


def options(folder, asterisk, *more):
    return ("--sip-server", "asterisk", "--asterisk-dir", str(folder), "--asterisk-host", "%s:%d" % asterisk.sip, "--ami", "%s:%d" % asterisk.ami,
            "--ami-secret-file", str(folder.parent / "ami-secret"), "--operator-token-file", str(folder.parent / "operator"),
            "--asterisk-command", str(folder.parent / "asterisk-command"), *more)


@pytest.fixture
def daemon(tmp_path, folder, asterisk):
    running = []

    def start(*more):
        running.append(Server(tmp_path, options=options(folder, asterisk, *more)))
        return running[-1]
    yield start
    for one in running:
        one.close()


def console(server):
    return server.log.read_text()


@pytest.fixture
def people(tmp_path, asterisk, daemon):
    server = daemon()
    both = [Person(n, server.url, tmp_path, mic="none", speaker="none") for n in ("jeden", "Zażółć")]
    everybody(both, "logged-in")
    both[0].server = server
    yield both
    for one in both:
        one.close()


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_whole_talk(people, asterisk, folder, who):
    assert sorted(names(folder)) == ["Zażółć", "jeden"]
    talk(people)
    secure = [p.find("secure")[0] for p in people]
    assert len(secure[0]["words"]) == 4 and secure[0]["words"] == secure[1]["words"]
    for one, other in (people, people[::-1]):
        one.type(f"cześć od {one.name} 🎈")
        wait(people, "the message", lambda: other.find("text", body=f"cześć od {one.name} 🎈"))
    until("both re-INVITEs", lambda: asterisk.reinvites >= 2)
    me = Api(people[0].server.url, "operator-token-of-the-test")
    until("both talking", lambda: [u["status"] for u in me.get("/user-status").json] == [3, 3])
    assert me.get("/v1/stats").json["talking"] == 2
    one = next(p for p in people if p.find("drawn")[0]["role"] == who)
    other = next(p for p in people if p is not one)
    one.type("q")
    one.type("y")
    everybody(people, "ended")
    assert one.find("ended")[0]["reason"] == "hung_up" and other.find("ended")[0]["reason"] == "partner_left"
    until("end of the call", lambda: all(leg.over for leg in asterisk.legs.values()))
    until("both free", lambda: [u["status"] for u in me.get("/user-status").json] == [0, 0])
    # One plain audio line was all that Asterisk ever saw: nothing of the link.
    assert all("RTP/AVP 0 8" in s and "fingerprint" not in s and "candidate" not in s and s.count("m=") == 1 for s in asterisk.sdp_in)
    talk(people, 2)
    for person in people:
        person.type("q")
        person.type("y")
    everybody(people, "ended")
    for person in people:
        person.type("quit")
    assert [p.process.wait(10) for p in people] == [0, 0]
    until("empty files", lambda: names(folder) == [])
    until("empty registry", lambda: asterisk.registry == {})
    until("forgotten devices", lambda: not set(asterisk.peers) & {"jeden", "Zażółć"})


def test_own_sections_survive(daemon, asterisk, folder):
    server = daemon()
    User(server.url, "jeden")
    for path, own in (("sip.conf", OWN_SIP), ("extensions.conf", OWN_EXTEN)):
        assert (folder / path).read_bytes().startswith(own)
    text = (folder / "sip.conf").read_text()
    assert "\n[jeden]\ntype=friend\ncontext=phones\nallow=ulaw,alaw\nsecret=" in text and "\nhost=dynamic\n" in text
    assert ("\n[general]\ncontext=public\nallowoverlap=no\nudpbindaddr=0.0.0.0\ntcpenable=no\ntcpbindaddr=0.0.0.0\ntransport=udp\n"
            "srvlookup=yes\nqualify=yes\ncallcounter=yes\n") in text
    plan = (folder / "extensions.conf").read_text()
    assert "exten => 111000,1,NoOp(calling jeden)\nexten => 111000,2,Dial(sip/jeden)\nexten => 111000,3,HangUp\n" in plan
    with (folder / "sip.conf").open("ab") as f:
        f.write(b"[later]\ntype=peer\n")
    User(server.url, "dwa")
    assert (folder / "sip.conf").read_bytes().startswith(OWN_SIP)
    assert (folder / "sip.conf").read_bytes().endswith(b"; myTurn ends\n[later]\ntype=peer\n")
    server.close()
    assert names(folder) == [] and not asterisk.peers.keys() & {"jeden", "dwa"}
    assert (folder / "sip.conf").read_bytes().startswith(OWN_SIP) and b"[later]" in (folder / "sip.conf").read_bytes()
    assert b"[general]" in (folder / "sip.conf").read_bytes()  # never empty: Asterisk would rebind
    assert sorted(p.name for p in folder.iterdir()) == ["extensions.conf", "sip.conf"]


def test_a_name_of_the_operators_own_is_taken(daemon, asterisk, folder):
    server = daemon()
    for name in ("trunk", "lobby"):
        answer = Api(server.url).post("/v1/users", {"name": name})
        assert (answer.status, answer.json["code"]) == (409, "name_taken")
    assert names(folder) == []


def test_login_answers_when_asterisk_knows_the_peer(daemon, asterisk):
    server = daemon()
    user = User(server.url, "jeden")
    assert "jeden" in asterisk.peers and asterisk.dialplan["phones"]["111000"]
    sip = user.login["sip"]
    assert sip["mode"] == "asterisk" and sip["udp"] == "%s:%d" % asterisk.sip and sip["tcp"] is None and sip["ws"] is None
    assert sip["realm"] == "asterisk" and sip["username"] == "jeden"
    assert asterisk.peers["jeden"]["secret"] == sip["password"]
    assert b"cannot be used from a browser" in Api(server.url).get("/").raw
    assert Api(server.url).post("/v1/users", {"name": "dwa", "device": "phone"}).json["code"] == "invalid_device"
    assert Api(server.url).get("/sip", headers={"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                                                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "sip"}).status == 404


def test_the_specifications_login_and_files(daemon, asterisk):
    server = daemon()
    answer = Api(server.url).post("/add-user-to-sip-exten-conf/jeden")
    assert answer.status == 200 and answer.json["User added"] == "Exten Created"
    assert Api(server.url).post("/add-user-to-sip-exten-conf/jeden").status == 404
    operator = Api(server.url, "operator-token-of-the-test")
    text = operator.get("/sip-file-lookup").raw.decode()
    assert "[jeden]\ntype=friend" in text and "[trunk]" in text
    assert answer.json["sip"]["password"] not in text and "keep;me" not in text and "secret=***" in text
    me = Api(server.url, answer.json["token"])
    assert me.get("/user-ip/jeden").json == "127.0.0.1"
    assert asterisk.count("sip show peer jeden") >= 2
    assert me.delete("/delete-user/jeden").status == 200
    until("no peer", lambda: "jeden" not in asterisk.peers)


def test_user_ip_is_what_asterisk_says(daemon, asterisk):
    server = daemon()
    user = User(server.url, "jeden")
    asterisk.bound["jeden"] = (("127.0.0.9", 5062), "sip:jeden@127.0.0.9:5062")
    assert user.get("/user-ip/jeden").json == "127.0.0.9"


def test_killed_and_started_again_leaves_no_name(daemon, asterisk, folder):
    server = daemon()
    user = User(server.url, "jeden")
    asterisk.registry["jeden"] = (("127.0.0.1", 9), "sip:jeden@127.0.0.1:9")
    server.process.kill()
    server.process.wait()
    assert names(folder) == ["jeden"]
    (folder / "sip.conf.myturn-new").write_text("[jeden]\n")  # the crash came while it was written
    server = daemon()
    assert names(folder) == []
    until("the half-written file's end", lambda: sorted(p.name for p in folder.iterdir()) == ["extensions.conf", "sip.conf"])
    for path in folder.iterdir():
        assert "jeden" not in path.read_text() and user.login["sip"]["password"] not in path.read_text()
    until("no peer", lambda: "jeden" not in asterisk.peers)
    until("no entry in the registry", lambda: asterisk.registry == {})


def test_a_burst_of_logins_gives_few_reloads(daemon, asterisk):
    server = daemon("--no-limits")
    until("AMI", lambda: "asterisk: answers" in console(server))
    before = asterisk.count("sip reload")
    users, took_s = log_in_at_once(server.url, 50)
    reloads = asterisk.count("sip reload") - before
    print(f"50 logins in {took_s:.2f} s, {reloads} reloads")
    assert len(users) == 50
    assert reloads <= took_s / 0.1 + 2 and reloads < 50
    assert asterisk.count("dialplan reload") - before <= reloads + 1


def test_away_at_start(tmp_path, folder, asterisk, daemon):
    asterisk.close()
    server = daemon()
    start = time.monotonic()
    answer = Api(server.url).post("/v1/users", {"name": "jeden"})
    assert (answer.status, answer.json["code"]) == (503, "sip_away") and 2.9 < time.monotonic() - start < 9
    until("no name", lambda: names(folder) == [])
    assert Api(server.url).get("/v1/stats").json["online"] == 0
    assert console(server).count("asterisk: is away") == 1
    again = asterisk.again()
    until("its return", lambda: "asterisk: answers" in console(server), 15)
    User(server.url, "jeden")
    assert "jeden" in again.peers
    assert console(server).count("asterisk: is away") == 1


@pytest.mark.parametrize("when", ["talking", "waiting"])
def test_it_has_forgotten_everybody(people, asterisk, when):
    """The clients, which cannot know, are asked to register anew rather than drawn and called in vain."""
    server = people[0].server
    if when == "talking":
        talk(people)
    else:
        people[0].type("")
        wait(people, "waiting", lambda: people[0].find("waiting"))
    asterisk.close()
    until("the console", lambda: "asterisk: is away" in console(server))
    again = asterisk.again(forgets=True)
    until("the console", lambda: "forgotten by Asterisk" in console(server), 15)
    if when == "talking":
        people[1].type("q")
        people[1].type("y")
        everybody(people, "ended")
    since = time.monotonic()
    for person in people if when == "talking" else people[1:]:
        person.type("")
    wait(people, "talk", lambda: all(len(p.find("secure")) == (2 if when == "talking" else 1) for p in people))
    print(f"talking {time.monotonic() - since:.1f} s after both were ready")
    assert not any(p.find("ended", reason="no_answer") or p.find("error") for p in people) and len(again.bound) == 2


def test_away_in_between(people, asterisk, folder):
    server = people[0].server
    talk(people)
    asterisk.close()
    until("the console", lambda: "asterisk: is away" in console(server))
    people[0].type("still here")
    wait(people, "the message", lambda: people[1].find("text", body="still here"))
    again = asterisk.again()
    until("its return", lambda: "asterisk: is back" in console(server), 15)
    until("both peers", lambda: {"jeden", "Zażółć"} <= set(again.peers))
    people[1].type("q")
    people[1].type("y")
    everybody(people, "ended")
    talk(people, 2)
    assert console(server).count("asterisk: is away") == 1


def test_the_program_where_the_manager_interface_is_away(tmp_path, folder, asterisk, daemon):
    """`asterisk -rx` does the reload: here a program that asks the peer's own commands over a file."""
    asterisk.listener.close()
    asterisk.selector.unregister(asterisk.listener)
    box = tmp_path / "box"
    box.mkdir()
    program = tmp_path / "asterisk-command"
    program.write_text(f"#!/bin/sh\n[ \"$1\" = -rx ] || exit 1\nn={box}/$$\necho \"$2\" >$n.new && mv $n.new $n.ask\n"
                       f"while [ ! -e $n.out ]; do sleep 0.01; done\ncat $n.out\n")
    program.chmod(0o755)

    def serve():
        for ask in box.glob("*.ask"):
            out = asterisk._command(ask.read_text().strip())
            temp = ask.with_suffix(".tmp")
            temp.write_text("\n".join(out) + "\n")
            ask.unlink()
            temp.rename(ask.with_suffix(".out"))
        asterisk._after(0.01, serve)
    asterisk._after(0, serve)
    server = daemon()
    User(server.url, "jeden")
    assert "jeden" in asterisk.peers
    server.logged("asterisk: is away")


def test_a_wrong_secret_is_said(folder, asterisk, daemon):
    (folder.parent / "ami-secret").write_text("manager-secreX\n")
    server = daemon()
    until("the console", lambda: "refuses the login" in console(server))
    assert "manager-secreX" not in console(server)
    time.sleep(1.0)
    assert console(server).count("refuses the login") == 1


def test_links_are_for_the_pair_alone(daemon, asterisk):
    server = daemon()
    a, b, c = (User(server.url, n) for n in ("jeden", "dwa", "trzy"))
    answers = {}
    threads = [threading.Thread(target=lambda u=u: answers.update({u.name: u.wait_turn(5)})) for u in (a, b)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    pair = answers["jeden"].json["pair"]
    path = f"/v1/turn/link?pair={pair}"
    caller, callee = (a, b) if answers["jeden"].json["role"] == "caller" else (b, a)
    got = []
    waiter = threading.Thread(target=lambda: got.append(callee.get(path, headers={"Prefer": "wait=5"})))
    waiter.start()
    time.sleep(0.2)
    assert caller.put("/v1/turn/link", body={"pair": pair, "link": "v=0\r\nż"}).status == 204
    waiter.join()
    assert got[0].status == 200 and got[0].json == {"link": "v=0\r\nż", "seq": 1}
    assert callee.get(path + "&after=1").json == {"link": None}
    assert caller.get(path).json == {"link": None}
    assert c.get(path).status == 404 and c.put("/v1/turn/link", body={"pair": pair, "link": "x"}).status == 404
    assert a.get("/v1/turn/link?pair=" + "0" * 32).status == 404
    assert a.get("/v1/turn/link").status == 400 and a.put("/v1/turn/link", body={"pair": pair}).status == 400
    assert a.put("/v1/turn/link", body={"pair": pair, "link": "x" * 17000}).status == 413
    waiter = threading.Thread(target=lambda: got.append(callee.get(path + "&after=1", headers={"Prefer": "wait=20"}, timeout_s=10)))
    waiter.start()
    time.sleep(0.2)
    assert caller.delete(f"/v1/turn?pair={pair}").status == 204
    waiter.join()
    assert got[1].status == 404
    assert callee.get(path).status == 404


def test_strangers_calls_are_ended(daemon, asterisk):
    """Its dialplan lets anybody dial anybody: what is not the drawn partner is hung up at once."""
    server = daemon()
    a, b = User(server.url, "jeden"), User(server.url, "dwa")
    phone = Phone(asterisk, a)
    phone.register()
    assert phone.invite(b.login["exten"]) >= 400
    until("the hang-up", lambda: asterisk.count("channel request hangup SIP/jeden-") >= 1)


def test_a_second_signal_still_empties_the_files(daemon, asterisk, folder):
    server = daemon()
    User(server.url, "jeden")
    asterisk.close()
    server.process.send_signal(signal.SIGTERM)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0
    assert names(folder) == []
