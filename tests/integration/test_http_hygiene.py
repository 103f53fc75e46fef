"""Smuggled requests against the running daemon (RFC 9112 section 11): whatever is unclear about where a request ends has no effect and ends
the connection. The parser's own cases are in tests/conformance/test_rfc9112.c; here it is shown that nothing behind them is ever done."""

import json
import re
import socket

import pytest

from api import Api, User

LOGIN = b'{"name":"duch"}'
HOST = b"Host: 127.0.0.1\r\n"


def post(path, body, *lines):
    """A request of an ordinary client."""
    head = b"".join(line + b"\r\n" for line in lines)
    return (b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body) + head
            + b"\r\n" + body)


GHOST = post(b"/v1/users", LOGIN)  # would log somebody in
STATS = b"GET /v1/stats HTTP/1.1\r\n" + HOST + b"\r\n"


def exchange(server, data, limit_s=5):
    """Statuses of the answers, and whether the server ended the connection; it is asked for /v1/stats last, so no time-out is waited for."""
    host, port = server.http.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=limit_s) as s:
        s.sendall(data)
        got = b""
        while not got.endswith(b"}") or got.count(b'"online"') == 0:
            chunk = s.recv(65536)
            if not chunk:
                return statuses(got), True
            got += chunk
    return statuses(got), False


def statuses(got):
    return [int(n) for n in re.findall(rb"HTTP/1\.1 (\d{3}) ", got)]


def online(server):
    return Api(server.url).get("/v1/stats").json["online"]


CARRIER = b"POST /v1/turn HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
UNCLEAR = {
    "both lengths": CARRIER + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, the other way": CARRIER + b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n" % (5 + len(GHOST)),
    "two lengths": CARRIER + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(GHOST),
    "two equal lengths": CARRIER + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "list of lengths": CARRIER + b"Content-Length: 0, %d\r\n\r\n" % len(GHOST),
    "signed length": CARRIER + b"Content-Length: +0\r\n\r\n",
    "huge length": CARRIER + b"Content-Length: 18446744073709551616\r\n\r\n",
    "length before a blank": CARRIER + b"Content-Length : %d\r\n\r\n" % len(GHOST),
    "folded length": CARRIER + b"Content-Length:\r\n %d\r\n\r\n" % len(GHOST),
    "length behind bare LF": CARRIER + b"X: y\nContent-Length: %d\r\n\r\n" % len(GHOST),
    "length behind bare CR": CARRIER + b"X: y\rContent-Length: %d\r\n\r\n" % len(GHOST),
    "length behind NUL": CARRIER + b"X: y\0\r\nContent-Length: 0\r\n\r\n",
    "name cut by NUL": CARRIER + b"Content-Length\0: %d\r\n\r\n" % len(GHOST),
    "chunked and identity": CARRIER + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": CARRIER + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked behind a control character": CARRIER + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked of HTTP/1.0": CARRIER.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk size overflows": CARRIER + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n0\r\n\r\n",
    "chunk extension hides a line": CARRIER + b"Transfer-Encoding: chunked\r\n\r\n0;\nx\r\n\r\n",
    "chunk longer than said": CARRIER + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    "request as trailer": CARRIER + b"Transfer-Encoding: chunked\r\n\r\n0\r\nGET /healthz HTTP/1.1\r\n\r\n",
    "no name": CARRIER + b": x\r\n\r\n",
    "lower-case method": b"post / HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "authority-form": b"CONNECT 127.0.0.1:5060 HTTP/1.1\r\n" + HOST + b"\r\n",
    "another host in absolute-form": b"GET http://evil.example/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "two hosts": b"GET / HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n",
    "HTTP/1.0, then more": b"GET /healthz HTTP/1.0\r\n" + HOST + b"\r\n",
    "close, then more": b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    "refused upgrade, then more": b"GET /sip HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
}


@pytest.mark.parametrize("what", UNCLEAR)
def test_nothing_behind_an_unclear_request_is_done(server, what):
    got, ended = exchange(server, UNCLEAR[what] + GHOST + STATS)
    assert ended and len(got) == 1, (got, ended)
    assert got[0] in (200, 400, 413, 426, 501, 505), got
    assert (got[0] == 200) == what.endswith("then more") or got[0] == 426, got
    assert online(server) == 0
    assert User(server.url, "jeden").login["name"] == "jeden"  # everybody else goes on


REFUSED_WITH_BODY = {
    404: b"/nowhere",
    405: b"/healthz",
    401: b"/v1/turn",
}


@pytest.mark.parametrize("status", REFUSED_WITH_BODY)
def test_the_body_of_a_refused_request_is_no_request(server, status):
    """A server that answers before it has read the body may not read the body as what comes next."""
    got, ended = exchange(server, post(REFUSED_WITH_BODY[status], GHOST) + STATS)
    assert got == [status, 200] and not ended
    assert online(server) == 0


def test_a_request_in_a_body_of_a_wrong_type_is_none(server):
    data = post(b"/v1/users", GHOST).replace(b"application/json", b"text/plain", 1)
    assert exchange(server, data + STATS)[0] == [415, 200]
    assert online(server) == 0


def test_pipelined_requests_are_done_in_order_and_once(server):
    names = [b'{"name":"n%d"}' % i for i in range(20)]
    got, ended = exchange(server, b"".join(post(b"/v1/users", n) for n in names) + STATS)
    assert got == [201] * 20 + [200] and not ended
    assert online(server) == 20


def test_answers_without_body_do_not_shift_the_next(server):
    """HEAD, and 204: a length that is named but not sent, or a body where none is expected, would be taken for the next answer."""
    one = User(server.url, "jeden")
    auth = b"Authorization: Bearer " + one.token.encode() + b"\r\n"
    data = (b"HEAD /v1/stats HTTP/1.1\r\n" + HOST + b"\r\n"
            b"DELETE /v1/turn?pair=00000000000000000000000000000000 HTTP/1.1\r\n" + HOST + auth + b"\r\n"
            b"DELETE /v1/me HTTP/1.1\r\n" + HOST + auth + b"\r\n")
    host, port = server.http.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=5) as s:
        s.sendall(data + STATS)
        got = b""
        while b'"online"' not in got:
            chunk = s.recv(65536)
            assert chunk, got
            got += chunk
    heads = []
    while got:  # read as a client reads it
        head, _, got = got.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        length = re.search(rb"Content-Length: (\d+)", head)
        heads.append(status)
        if status != 204 and len(heads) > 1:
            body, got = got[:int(length.group(1))], got[int(length.group(1)):]
            json.loads(body)
    assert heads[0] == 200 and heads[-2:] == [204, 200], heads
    assert len(heads) == 4


@pytest.mark.parametrize("name", ["%0d%0aSet-Cookie:%20a=b", "%0aHTTP/1.1%20200%20OK", "a%00b", "%c4%8d%c4%8a", "..%2f..%2fetc%2fpasswd"])
@pytest.mark.parametrize("route", ["GET /user-status/{}", "GET /user-ip/{}", "POST /add-user-to-sip-exten-conf/{}", "GET /{}", "GET /?x={}"])
def test_answers_cannot_be_split(server, route, name):
    line = route.format(name).encode()
    host, port = server.http.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=5) as s:
        s.sendall(line + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        got = b""
        while chunk := s.recv(65536):
            got += chunk
    head = got.partition(b"\r\n\r\n")[0]
    assert got.count(b"HTTP/1.1 ") == 1 and b"Set-Cookie" not in head, got
    assert all(re.fullmatch(rb"[A-Za-z-]+: [\x20-\x7e]*", one) for one in head.split(b"\r\n")[1:]), head
