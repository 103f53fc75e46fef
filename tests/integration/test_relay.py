"""Relay-only talks (C4) over a real TURN server, between network namespaces, so that each side has an address of its own
that must not reach the other. And what is said when the relay cannot be used."""

import ipaddress

import pytest

import netns
import relay
from netns import HUB, Net
from people import everybody, wait
from netns_world import World, stop_capture

MISSING = Net.missing() or relay.missing()
pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))


@pytest.fixture
def world(tmp_path):
    """net, a server and people in it: world.serve(*options), world.start("a", …) as in test_talk."""
    with Net() as net:
        one = World(net, tmp_path)
        try:
            yield one
        finally:
            one.close()


def forms(address):
    """As text, as bytes, and as STUN's XOR writes it."""
    packed = ipaddress.ip_address(address).packed
    return [address.encode(), packed, bytes(a ^ b for a, b in zip(packed, b"\x21\x12\xa4\x42"))]


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_neither_side_learns_the_others_address(world, transport):
    addresses = {who: world.net.person(who) for who in ("jeden", "dwa")}
    turn = world.turn()
    world.serve(*turn.options(transport))
    captures = {who: world.capture(who) for who in addresses}
    people = jeden, dwa = world.start("jeden", "dwa", options=["--ca", turn.ca_file] if transport == "tls" else ())
    everybody(people, "secure", 30)
    for person in people:
        (how,) = person.find("secure")
        assert (how["relayed"], how["local"], how["remote"]) == (True, "relay", "relay"), how
        person.type(f"from {person.name}")
    wait(people, "both messages", lambda: jeden.find("text", body="from dwa") and dwa.find("text", body="from jeden"))
    print({p.name: p.find("secure")[0]["setup_us"] for p in people}, "us from the draw to secure over", transport)
    jeden.type("q")
    jeden.type("y")
    everybody(people, "ended")
    seen = {who: stop_capture(*captures[who]) for who in captures}
    for who, other in (("jeden", "dwa"), ("dwa", "jeden")):
        for sign in (b"INVITE sip:", b"a=candidate:", b"ice_servers", forms(addresses[who])[0]):
            assert sign in seen[who], f"the capture is blind: {sign} is not in it"
        for form in forms(addresses[other]):
            assert form not in seen[who], f"{who} received the address of {other} as {form}"


def test_wrong_turn_password_is_told(world):
    for who in ("jeden", "dwa"):
        world.net.person(who)
    turn = world.turn(secret="another than the server has")
    world.serve(*turn.options("udp", "tcp"))
    tell_failure(world, "turn_failed")


def test_dead_turn_server_is_told(world):
    for who in ("jeden", "dwa"):
        world.net.person(who)
    secret = world.folder / "secret"
    secret.write_text("x" * 20 + "\n")
    secret.chmod(0o600)
    # Silence, not a refusal: the worse case.
    netns.run(*world.net.inside("hub"), "nft", "-f", "-",
              input="table ip t {\nchain inward {\ntype filter hook input priority 0\nudp dport 3478 drop\ntcp dport 3478 drop\n}\n}\n")
    world.serve("--turn", f"turn:{HUB}:3478?transport=udp,turn:{HUB}:3478?transport=tcp", "--turn-secret-file", str(secret))
    tell_failure(world, "turn_failed")


def test_no_relay_at_all_is_told(world):
    for who in ("jeden", "dwa"):
        world.net.person(who)
    world.serve()
    tell_failure(world, "no_relay", ["--relay-only"])


def tell_failure(world, code, options=()):
    people = world.start("jeden", "dwa", options=options)
    wait(people, f"error {code}", lambda: any(p.find("error", code=code) for p in people), 20)
    told = next(p for p in people if p.find("error", code=code))
    took = told.find("error", code=code)[0]["at"] - told.find("drawn")[0]["at"]
    print(f"{code} was told {took:.2f} s after the draw:", told.find("error", code=code)[0]["message"])
    assert took < 10  # about four, and 15 until a draw without a call is over
    wait(people, "the end", lambda: told.find("ended"))
    assert not any(p.find("secure") for p in people)
