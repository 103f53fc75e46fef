"""A talk outlives a change of network: the address of one side is another from one moment to the next, without any word to those who sent
to the old one. First the caller's, then the callee's; text, voice and words go on, and so does what follows."""

import signal
import time

import pytest

import netns
import relay
from browser import DIST, Browser, Page
from held import held
from netns import HUB, Net
from people import Person, everybody, pause, wait
from sound import read_wav
from netns_world import World

MISSING = Net.missing() or relay.missing()
pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
LIMIT_S = 25  # five or so; who is silent for longer than 15 is given up, and his talk is over


@pytest.fixture
def world(tmp_path):
    with Net() as net:
        for name in ("jeden", "dwa"):
            net.person(name)
        one = World(net, tmp_path)
        try:
            yield one
        finally:
            one.close()


def is_heard(person):
    """Whether the last second of what the person has heard so far has the partner's tone in it."""
    data, rate = read_wav(person.heard)
    return len(data) > rate and abs(data[-rate:]).max() > 0.01 * abs(data).max() > 0


def texts_both_ways(people, number, since):
    for person in people:
        person.type(f"{person.name} says {number}")
    wait(people, "both texts", lambda: all(p.find("text", body=f"{q.name} says {number}") for p, q in (people, people[::-1])), LIMIT_S)
    return time.monotonic() - since


def talk_goes_on(people):
    """Nobody is reconnecting any more, both are heard, and it is the talk of before: new words would come with a new `secure`."""
    wait(people, "end of the silence", lambda: all(len(p.find("reconnecting", on=True)) == len(p.find("reconnecting", on=False)) for p in people))
    pause(people, 3)  # what is in the buffers of sound is over then
    wait(people, "both heard", lambda: all(map(is_heard, people)), LIMIT_S)
    assert all(len(p.find("secure")) == 1 and not p.find("ended") for p in people)


def in_talk(world, options=(), url=None):
    """Returns caller and callee, who hear each other."""
    people = world.start("jeden", "dwa", options=options, mic="tone:440", speaker=None, url=url)
    everybody(people, "secure", 30)
    caller, callee = people = sorted(people, key=lambda p: p.find("drawn")[0]["role"] != "caller")
    assert caller.find("secure")[0]["words"] == callee.find("secure")[0]["words"]
    for person in people:
        person.type("m")
    wait(people, "microphones", lambda: all(p.find("mic", who="partner", on=True) for p in people))
    texts_both_ways(people, 0, time.monotonic())
    talk_goes_on(people)
    return people


def both_move(world, options=(), url=None, gone_s=0):
    """Returns caller and callee, who talk after all."""
    caller, _ = people = in_talk(world, options, url)
    for number, mover in enumerate(people, 1):
        since = time.monotonic()
        world.net.move(mover.name, gone_s)
        told_s = texts_both_ways(people, number, since)
        print(f"the {'caller' if mover is caller else 'callee'} moved; texts both ways {told_s:.1f} s after")
        talk_goes_on(people)
    return people


def what_follows(people):
    """The end is told, and both are drawn again: API and SIP work from where they are now."""
    caller, callee = people
    caller.type("q")
    caller.type("y")
    everybody(people, "ended")
    assert callee.find("ended")[0]["reason"] == "partner_left"
    since = time.monotonic()
    for person in people:
        person.type("")
    wait(people, "another talk", lambda: all(len(p.find("secure")) == 2 for p in people), 40)
    print(f"the next talk {time.monotonic() - since:.1f} s after both were ready")


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_both_move(world, transport):
    world.serve()
    what_follows(both_move(world, ["--transport", transport]))


def test_moving_again_while_connecting_anew(world):
    """The new connection was under way from an address that is gone already: nobody would answer it."""
    world.serve()
    for name in ("jeden", "dwa"):
        world.start(name, mic="tone:440", speaker=None)
    people = world.people
    everybody(people, "secure", 30)
    caller = next(p for p in people if p.find("drawn")[0]["role"] == "caller")
    address = world.net.address(caller.name).rpartition(".")[0] + ".0/24"
    netns.run(*world.net.inside("hub"), "nft", "-f", "-", input=f"table ip line {{\nchain input {{\ntype filter hook input priority 0\nip saddr {address} drop\n}}\n}}\n")
    world.net.move(caller.name)
    pause(people, 1)
    world.net.move(caller.name)
    netns.run(*world.net.inside("hub"), "nft", "delete", "table", "ip", "line")
    print(f"texts both ways {texts_both_ways(people, 1, time.monotonic()):.1f} s after")
    assert all(len(p.find("secure")) == 1 and not p.find("ended") for p in people)


