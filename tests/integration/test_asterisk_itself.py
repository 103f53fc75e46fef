"""Asterisk itself as the SIP server (A10, A17), as deploy/asterisk sets it up: version 16, the last one that Debian has with chan_sip."""

import pytest

import asterisk_itself
from api import Api, User
from asterisk_itself import Asterisk
from asterisk_kit import Phone, log_in_at_once, names, talk, until
from netns import Net
from people import Person, Server, everybody, pause, wait

NO_NET = Net.missing()
pytestmark = pytest.mark.skipif(NO_NET is not None, reason=str(NO_NET))


@pytest.fixture(scope="module")
def root():
    made, why = asterisk_itself.make_root()
    if made is None:
        pytest.skip(why)
    return made


class World:
    def __init__(self, root, folder):
        self.root, self.folder, self.running = root, folder, []

    def serve(self, **kw):
        self.asterisk = Asterisk(self.root, self.folder / "asterisk", **kw)
        self.running.append(self.asterisk)
        return self.again()

    def again(self):
        self.server = Server(self.folder, options=asterisk_itself.options(self.asterisk, self.folder))
        self.running.append(self.server)
        self.operator = Api(self.server.url, "operator-token-of-the-test")
        return self.asterisk, self.server

    def people(self, *who):
        new = [Person(n, self.server.url, self.folder, mic="none", speaker="none") for n in who]
        self.running += new
        everybody(new, "logged-in")
        return new

    def close(self):
        for one in reversed(self.running):
            one.close()


@pytest.fixture
def world(root, tmp_path):
    with Net() as net, net.entered("hub"):
        one = World(root, tmp_path)
        try:
            yield one
        finally:
            one.close()


def hang_up(people, nth=1):
    people[0].type("q")
    people[0].type("y")
    wait(people, "the end", lambda: all(len(p.find("ended")) == nth for p in people))


