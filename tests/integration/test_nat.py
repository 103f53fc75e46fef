"""Talks through NAT: people in networks of their own behind masquerading routers (nftables), the server and coturn in the public part.
Clients and browsers themselves tell which kind of path was found."""

import pathlib
import re

import pytest

import relay
from browser import DIST, Browser, Page
from netns import HUB, Net
from people import everybody, wait
from netns_world import World

MISSING = Net.missing(nat=True) or relay.missing()
pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
# What deploy/turnserver.conf says about what is answered, and about networks like those behind the routers here: coturn gives up an
# allocation that was asked to send where it has no route.
AS_DEPLOYED = re.findall(r"(?m)^(?:no-rfc.*|no-stun.*|response-origin.*|denied-peer-ip=192\.168\..*)$",
                         (pathlib.Path(__file__).resolve().parents[2] / "deploy/turnserver.conf").read_text())
REFLEXIVE = {"srflx", "prflx"}


class Routers(World):
    """kinds: "nat" keeps a port for all destinations, "random" takes a new one for each ("symmetric"); "public": there is no router."""

    def __init__(self, net, folder):
        super().__init__(net, folder)
        self.browsers = []

    def open(self, *kinds):
        for who, kind in zip(("jeden", "dwa"), kinds):
            self.net.person(who, nat=kind != "public", random_ports=kind == "random")

    def serve_all(self, *options):
        """With STUN, and a relay that need not be used."""
        turn = self.turn(settings=AS_DEPLOYED)
        self.serve("--relay-only", "no", "--stun", f"stun:{turn.address}:{turn.port}", *turn.options("udp"), *options)

    def serve_stun(self):
        turn = self.turn(settings=AS_DEPLOYED)
        self.serve("--stun", f"stun:{turn.address}:{turn.port}")

    def page(self, who):
        """In a browser of its own, on the inside of that router, with mDNS names in place of its addresses as browsers have them."""
        self.browsers.append(Browser(before=self.net.at(who), microphone=False, mdns=True))
        return Page(self.browsers[-1], f"https://{self.server.https}", who).log_in()

    def close(self):
        for browser in self.browsers:
            browser.close()
        super().close()


@pytest.fixture
def world(tmp_path):
    with Net() as net:
        one = Routers(net, tmp_path)
        try:
            yield one
        finally:
            one.close()


def told(person):
    """Kinds of the candidates of the path in use, own and partner's, as the terminal last told them."""
    how = (person.find("path") or person.find("secure"))[-1]
    return [how["local"], how["remote"]]


def right(kinds, paths):
    """Where one router takes new ports and the other lets in only whom it was sent to, the relay alone is left."""
    if "random" in kinds and "public" not in kinds:
        return all("relay" in path for path in paths)
    possible = [REFLEXIVE if kind != "public" else {"host", "prflx"} for kind in kinds]
    return all(own in p and seen in p for p, (own, _), (_, seen) in zip(possible, paths, paths[::-1]))


def check(kinds, paths, people=()):
    """paths(): of the two. A browser may begin over the relay and move to the better path within the second."""
    wait(people, "move to the best path", lambda: right(kinds, paths()))
    print("-".join(kinds), paths())


@pytest.mark.parametrize("kinds", [("nat", "nat"), ("nat", "public"), ("random", "public"), ("random", "nat"), ("random", "random")], ids="-".join)
def test_two_terminals(world, kinds):
    world.open(*kinds)
    world.serve_all()
    people = one, other = world.start("jeden", "dwa")
    everybody(people, "secure", 30)
    assert one.find("secure")[0]["words"] == other.find("secure")[0]["words"]
    for person in people:
        person.type(f"from {person.name}")
    wait(people, "both messages", lambda: one.find("text", body="from dwa") and other.find("text", body="from jeden"))
    check(kinds, lambda: [told(p) for p in people], people)
    print({p.name: p.find("secure")[0]["setup_us"] for p in people}, "us from the draw to secure")


def test_two_terminals_with_stun_alone(world):
    world.open("nat", "nat")
    world.serve_stun()
    people = world.start("jeden", "dwa")
    everybody(people, "secure", 30)
    check(("nat", "nat"), lambda: [told(p) for p in people], people)


def test_no_way_is_told(world):
    """Both routers take new ports, and there is no relay."""
    world.open("random", "random")
    world.serve_stun()
    people = world.start("jeden", "dwa")
    wait(people, "the end", lambda: all(p.find("ended") for p in people), 40)
    assert any(p.find("ended", reason="no_path") for p in people)
    assert not any(p.find("secure") for p in people)


@pytest.mark.parametrize("kinds", [("nat", "nat"), ("random", "nat")], ids="-".join)
def test_page_and_terminal(page_built, world, kinds):
    world.open(*kinds)
    world.serve_all("--https", f"{HUB}:0", "--self-signed", "--web", str(DIST))
    page = world.page("jeden")
    (person,) = world.start("dwa")
    page.ready()
    everybody([person], "secure", 40)
    assert page.words == person.find("secure")[0]["words"]
    page.say("from jeden")
    wait([person], "the page's text", lambda: person.find("text", body="from jeden"))
    person.type("from dwa")
    page.hears("from dwa")
    check(kinds, lambda: [page.path, told(person)], [person])


@pytest.mark.parametrize("kinds", [("nat", "nat"), ("random", "random")], ids="-".join)
def test_two_pages(page_built, world, kinds):
    world.open(*kinds)
    world.serve_all("--https", f"{HUB}:0", "--self-signed", "--web", str(DIST))
    pages = one, other = [world.page(who) for who in ("jeden", "dwa")]
    for page in pages:
        page.ready()
    for page in pages:
        page.on("convo", 40)
    assert one.words == other.words
    one.say("from jeden")
    other.hears("from jeden")
    other.say("from dwa")
    one.hears("from dwa")
    check(kinds, lambda: [page.path for page in pages])