def test_over_tls(world):
    relay.make_authority(world.folder, HUB)
    world.serve("--https", f"{HUB}:0", "--sips", f"{HUB}:0", "--tls-cert", str(world.folder / "turn.pem"), "--tls-key", str(world.folder / "turn.key"))
    what_follows(both_move(world, ["--ca", str(world.folder / "ca.pem")], f"https://{world.server.https}"))


def test_a_path_that_dies(world):
    """Nobody moves: a router on the way lets the packets of this path through no more, and those of another it does."""
    world.serve()
    people = world.start("jeden", "dwa", mic="tone:440", speaker=None)
    everybody(people, "secure", 30)
    for person in people:
        person.type("m")
    wait(people, "microphones", lambda: all(p.find("mic", who="partner", on=True) for p in people))
    ports = netns.run(*world.net.at("jeden"), "ss", "-Huna").stdout
    ports = sorted({line.split()[3].rpartition(":")[2] for line in ports.splitlines()})
    assert ports
    since = time.monotonic()
    netns.run(*world.net.inside("hub"), "nft", "-f", "-", input="table ip dead {\nchain way {\ntype filter hook forward priority 0\n"
              f"udp sport {{ {', '.join(ports)} }} drop\nudp dport {{ {', '.join(ports)} }} drop\n}}\n}}\n")
    told_s = texts_both_ways(people, 1, since)
    print(f"the path died; texts both ways {told_s:.1f} s after")
    talk_goes_on(people)
    assert all(p.find("reconnecting", on=True) for p in people)


def test_moving_while_waiting(world):
    """The held request for a draw is asked anew: its answer would go to the old address."""
    world.serve()
    (jeden,) = world.start("jeden")
    pause([jeden], 3)
    world.net.move("jeden")
    pause([jeden], 3)
    (dwa,) = world.start("dwa")
    since = time.monotonic()
    everybody([jeden, dwa], "secure")
    print(f"drawn and secure {time.monotonic() - since:.1f} s after the other was ready")
    assert not any(p.find("ended") or p.find("error") for p in (jeden, dwa))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_no_way_to_the_sip_server_yet(world, transport):
    """As when the network goes just after the login: that one stays, and is not refused by a server that was never asked."""
    world.net.ip("hub", "addr", "add", "10.88.0.1/32", "dev", "lo")
    world.net.ip("jeden-p", "route", "replace", HUB, "via", "10.77.1.1")
    world.net.ip("jeden-p", "route", "del", "default")
    world.serve(sip="10.88.0.1:0")
    jeden = Person("jeden", world.server.url, world.folder, ["--transport", transport], "none", "none", world.net.at("jeden"))
    world.people.append(jeden)
    pause([jeden], 3)
    assert not jeden.find("logged-in") and not jeden.find("error")
    world.net.ip("jeden-p", "route", "add", "default", "via", "10.77.1.1")
    everybody([jeden], "logged-in")
    assert world.server.logged(" login: ").count(" login: ") == 1


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_while_without_any_network(world, transport):
    world.serve()
    what_follows(both_move(world, ["--transport", transport], gone_s=4))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("cut_off", ["caller", "callee"])
def test_a_router_that_says_unreachable(world, transport, cut_off):
    """As at home while the line is down: addresses stay, and each packet is answered with an ICMP message."""
    world.serve()
    people = in_talk(world, ["--transport", transport])
    address = world.net.address(people[cut_off == "callee"].name)
    rules = f"ip saddr {address} reject with icmp type net-unreachable\nip daddr {address} ip protocol != icmp drop\n"
    since = time.monotonic()
    netns.run(*world.net.inside("hub"), "nft", "-f", "-", input="table ip line {\n" + "".join(
        f"chain {hook} {{\ntype filter hook {hook} priority 0\n{rules}}}\n" for hook in ("input", "forward", "output")) + "}\n")
    pause(people, 6)
    netns.run(*world.net.inside("hub"), "nft", "delete", "table", "ip", "line")
    print(f"the line of the {cut_off} was down; texts both ways {texts_both_ways(people, 1, since):.1f} s after")
    assert all(p.find("reconnecting", on=True) for p in people)
    talk_goes_on(people)
    what_follows(people)