@pytest.mark.parametrize("own_general", [True, False], ids=["deploy", "specification"])
def test_a_whole_talk(world, own_general):
    """As the specification has [general], Asterisk shows each device the other (directmedia) by a re-INVITE after the answer."""
    asterisk, _ = world.serve(own_general=own_general)
    people = world.people("jeden", "Zażółć")
    assert set(asterisk.peers()) == set(names(asterisk.etc)) == {"jeden", "Zażółć"} and all(asterisk.peers().values())
    talk(people)
    secure = [p.find("secure")[0] for p in people]
    assert len(secure[0]["words"]) == 4 and secure[0]["words"] == secure[1]["words"]
    print("secure %s ms after the draw" % [p["setup_us"] // 1000 for p in secure])
    for one, other in (people, people[::-1]):
        one.type(f"cześć od {one.name} 🎈")
        wait(people, "the message", lambda: other.find("text", body=f"cześć od {one.name} 🎈"))
    pause(people, 2)  # its re-INVITEs, if there are any
    assert asterisk.channels() == 2 and [u["status"] for u in world.operator.get("/user-status").json] == [3, 3]
    hang_up(people)
    assert [p.find("ended")[0]["reason"] for p in people] == ["hung_up", "partner_left"]
    until("end of the channels", lambda: asterisk.channels() == 0)
    until("both free", lambda: [u["status"] for u in world.operator.get("/user-status").json] == [0, 0])
    talk(people, 2)
    hang_up(people[::-1], 2)
    for person in people:
        person.type("quit")
    assert [p.process.wait(10) for p in people] == [0, 0]
    until("nothing left", lambda: names(asterisk.etc) == [] and asterisk.peers() == {} and asterisk.registry() == set())


def test_it_is_killed_during_a_talk(world):
    asterisk, server = world.serve()
    people = world.people("jeden", "dwa")
    talk(people)
    asterisk.kill()
    until("the console", lambda: "asterisk: is away" in server.log.read_text())
    people[0].type("still here")
    wait(people, "the message", lambda: people[1].find("text", body="still here"))
    answer = Api(server.url).post("/v1/users", {"name": "trzy"})
    assert (answer.status, answer.json["code"]) == (503, "sip_away")
    asterisk.start()
    until("its return", lambda: "asterisk: is back" in server.log.read_text(), 15)
    hang_up(people[::-1])
    talk(people, 2)
    people += world.people("trzy")
    assert set(asterisk.peers()) == {"jeden", "dwa", "trzy"}
    assert server.log.read_text().count("asterisk: is away") == 1


def test_a_crowd(world):
    """Logins at once, and then draw after draw: Asterisk and we agree on who is there, and nothing is left of any call."""
    asterisk, server = world.serve()
    users, took_s = log_in_at_once(server.url, 50)
    print(f"50 logins in {took_s:.2f} s")
    assert set(asterisk.peers()) == {u.name for u in users} and len(users) == 50
    for user in users:
        assert user.delete("/v1/me").status == 204
    until("nobody", lambda: asterisk.peers() == {})
    people = world.people(*(f"p{n}" for n in range(6)))
    for person in people:
        person.type("")
    for round_ in range(1, 6):
        wait(people, f"{round_} talks each", lambda: all(len(p.find("secure")) >= round_ for p in people), 60)
        for person in people:
            if person.find("drawn")[-1]["role"] == "caller":
                person.type("/next")
                person.type("y")
        wait(people, f"{round_} ends each", lambda: all(len(p.find("ended")) >= round_ for p in people), 60)
        for person in people:
            if person.find("ended")[-1]["reason"] == "partner_left":
                person.type("")
    for person in people:
        person.process.stdin.close()  # whoever is in another talk by now would send "quit" as a message
    assert [p.process.wait(20) for p in people] == [0] * 6
    until("nothing left", lambda: asterisk.channels() == 0 and asterisk.peers() == {} and asterisk.registry() == set())


def test_the_specifications_routes(world):
    asterisk, server = world.serve()
    answer = Api(server.url).post("/add-user-to-sip-exten-conf/jeden")
    assert answer.status == 200 and "jeden" in asterisk.peers()
    me = Api(server.url, answer.json["token"])
    sip = answer.json["sip"]
    user = User.__new__(User)
    user.login = {"sip": sip}
    Phone(asterisk, user).register()
    until("its address", lambda: asterisk.peers()["jeden"] is not None)
    assert me.get("/user-ip/jeden").json == "127.0.0.1"
    assert f"'{answer.json['exten']}'" in asterisk.command(f"dialplan show {answer.json['exten']}@phones")
    assert me.delete("/delete-user/jeden").status == 200
    until("nothing left", lambda: asterisk.peers() == {} and asterisk.registry() == set())


def test_a_name_is_used_again(world):
    """Of who was there when we crashed, nothing is left: neither name nor the contact that Asterisk keeps on disk."""
    asterisk, server = world.serve()
    before = User(server.url, "jeden")
    Phone(asterisk, before).register()
    until("a contact on disk", lambda: asterisk.registry() == {"jeden"})
    server.process.kill()
    server.process.wait()
    assert names(asterisk.etc) == ["jeden"]
    _, server = world.again()
    until("nothing left", lambda: asterisk.peers() == {} and asterisk.registry() == set() and names(asterisk.etc) == [])
    User(server.url, "jeden")
    assert asterisk.peers() == {"jeden": None}


def test_strangers_are_kept_apart(world):
    """Its dialplan lets any user dial any: who is not the drawn partner is hung up at once. Who is no user gets nothing."""
    asterisk, server = world.serve()
    a, b = User(server.url, "jeden"), User(server.url, "dwa")
    phone, other = Phone(asterisk, a), Phone(asterisk, b)
    phone.register()
    other.register()
    assert phone.invite(b.login["exten"]) >= 400
    until("no channel", lambda: asterisk.channels() == 0)
    guest = User.__new__(User)
    guest.login = {"sip": a.login["sip"] | {"username": "nobody", "uri": "sip:nobody@myturn.invalid"}}
    assert Phone(asterisk, guest).invite(b.login["exten"]) in (401, 403)
