"""A talk outlives a change of network: the address of one side is another from one moment to the next, without any word to those who sent
to the old one. First the caller's, then the callee's; text, voice and words go on, and so does what follows."""

import time

import pytest

from netns import HUB, Net
from people import Person, Server, everybody, pause, wait
from sound import read_wav

MISSING = Net.missing()
pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
LIMIT_S = 15


@pytest.fixture
def world(tmp_path):
    """start(*options of the terminals): two people in namespaces of their own, in a talk; the caller first."""
    people, servers = [], []
    with Net() as net:
        for name in ("jeden", "dwa"):
            net.person(name)

        def start(*options):
            servers.append(Server(tmp_path, f"{HUB}:0", f"{HUB}:0", (), net.inside("hub")))
            people.extend(Person(n, servers[0].url, tmp_path, options, "tone:440", None, net.at(n)) for n in ("jeden", "dwa"))
            everybody(people, "logged-in")
            for person in people:
                person.type("")
            everybody(people, "secure")
            return sorted(people, key=lambda p: p.find("drawn")[0]["role"] != "caller")
        try:
            yield net, start
        finally:
            for one in people + servers:
                one.close()


def is_heard(person):
    """Whether the last second of what the person has heard so far has the partner's tone in it."""
    data, rate = read_wav(person.heard)
    return len(data) > rate and abs(data[-rate:]).max() > 0.01 * abs(data).max() > 0


def talk_goes_on(people, number, since):
    for person in people:
        person.type(f"{person.name} says {number}")
    wait(people, "both texts", lambda: all(p.find("text", body=f"{q.name} says {number}") for p, q in (people, people[::-1])), LIMIT_S)
    told_s = time.monotonic() - since
    wait(people, "the talk to be a talk again", lambda: all(len(p.find("reconnecting", on=True)) == len(p.find("reconnecting", on=False)) for p in people))
    pause(people, 3)  # what is in the buffers of sound is over then
    assert all(map(is_heard, people))
    assert all(len(p.find("secure")) == 1 and not p.find("ended") for p in people), "the same talk, the same words"
    return told_s


def both_move(world, *options, gone_s=0):
    net, start = world
    people = caller, callee = start(*options)
    assert caller.find("secure")[0]["words"] == callee.find("secure")[0]["words"]
    for person in people:
        person.type("m")
    wait(people, "microphones", lambda: all(p.find("mic", who="partner", on=True) for p in people))
    talk_goes_on(people, 0, time.monotonic())
    for number, mover in enumerate((caller, callee), 1):
        since = time.monotonic()
        net.move(mover.name, gone_s)
        took_s = talk_goes_on(people, number, since)
        print(f"the {'caller' if mover is caller else 'callee'} moved; texts both ways {took_s:.1f} s after")
    return people


def what_follows(people):
    """The end is told, and both are drawn again: API and SIP work from where they are now."""
    caller, callee = people
    caller.type("q")
    caller.type("y")
    everybody(people, "ended")
    assert callee.find("ended")[0]["reason"] == "partner_left"
    for person in people:
        person.type("")
    wait(people, "another talk", lambda: all(len(p.find("secure")) == 2 for p in people), 40)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_both_move(world, transport):
    people = both_move(world, "--transport", transport)
    what_follows(people)


def test_a_while_without_any_network(world):
    both_move(world, gone_s=4)


def test_voice_inside_dtls(world):
    both_move(world, "--policy", "cbc")