def test_voice_inside_dtls(world):
    world.serve()
    both_move(world, ["--policy", "cbc"])


def test_over_the_relay(world):
    """Where addresses are hidden, what is offered anew has none either: else the server would refuse it (488)."""
    world.serve(*world.turn().options("udp"))
    people = both_move(world)
    for person in people:
        for how in person.find("secure") + person.find("path"):
            assert (how["relayed"], how["local"], how["remote"]) == (True, "relay", "relay"), how


@pytest.mark.parametrize("gone_s", [0, 4])
@pytest.mark.parametrize("mover", ["page", "terminal"])
@pytest.mark.parametrize("caller", ["page", "terminal"])
def test_page_and_terminal(page_built, world, caller, mover, gone_s):
    world.serve("--https", f"{HUB}:0", "--self-signed", "--web", str(DIST))
    browser = Browser(before=world.net.at("jeden"), microphone=False)
    try:
        page = Page(browser, f"https://{world.server.https}", "jeden").log_in()
        if caller == "terminal":
            page.ready()
            with world.net.entered("hub"):
                held(world.server, page, HUB)
        (person,) = world.start("dwa")
        if caller == "page":
            with world.net.entered("hub"):
                held(world.server, person, HUB)
            page.ready()
        everybody([person], "secure", 30)
        page.on("convo")
        assert person.find("drawn")[0]["role"] == ("callee" if caller == "page" else "caller")
        words = page.words
        assert words == person.find("secure")[0]["words"]
        since = time.monotonic()
        world.net.move("jeden" if mover == "page" else "dwa", gone_s)
        person.type("from the terminal")
        page.hears("from the terminal", LIMIT_S)
        page.say("from the page")
        wait([person], "the page's text", lambda: person.find("text", body="from the page"), LIMIT_S)
        print(f"{caller} calls, {mover} moved; texts both ways {time.monotonic() - since:.1f} s after")
        assert page.words == words and len(person.find("secure")) == 1
        page.hang_up()
        everybody([person], "ended")
        assert person.find("ended")[0]["reason"] == "partner_left"
    finally:
        browser.close()


def test_a_page_moves_while_the_server_is_away(page_built, world):
    """Nothing can be offered anew: the terminal follows the checks that come to it from the new address."""
    world.serve("--https", f"{HUB}:0", "--self-signed", "--web", str(DIST))
    browser = Browser(before=world.net.at("jeden"), microphone=False)
    try:
        page = Page(browser, f"https://{world.server.https}", "jeden").log_in()
        page.ready()
        with world.net.entered("hub"):
            held(world.server, page, HUB)
        (person,) = world.start("dwa")
        everybody([person], "secure", 30)
        page.on("convo")
        words = page.words
        world.server.process.send_signal(signal.SIGSTOP)
        try:
            since = time.monotonic()
            world.net.move("jeden")
            person.type("from the terminal")
            page.hears("from the terminal", LIMIT_S)
            page.say("from the page")
            wait([person], "the page's text", lambda: person.find("text", body="from the page"), LIMIT_S)
            print(f"texts both ways {time.monotonic() - since:.1f} s after")
        finally:
            world.server.process.send_signal(signal.SIGCONT)
        assert page.words == words and len(person.find("secure")) == 1 and not person.find("ended")
    finally:
        browser.close()


@pytest.mark.parametrize("gone_s", [0, 4])
def test_a_page_moves_while_waiting(page_built, world, gone_s):
    """The held request and the connection for calls went on looking alive at the old address; who was drawn waited in vain, again and again."""
    world.serve("--https", f"{HUB}:0", "--self-signed", "--web", str(DIST))
    browser = Browser(before=world.net.at("jeden"), microphone=False)
    try:
        page = Page(browser, f"https://{world.server.https}", "jeden").log_in()
        page.ready()
        page.on("wait")
        time.sleep(3)
        world.net.move("jeden", gone_s)
        time.sleep(15)  # until it has missed the answer to a ping of its own
        since = time.monotonic()
        (person,) = world.start("dwa")
        everybody([person], "secure", 45)
        page.on("convo")
        print(f"drawn and secure {time.monotonic() - since:.1f} s after the other was ready")
        page.say("from the page")
        wait([person], "the page's text", lambda: person.find("text", body="from the page"), LIMIT_S)
        assert not person.find("ended")
    finally:
        browser.close()
