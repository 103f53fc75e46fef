"""Attacks on the running daemon. After each a normal user is served at once, memory is back, and the console has not been filled.

What broke here once: the lines that one user could write on the console, the answers kept for one user, the ACKs that one side could send the other."""

import random
import re
import secrets
import socket
import threading
import time

import pytest

from api import Api, User, pair
from sip_ua import Tcp, Ua, Udp, Ws, digest

SOON_S = 2.0            # a login, a registration and a logout, on a machine that runs other tests beside
MEMORY_KIB = 24 * 1024  # what the C library may keep of what was in use
LINES = 400


def endpoint(server, transport=Udp):
    host, port = (server.http if transport is Ws else server.sip).rsplit(":", 1)
    return host, int(port)


def memory_kib(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"RssAnon:\s+(\d+)", status.read()).group(1))


def lines(server):
    return len(server.log.read_text().splitlines())


def visit(server):
    """What any user does; returns how long it took."""
    start = time.monotonic()
    user = User(server.url, "guest" + secrets.token_hex(4))
    ua = Ua(endpoint(server, Tcp), user.login, Tcp)  # a datagram may be lost behind the flood
    ua.register()
    ua.close()
    assert user.delete("/v1/me").status == 204
    return time.monotonic() - start


def is_served(server, limit_s=20):
    """A visit is quick: the first, or where the machine is busy with something else one of the next."""
    end = time.monotonic() + limit_s
    while visit(server) > SOON_S:
        assert time.monotonic() < end, "slow"


@pytest.fixture
def attacked(server):
    """The daemon before an attack; afterwards it must be as it was."""
    visit(server)
    memory, log, server.due_lines = memory_kib(server), lines(server), 0
    yield server
    is_served(server)  # what is queued may be worked off first
    assert server.process.poll() is None
    assert memory_kib(server) - memory < MEMORY_KIB
    assert lines(server) - log < LINES + server.due_lines


def pour(link, datagrams):
    """Sends as fast as it goes, reading what comes back."""
    link.setblocking(False)
    for i, data in enumerate(datagrams):
        try:
            link.send(data)
        except BlockingIOError:
            pass
        while i % 64 == 0:
            try:
                link.recv(65536)
            except BlockingIOError:
                break


def mutated(count):
    good = (b"INVITE sip:111000@myturn.invalid SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKabc;rport\r\nMax-Forwards: 70\r\n"
            b"From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: x@y\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1>\r\nContent-Length: 0\r\n\r\n")
    dice = random.Random(1)
    for _ in range(count):
        data = bytearray(good)
        for _ in range(dice.randrange(1, 4)):
            at = dice.randrange(len(data) + 1)
            data[at:at + dice.randrange(8)] = dice.randbytes(dice.randrange(8))
        yield bytes(data) or b"\0"


def test_a_hundred_thousand_malformed_datagrams(attacked):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect(endpoint(attacked))
        pour(link, mutated(100000))


def registers(ua, count, user, password, replay):
    """REGISTER requests to flood with: with one nonce replayed, or counted on."""
    uri = f"sip:{ua.host}"
    call = {"id": secrets.token_hex(8), "tag": "t", "to": f"<{ua.uri}>", "cseq": 1}
    extra = [("Contact", "<sip:victim@127.0.0.1:9>"), ("Expires", "600")]
    ua.request("REGISTER", uri, call, extra)
    ua.link.socket.connect(ua.link.server)
    challenge = ua.expect(401).get("WWW-Authenticate")
    made, ua.link.send = [], lambda data: made.append(data)
    for i in range(count):
        call["cseq"] += 1
        auth = digest(challenge, "REGISTER", uri, user, password, nc=1 if replay else i + 1)
        ua.request("REGISTER", uri, call, [*extra, ("Authorization", auth)])
    return made


@pytest.mark.parametrize("right,replay", [(False, False), (True, True), (True, False)])
def test_register_flood(attacked, right, replay):
    victim = User(attacked.url, "victim")
    ua = Ua(endpoint(attacked), victim.login)
    pour(ua.link.socket, registers(ua, 10000, ua.user, ua.password if right else "wrong", replay))
    ua.close()
    here = Ua(endpoint(attacked, Tcp), victim.login, Tcp)  # the victim himself still comes through
    here.register()
    here.close()
    victim.delete("/v1/me")


def test_a_user_who_comes_and_goes_does_not_fill_the_console(attacked):
    user = User(attacked.url, "restless")
    ua = Ua(endpoint(attacked, Tcp), user.login, Tcp)
    for _ in range(200):
        ua.register()
        ua.register(expires=0)
    for i in range(600):
        assert user.put(f"/update-status-{'busy' if i % 2 else 'rdy'}/restless").status == 200
    ua.close()
    user.delete("/v1/me")


