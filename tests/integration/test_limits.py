"""Limits of the running daemon, shrunken: addresses that ask too much, clients that are slow, silent, half-closed or deaf, and no descriptors left."""

import contextlib
import http.client
import re
import resource
import socket
import threading
import time

import pytest

from api import Api, User, pair
from sip_ua import Tcp, Ua, Udp, Ws, Message

OTHER = "127.0.0.2"
OPTIONS = ("OPTIONS sip:myturn.invalid SIP/2.0\r\nVia: SIP/2.0/{} 127.0.0.1:9;branch=z9hG4bK{};rport\r\n"
           "From: <sip:x@myturn.invalid>;tag=1\r\nTo: <sip:myturn.invalid>\r\nCall-ID: {}\r\nCSeq: 1 OPTIONS\r\n"
           "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n")


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def connect(where, source="127.0.0.1"):
    return socket.create_connection(address(where), timeout=10, source_address=(source, 0))


def cpu_s(server):
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def cpu_over(server, seconds):
    before = cpu_s(server)
    time.sleep(seconds)
    return cpu_s(server) - before


def memory_kib(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("RssAnon")).split()[1])


def until(what, done, limit_s=20):
    end = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < end, f"no {what} within {limit_s} s"
        time.sleep(0.02)


def calm(server):
    """Idle, once what is queued has been worked off: whoever is busy with nothing is never calm."""
    until("calm", lambda: cpu_over(server, 2) <= 0.05, 30)


def status_of(server):
    """0: it has hung up."""
    try:
        return Api(server.url).get("/healthz").status
    except (ConnectionError, http.client.HTTPException):
        return 0


def is_slow_down(answer):
    return answer.status == 429 and answer.json["code"] == "slow_down" and int(answer.headers["Retry-After"]) > 0


def wait_for_line(server, text):
    deadline = time.monotonic() + 20
    while text not in server.log.read_text():
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.02)


def metric(server, name):
    text = Api(server.url).get("/metrics").raw.decode()
    return float(next(line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith(f"myturn_{name} ")))


# An address that asks too much

def test_requests_of_one_address(start_server):
    server = start_server("--limit-loopback", "--requests-per-minute", "30", "--metrics", "open")
    answers = [Api(server.url).get("/healthz") for _ in range(40)]
    assert [a.status for a in answers[:30]] == [200] * 30
    assert any(is_slow_down(a) for a in answers)
    assert Api(server.url, source=OTHER).get("/healthz").status == 200
    text = Api(server.url, source=OTHER).get("/metrics").raw.decode()
    refused = sum(a.status == 429 for a in answers)
    assert f'myturn_refusals_total{{reason="requests_per_address"}} {refused}\n' in text


def test_loopback_is_exempt_unless_configured(start_server):
    server = start_server("--requests-per-minute", "5", "--logins-per-minute", "2", "--connections-per-address", "2",
                          "--sip-requests-per-minute", "2")
    for i in range(12):
        user = User(server.url, f"user{i}")
        ua = Ua(address(server.sip), user.login, Udp)
        ua.register()
        ua.close()


def test_logins_of_one_address(start_server):
    server = start_server("--limit-loopback", "--logins-per-minute", "3")
    for i in range(3):
        User(server.url, f"user{i}")
    assert is_slow_down(Api(server.url).post("/v1/users", {"name": "more"}))
    assert is_slow_down(Api(server.url).post("/add-user-to-sip-exten-conf/more"))
    User(server.url, "other", source=OTHER)


def test_idle_logins_of_one_address(start_server):
    server = start_server("--limit-loopback", "--idle-logins-per-address", "2")
    users = [User(server.url, f"user{i}") for i in range(2)]
    assert is_slow_down(Api(server.url).post("/v1/users", {"name": "more"}))
    ua = Ua(address(server.sip), users[0].login, Tcp)
    ua.register()
    User(server.url, "more")
    ua.close()