BEGINNINGS = [(Ws, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "),
              (Ws, b"POST /v1/users HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"),
              (Tcp, b"REGISTER sip:myturn.invalid SIP/2.0\r\nVia: ")]


def test_slow_clients(attacked):
    """200 who begin and never end, byte by byte; the daemon serves others meanwhile and hangs up on all of them."""
    slow = []
    for i in range(200):
        transport, begin = BEGINNINGS[i % len(BEGINNINGS)]
        slow.append(socket.create_connection(endpoint(attacked, transport)))
        slow[-1].sendall(begin)
    is_served(attacked)
    end = time.monotonic() + 60
    while slow and time.monotonic() < end:
        for link in list(slow):
            link.setblocking(False)
            try:
                link.send(b"a")
                link.recv(4096)
            except BlockingIOError:
                continue
            except OSError:
                pass
            link.close()
            slow.remove(link)
        time.sleep(0.5)
    assert not slow


def test_keepalives_without_end(attacked):
    """16 MB of them cost next to nothing."""
    link = socket.create_connection(endpoint(attacked, Tcp))
    link.settimeout(10)
    for _ in range(256):
        link.sendall(b"\r\n\r\n" * 16384)
    is_served(attacked)
    assert link.recv(65536).startswith(b"\r\n")
    link.close()


def test_a_binding_is_where_the_packet_came_from(attacked):
    """REGISTER names another's address: nothing is ever sent there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.1", 0))
        jeden, dwa = User(attacked.url, "jeden"), User(attacked.url, "dwa")
        caller, callee = Ua(endpoint(attacked), jeden.login), Ua(endpoint(attacked), dwa.login)
        there = "<sip:dwa@127.0.0.1:%d>" % victim.getsockname()[1]
        callee.contact = lambda: there
        caller.register()
        callee.register()
        assert dwa.get("/user-ip/dwa").json == "127.0.0.1"
        caller.invite(pair(jeden, dwa)["exten"])
        assert callee.expect("INVITE").start.split()[1] == there[1:-1]
        victim.settimeout(0.3)
        with pytest.raises(TimeoutError):
            victim.recv(1)
        for one in (caller, callee):
            one.close()


def test_forged_requests_end_nobodys_call(attacked):
    """A third who knows both names, extensions, tags and Call-IDs, but no route token and no branch on his own flow."""
    jeden, dwa, trzy = (User(attacked.url, name) for name in ("jeden", "dwa", "trzy"))
    caller, callee, third = (Ua(endpoint(attacked, kind), user.login, kind) for user, kind in ((jeden, Udp), (dwa, Tcp), (trzy, Udp)))
    for ua in (caller, callee, third):
        ua.register()
    call = caller.invite(pair(jeden, dwa)["exten"])
    invite = callee.expect("INVITE")
    third.cancel(call)
    third.expect(481)
    callee.answer(invite)
    caller.ack(call, caller.expect(200))
    callee.expect("ACK")
    for user in (dwa.login["exten"], jeden.login["exten"], "0" * 24, secrets.token_hex(12)):
        for method in ("BYE", "INFO", "INVITE", "UPDATE", "ACK", "CANCEL"):
            forged = dict(call, cseq=call["cseq"] + 1, route=[])
            third.request(method, f"sip:{user}@{third.host}", forged, [("Contact", third.contact())])
            if method != "ACK":
                third.expect(481)
    callee.nothing(0.2, but=("OPTIONS",))
    caller.nothing(0.2, but=(100, 180, "OPTIONS"))
    assert (jeden.status, dwa.status) == (3, 3)
    for _ in range(200):  # the caller himself may not flood his partner either
        caller.request("ACK", call["target"], call, [("Route", r) for r in call["route"]])
    callee.nothing(0.3)
    for one in (caller, callee, third):
        one.close()


def test_guessed_tokens(attacked):
    jeden, dwa = User(attacked.url, "jeden"), User(attacked.url, "dwa")
    token = jeden.token
    guesses = [token[:-1], token + "A", token.swapcase(), "A" * 43, "", "Bearer", token[:-1] + ("A" if token[-1] != "A" else "E"), "%00", "a" * 4000]
    for guess in guesses:
        assert Api(attacked.url).get("/v1/me", headers={"Authorization": f"Bearer {guess}"}).status == 401, guess
    for path in ("/user-status/jeden", "/user-ip/jeden", "/get-peer/jeden"):
        theirs, unknown = dwa.get(path), dwa.get(path.replace("jeden", "nobody"))
        assert (theirs.status, theirs.raw) == (404, unknown.raw), path
    for path in ("/user-status", "/pair-status", "/sip-file-lookup"):
        assert dwa.get(path).status == 403 and Api(attacked.url).get(path).status == 401
    assert dwa.delete("/delete-user/jeden").status == 404 and jeden.status == 0
    assert Api(attacked.url, "x" * 43).put("/update-status-busy/jeden").status == 401


def test_head_draws_nobody(attacked):
    """It did, and its answer told nobody of the pair."""
    jeden, dwa = User(attacked.url, "jeden"), User(attacked.url, "dwa")
    for user in (jeden, dwa):
        user.put(f"/update-status-rdy/{user.name}")
    answer = jeden.call("HEAD", "/get-peer/jeden")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    assert (jeden.status, dwa.status) == (1, 1)
    assert jeden.call("HEAD", "/user-status/jeden").status == 200
    assert jeden.call("POST", "/user-status/jeden").headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("name,value,status", [
    ("Origin", "http://evil.example", 403), ("Origin", "null", 403), ("Origin", "http://127.0.0.1:1", 403),
    ("Origin", "http://127.0.0.1.evil.example", 403), ("Host", "evil.example", 421), ("Host", "127.0.0.1.evil.example", 421),
    ("Host", "", 421), ("Host", "[::1", 421), ("Host", "127.0.0.1:99999", 421), ("Host", "a" * 300, 421)])
def test_foreign_pages(attacked, name, value, status):
    for method, path in (("GET", "/healthz"), ("POST", "/v1/users"), ("DELETE", "/v1/me"), ("GET", "/"), ("OPTIONS", "/v1/users")):
        assert Api(attacked.url).call(method, path, headers={name: value}).status == status, path
    if name == "Origin":
        with pytest.raises(ConnectionError, match=" 403 "):
            Ws(endpoint(attacked, Ws), "127.0.0.1", f"{name}: {value}\r\n")


NAMES = ["../../etc/passwd", "..", ".", "%2e%2e", "a/b", "a\\b", "a\r\nSet-Cookie: x=1", "a\nX: y", "a\x1b[2J", "\x9b31m", "a\u202eb", "a\u200bb", "a\x00b",
         "\ufeffa", "admin", "ADMIN", "\uff21dmin", "\u0430dmin", "je\u200dden", "111000", "\uff11\uff11\uff11\uff10\uff10\uff10", "", " ", "a b", "<script>",
         "a;b", "a]b", "a" * 33, "\u00e9" * 33, "\u3164", "\ud83d\ude00", "sip:a@b", "a@b", "'; --", "{}", "-a", "_a"]


def test_names_that_are_none(attacked):
    for name in NAMES:
        answer = Api(attacked.url).post("/v1/users", {"name": name})
        assert answer.status == 400 and answer.json["code"] in ("invalid_name", "bad_request"), name
    for path in ("%00", "%0d%0a", "..%2f..", "%ff", "%", "%zz", "a%2fb", "%1b%5b2J"):
        assert Api(attacked.url).post(f"/add-user-to-sip-exten-conf/{path}").status in (400, 404), path
    assert all(ord(c) >= 32 or c == "\n" for c in attacked.log.read_text())


def test_a_name_that_looks_the_same_is_the_same(attacked):
    first = User(attacked.url, "Za\u017c\u00f3\u0142\u0107")
    for name in ("za\u017c\u00f3\u0142\u0107", "ZA\u017b\u00d3\u0141\u0106", "Zaz\u0307o\u0301\u0142c\u0301"):
        assert Api(attacked.url).post("/v1/users", {"name": name}).status == 409, name
    first.delete("/v1/me")


def test_nobody_is_stuck_after_all_hung_up_at_once(attacked):
    """Held requests, half of them cut off in the middle of a draw; then everyone can still be drawn."""
    users = [User(attacked.url, f"u{i}") for i in range(20)]
    attacked.due_lines = 6 * 5 * len(users)  # each of the 100 may come to a draw and its end
    links = []
    for _ in range(5):
        for user in users:
            links.append(socket.create_connection(endpoint(attacked, Ws)))
            links[-1].sendall((f"POST /v1/turn HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {user.token}\r\nPrefer: wait=9\r\n"
                               "Content-Length: 0\r\n\r\n").encode())
            if random.random() < 0.5:
                links.pop().close()
        for link in links:
            link.close()
        links.clear()
    for user in users:
        assert user.put(f"/update-status-busy/{user.path}").status == 200
    answers = []
    threads = [threading.Thread(target=lambda u=user: answers.append(u.wait_turn(8))) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a.json["state"] for a in answers] == ["paired"] * len(users)
    assert Api(attacked.url).get("/v1/stats").json == {"online": 20, "waiting": 0, "talking": 20}
    for user in users:
        user.delete("/v1/me")