def test_connections_of_one_address(start_server):
    server = start_server("--limit-loopback", "--connections-per-address", "5")
    kept = [connect(where) for where in (server.http,) * 3 + (server.sip,) * 2]
    for one, ask in zip(kept, [b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"] * 3 + [b"\r\n\r\n"] * 2):
        one.sendall(ask)
        assert one.recv(1)  # it is counted
    with connect(server.http) as sixth:
        assert sixth.recv(1) == b""
    assert Api(server.url, source=OTHER).get("/healthz").status == 200
    for one in kept:
        one.close()
    until("room again", lambda: status_of(server) == 200)


def test_connections_that_come_and_go(start_server):
    """Each costs a handshake, where there is TLS: four tenths of a millisecond of the one processor."""
    server = start_server("--limit-loopback", "--requests-per-minute", "10", "--self-signed", "--https", "127.0.0.1:0", "--metrics", "open")
    many = [connect(server.http) for _ in range(30)]  # no request is ever made
    other = Api(server.url, source=OTHER)
    deadline = time.monotonic() + 20
    while True:
        time.sleep(2)  # it may not ask often itself
        text = other.get("/metrics").raw.decode()
        refused = int(re.search(r'^myturn_refusals_total\{reason="connections_per_address"\} (\d+)$', text, re.M).group(1))
        if refused > 0:
            break
        assert time.monotonic() < deadline, "none was refused"
    assert refused <= 10  # twenty may be begun in a minute
    for one in many:
        one.close()


def test_connections_in_all(start_server):
    """Nothing but a number among the metrics told the operator why nobody got in any more."""
    server = start_server("--max-connections", "8")
    kept = [connect(server.http) for _ in range(8)]  # all by one port: they are let in in this order
    for _ in range(20):
        with connect(server.http) as more:
            assert more.recv(1) == b""
    told = [line for line in server.log.read_text().splitlines() if "8 connections are open: no more are let in (max_connections)" in line]
    assert 1 <= len(told) < 10  # once in ten seconds
    for one in kept:
        one.close()
    deadline = time.monotonic() + 20
    while True:
        try:
            assert Api(server.url).get("/healthz").status == 200
            break
        except OSError:
            assert time.monotonic() < deadline


def test_a_full_server_says_when_to_come_back(start_server):
    server = start_server("--max-users", "2")
    for i in range(2):
        User(server.url, f"user{i}")
    answer = Api(server.url).post("/v1/users", {"name": "more"})
    assert answer.status == 503 and answer.json["code"] == "full" and int(answer.headers["Retry-After"]) > 0
    wait_for_line(server, "the server is full (max_users)")


@pytest.mark.parametrize("transport", [Udp, Tcp, Ws])
def test_sip_requests_of_one_address(start_server, transport):
    server = start_server("--limit-loopback", "--sip-requests-per-minute", "3")
    where = address(server.http if transport is Ws else server.sip)

    def ask(peer, number):
        text = OPTIONS.format(transport.__name__.upper(), f"{number}x{id(peer)}", f"{number}x{id(peer)}")
        peer.send(text.encode())
        return Message(peer.receive(10))
    one, other = transport(where, "127.0.0.1"), transport(where, OTHER)
    statuses = [ask(one, i) for i in range(6)]
    assert [m.status for m in statuses] == [200, 200, 200, 503, 503, 503]
    assert int(statuses[-1].get("Retry-After")) > 0
    assert ask(other, 9).status == 200


def test_datagrams_do_not_use_up_what_streams_may_ask(start_server):
    """The source of a datagram can be forged: a victim goes on by TCP."""
    server = start_server("--limit-loopback", "--sip-requests-per-minute", "8")
    where = address(server.sip)
    forger = Udp(where, "127.0.0.1")
    for i in range(50):
        forger.send(OPTIONS.format("UDP", i, i).encode())
    user = User(server.url, "victim")
    ua = Ua(where, user.login, Tcp)
    ua.register()
    ua.close()


# Proxies

@pytest.mark.parametrize("header,form", [("x-forwarded-for", "{}"), ("forwarded", "for={};proto=https")])
def test_clients_behind_a_proxy(start_server, header, form):
    server = start_server("--trusted-proxies", "127.0.0.1, 10.0.0.0/8", "--proxy-header", header,
                          "--requests-per-minute", "3", "--log-level", "debug")  # one is given back in 20 s

    def ask(*hops):
        return Api(server.url).get("/healthz", headers={header: ", ".join(form.format(hop) for hop in hops)})
    answers = [ask("192.0.2.7") for _ in range(5)]
    assert answers[2].status == 200 and is_slow_down(answers[-1])
    assert is_slow_down(ask("1.2.3.4", "192.0.2.7"))             # what the client wrote himself
    assert is_slow_down(ask("1.2.3.4", "192.0.2.7", "10.0.0.9"))
    assert ask("192.0.2.8").status == 200
    assert ask("rubbish").status == ask().status == 200            # the proxy itself, on loopback
    server.logged("192.0.2.7")


def test_user_ip_behind_a_proxy(start_server):
    server = start_server("--trusted-proxies", "127.0.0.1")
    user = User(server.url, "jeden")
    headers = {"X-Forwarded-For": '203.0.113.9, "[2001:db8::5]"'}

    def where(value):
        return user.get("/user-ip/jeden", headers={"X-Forwarded-For": value}).json
    assert where("203.0.113.9, 2001:db8::5") == "2001:db8::5"
    assert where("198.51.100.1:4711") == "198.51.100.1"
    assert where(headers["X-Forwarded-For"]) == "127.0.0.1"        # quoted: rubbish in this header
    assert user.get("/user-ip/jeden", headers={"Forwarded": "for=1.2.3.4"}).json == "127.0.0.1"


@pytest.mark.parametrize("options,said", [((), "they have no limits"), (("--limit-loopback",), "they count as one address")])
def test_a_proxy_that_nobody_named_is_told_of(start_server, options, said):
    """Where the proxy was on the same machine, as it mostly is, its clients had no limits and no suspensions, without a word."""
    server = start_server(*options)
    Api(server.url).get("/healthz")
    assert "trusted_proxies" not in server.log.read_text()
    for address in ("192.0.2.1", "192.0.2.2"):
        Api(server.url).get("/healthz", headers={"X-Forwarded-For": address})
    wait_for_line(server, f"a proxy on this machine asks for others and is not named in trusted_proxies: {said}")
    assert server.log.read_text().count("trusted_proxies") == 1
    assert "192.0.2" not in server.log.read_text()
    named = start_server("--trusted-proxies", "127.0.0.1")
    Api(named.url).get("/healthz", headers={"X-Forwarded-For": "192.0.2.1"})
    assert named.log.read_text().count("trusted_proxies") == 1  # of the one before


def test_who_is_no_proxy_is_not_believed(start_server):
    server = start_server("--trusted-proxies", "10.0.0.0/8")
    user = User(server.url, "jeden")
    assert user.get("/user-ip/jeden", headers={"X-Forwarded-For": "192.0.2.7", "Forwarded": "for=192.0.2.7"}).json == "127.0.0.1"


def test_websockets_behind_a_proxy_are_counted(start_server):
    server = start_server("--trusted-proxies", "127.0.0.1", "--connections-per-address", "2")
    forwarded = "X-Forwarded-For: 192.0.2.7\r\n"
    kept = [Ws(address(server.http), "127.0.0.1", forwarded) for _ in range(2)]
    refused = Api(server.url).get("/sip", headers={
        "X-Forwarded-For": "192.0.2.7", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "sip"})
    assert is_slow_down(refused)
    other = Ws(address(server.http), "127.0.0.1", "X-Forwarded-For: 192.0.2.8\r\n")
    other.socket.close()
    kept[0].socket.close()

    def let_in():
        with contextlib.suppress(ConnectionError):
            Ws(address(server.http), "127.0.0.1", forwarded).socket.close()
            return True
    until("room again", let_in)
    kept[1].socket.close()


# Slow, silent and half-closed clients

QUICK = ("--first-byte-ms", "600", "--header-ms", "800", "--body-ms", "800", "--body-rate", "512", "--idle-ms", "900",
         "--flow-idle-ms", "1500", "--ws-ping-ms", "700")


@pytest.fixture
def quick(start_server):
    return start_server(*QUICK)


def lives_s(peer, drip=b"", since=None, limit_s=12):
    """How long the connection lives while a byte of drip is sent each 100 ms; and what came. since: when it was not yet made."""
    start, got = since or time.monotonic(), b""
    peer.settimeout(0.1)
    while time.monotonic() < start + limit_s:
        with contextlib.suppress(TimeoutError):
            try:
                data = peer.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                return time.monotonic() - start, got
            got += data
        if drip:
            with contextlib.suppress(OSError):
                peer.send(drip[:1])
                drip = drip[1:] or drip
    return limit_s, got


SLOW = {
    "silent": (b"", b"", 0.6, b""),
    "slow header": (b"GET / HTTP/1.1\r\nX: ", b"x", 0.8, b" 408 "),
    "slow body": (b"POST /v1/users HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n",
                  b"x", 0.8, b" 408 "),
    "slow chunks": (b"POST /v1/users HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
                    b"1\r\nx\r\n", 0.8, b" 408 "),
    "idle": (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"", 0.9, b" 200 "),
    "empty lines": (b"", b"\r\n", 0.6, b""),
}


@pytest.mark.parametrize("case", SLOW)
def test_slow_http_is_cut_off(quick, case):
    first, drip, at_least_s, answer = SLOW[case]
    since = time.monotonic()
    with connect(quick.http) as peer:
        peer.sendall(first)
        lived_s, got = lives_s(peer, drip * 100, since)
    assert at_least_s - 0.2 < lived_s < at_least_s + 7, got  # less than where nothing is set
    assert answer in got


@pytest.mark.parametrize("case,first,drip", [("silent", b"", b""), ("a message that never ends", b"", b"OPTIONS sip:a SIP/2.0\r\n")])
def test_slow_sip_is_cut_off(quick, case, first, drip):
    since = time.monotonic()
    with connect(quick.sip) as peer:
        peer.sendall(first)
        lived_s, _ = lives_s(peer, drip, since)
    assert 0.6 < lived_s < 8


def test_keepalives_keep_a_flow(start_server):
    server = start_server("--flow-idle-ms", "4000", "--ws-ping-ms", "3000")
    with connect(server.sip) as peer:
        end = time.monotonic() + 9
        while time.monotonic() < end:
            peer.sendall(b"\r\n\r\n")
            assert peer.recv(2) == b"\r\n"
            time.sleep(0.5)


def answer_pings(peer, pongs, count=4):
    """As often as that, unless it is closed before."""
    while len(pongs) < count and (data := peer.recv(4096)):
        if b"\x89\x00" in data:
            peer.sendall(b"\x8a\x80\0\0\0\0")
            pongs.append(time.monotonic())


def test_a_websocket_without_pong_is_closed_and_with_pong_lives(start_server):
    server = start_server("--flow-idle-ms", "6000", "--ws-ping-ms", "2500")

    def shake():
        peer = connect(server.http)
        peer.sendall(b"GET /sip HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n")
        return peer
    since = time.monotonic()
    with shake() as deaf, shake() as living:
        ours = threading.Thread(target=answer_pings, args=(living, pongs := []))
        ours.start()
        lived_s, got = lives_s(deaf, b"", since, 25)
        ours.join()
    assert 4.5 < lived_s < 20 and b"\x89\x00" in got  # it was asked
    assert len(pongs) == 4


def test_half_closed_clients(server):
    """Who ended his stream asks nothing more: before a request, within one, and while one is held. With no limit that is near."""
    user = User(server.url, "jeden")
    held = (f"POST /v1/turn HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {user.token}\r\nPrefer: wait=30\r\n"
            "Content-Length: 0\r\n\r\n").encode()
    for first in (b"", b"GET / HT", held):
        with connect(server.http) as peer:
            peer.sendall(first)
            time.sleep(0.2)
            peer.shutdown(socket.SHUT_WR)
            lived_s, _ = lives_s(peer)
        assert lived_s < 8
    assert user.status == 0  # out of the pool
    with connect(server.http) as peer:  # a whole request is still answered
        peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        peer.shutdown(socket.SHUT_WR)
        lived_s, got = lives_s(peer)
    assert lived_s < 8 and b" 200 " in got


def test_slow_clients_do_not_slow_others(quick):
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(connect(quick.http)).sendall(b"GET / HTTP/1.1\r\nX: ")
        assert Api(quick.url).get("/healthz").status == 200


# Memory, deaf peers, descriptors

def test_memory_of_a_connection(start_server):
    server = start_server("--header-ms", "60000", "--connections-per-address", "1000")
    Api(server.url).get("/healthz")
    before, count = memory_kib(server), 400
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(connect(server.http)).sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 7000)
        time.sleep(0.5)
        each_kib = (memory_kib(server) - before) / count
    assert each_kib < 24, each_kib


def flood(peer, data, seconds, over=None):
    """Sends as fast as it is taken, reads nothing. over: an event that ends it before."""
    end = time.monotonic() + seconds
    peer.settimeout(0.2)
    while time.monotonic() < end and not (over and over.is_set()):
        try:
            peer.send(data)
        except TimeoutError:
            continue
        except OSError:
            break


def test_a_peer_that_never_reads_costs_nothing(start_server):
    server = start_server("--idle-ms", "60000", "--flow-idle-ms", "60000", "--ws-ping-ms", "50000")
    before = memory_kib(server)
    request = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 200
    text = "".join(OPTIONS.format("TCP", i, i) for i in range(50)).encode()
    with connect(server.http) as web, connect(server.sip) as sip:
        for peer, data in ((web, request), (sip, text)):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            flood(peer, data, 3)
        over = threading.Event()
        keeps_on = threading.Thread(target=flood, args=(web, request, 60, over))
        keeps_on.start()
        calm(server)
        over.set()
        keeps_on.join()
        assert memory_kib(server) - before < 8192
        assert Api(server.url).get("/healthz").status == 200


def test_a_deaf_peer_is_cut_off(start_server):
    server = start_server(*QUICK)
    with connect(server.http) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        flood(peer, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 200, 3)
        until("the end of it", lambda: metric(server, "connections_open") == 1)  # which is ours


def test_out_of_descriptors_costs_nothing_and_passes(start_server):
    server = start_server("--first-byte-ms", "60000")
    held = User(server.url, "jeden")
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (64, 64))
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(connect(server.http)) for _ in range(150)]
        calm(server)
        log = server.log.read_text()
        assert len(log.splitlines()) < 100, log[-2000:]
        crowd[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b" 200 " in crowd[0].recv(4096)  # who is in is served
    assert held.get("/v1/me").status == 200
