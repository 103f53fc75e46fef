"""The API /v1: login, held turns, repetition, leaving, and what hostile clients try."""

import base64
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from api import Api, User
from people import BUILD
from test_api_spec import is_problem


class Held(threading.Thread):
    """A request that is answered later."""

    def __init__(self, call, *args, **kw):
        super().__init__(daemon=True)
        self.work, self.answer, self.took_s = (call, args, kw), None, None
        self.start()

    def run(self):
        call, args, kw = self.work
        begin = time.monotonic()
        self.answer = call(*args, **kw)
        self.took_s = time.monotonic() - begin

    def result(self, limit_s=20):
        self.join(limit_s)
        assert self.answer is not None, "no answer in time"
        return self.answer


def until(what, limit_s=20):
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.01)


def stats(server):
    return Api(server.url).get("/v1/stats").json


def waiting(server, count):
    until(lambda: stats(server)["waiting"] == count)


def drawn(server, first, second, **body):
    """Both turn; returns (caller's user, callee's user, their answers)."""
    a = Held(first.wait_turn, 10, **body)
    waiting(server, 1)
    b = Held(second.wait_turn, 10)
    one, two = a.result().json, b.result().json
    assert (one["role"], two["role"]) == ("callee", "caller")
    return second, first, two, one


def raw(server, data, whole=1):
    """Sends bytes as they are; all that comes back until the server closes, or until so many answers have come, and what follows within a moment."""
    host, port = server.http.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as s:
        s.sendall(data)
        got = b""
        with contextlib.suppress(TimeoutError):
            while chunk := s.recv(65536):
                got += chunk
                if got.count(b"HTTP/1.1 ") >= whole:
                    s.settimeout(0.5)
        return got


def test_login_tells_all_a_client_needs(server):
    answer = Api(server.url).post("/v1/users", {"name": "jeden", "device": "client"})
    assert answer.status == 201 and answer.headers["Location"] == "/v1/me"
    assert answer.headers["Cache-Control"] == "no-store"
    login = answer.json
    assert set(login) == {"name", "exten", "token", "lease_s", "sip", "ice_servers", "relay_only"}
    assert login["name"] == "jeden" and login["exten"] == "111000" and login["lease_s"] == 30
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", login["token"])
    sip = login["sip"]
    assert sip["uri"] == f"sip:jeden@{sip['realm']}" and sip["username"] == "jeden" and len(sip["password"]) >= 20
    assert sip["udp"] == sip["tcp"] == server.sip and sip["ws"] == "/sip" and sip["tls"] is None and sip["mode"] == "embedded"
    assert login["ice_servers"] == [] and login["relay_only"] is False
    second = Api(server.url).post("/v1/users", {"name": "dwa"}).json
    assert second["token"] != login["token"] and second["sip"]["password"] != sip["password"]


def test_a_taken_name_is_refused_and_free_after_logout(server):
    jeden = User(server.url, "Jeden")
    is_problem(Api(server.url).post("/v1/users", {"name": "jEDEN"}), 409, "name_taken")
    assert jeden.delete("/v1/me").status == 204
    is_problem(jeden.get("/v1/me"), 401, "unauthorized")
    assert User(server.url, "jeden").login["exten"] == "111001"


@pytest.mark.parametrize("name", ["", " ", "a b", "x" * 33, "admin", "p\u0430ypal", "a\u202eb", "\U0001f600", "111000", "a\n"])
def test_bad_names(server, name):
    is_problem(Api(server.url).post("/v1/users", {"name": name}), 400, "invalid_name")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"jeden"', b"null", b"{}", b'{"name":7}', b'{"name":null}', b'{"name":["jeden"]}',
                                  b'{"name":"jeden"}x', b'{"name":"jeden","name":"dwa"}', b'{"name":"je\\u0000den"}', b'{"name":"\xff"}',
                                  b'{"name":' + b"[" * 2000 + b"]" * 2000 + b"}", b'{"name":"jeden","device":3}', b"\x00" * 100])
def test_bad_bodies(server, body):
    answer = Api(server.url).post("/v1/users", body, headers={"Content-Type": "application/json"})
    is_problem(answer, 400, "bad_request")
    assert stats(server)["online"] == 0


def test_unknown_device_and_link(server):
    is_problem(Api(server.url).post("/v1/users", {"name": "jeden", "device": "toaster"}), 400, "invalid_device")
    jeden = User(server.url, "jeden")
    is_problem(jeden.post("/v1/turn", {"link": ["rot13"]}), 400, "invalid_link")
    is_problem(jeden.post("/v1/turn", {"link": "gcm"}), 400, "bad_request")
    is_problem(jeden.post("/v1/turn", {"leave": 7}), 400, "bad_request")
    is_problem(jeden.post("/v1/turn", {"leave": "xyz"}), 400, "bad_request")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data"])
def test_bodies_must_be_json(server, kind):
    answer = Api(server.url).post("/v1/users", b'{"name":"jeden"}', headers={"Content-Type": kind} if kind else {})
    is_problem(answer, 415, "unsupported_media_type")
    parameters = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert Api(server.url).post("/v1/users", b'{"name":"jeden"}', headers=parameters).status == 201


def test_sizes_are_limited(server):
    big = Api(server.url).post("/v1/users", {"name": "x" * 20000})
    assert big.status == 413
    assert raw(server, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n").startswith(b"HTTP/1.1 431")
    assert Api(server.url).get("/healthz").json == {"status": "ok"}


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1", "file://", ""])
def test_a_foreign_origin_is_refused_everywhere(server, origin):
    jeden = User(server.url, "jeden")
    for method, path in (("GET", "/healthz"), ("POST", "/v1/users"), ("GET", "/v1/me"), ("DELETE", "/v1/me"), ("GET", "/"), ("GET", "/none"),
                         ("GET", "/user-status")):
        is_problem(jeden.call(method, path, headers={"Origin": origin}), 403, "foreign_origin")
    own = {"Origin": server.url}
    assert jeden.get("/v1/me", headers=own).status == 200


@pytest.mark.parametrize("host,status", [("127.0.0.1", 200), ("127.0.0.1:8080", 200), ("[::1]:8080", 200), ("localhost", 200),
                                         ("LOCALHOST:80", 200), ("myturn.invalid", 200), ("192.0.2.7", 200), ("evil.example", 421),
                                         ("evil.example:8080", 421), ("127.0.0.1.evil.example", 421), ("127.0.0.1@evil", 421),
                                         ("", 421), ("[::1", 421), ("localhost:x", 421), ("localhost:99999", 421)])
def test_only_own_names_in_host(server, host, status):
    answer = Api(server.url).get("/healthz", headers={"Host": host})
    assert answer.status == status, answer
    if status != 200:
        is_problem(answer, 421, "wrong_host")


def test_host_must_be_there_once(server):
    assert raw(server, b"GET /healthz HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400")
    twice = raw(server, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert twice.startswith(b"HTTP/1.1 400")


def test_a_configured_domain_is_a_host(start_server):
    server = start_server("--domain", "talk.example")
    assert Api(server.url).get("/healthz", headers={"Host": "talk.example"}).status == 200
    user = Api(server.url).post("/v1/users", {"name": "jeden"}).json
    assert user["sip"]["uri"] == "sip:jeden@talk.example" and user["sip"]["realm"] == "talk.example"


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 42 + "=", "Bearer", "\u0142".encode().decode("latin-1") * 20])
def test_guessed_tokens(server, token):
    User(server.url, "jeden")
    stranger = Api(server.url)
    for headers in ({}, {"Authorization": f"Bearer {token}"}, {"Authorization": f"Basic {token}"}, {"Authorization": token}):
        for method, path in (("GET", "/v1/me"), ("POST", "/v1/turn"), ("DELETE", "/v1/me"), ("GET", "/get-peer/jeden")):
            answer = stranger.call(method, path, headers=headers)
            is_problem(answer, 401, "unauthorized")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_one_users_token_does_not_open_anothers_door(server):
    jeden, _ = User(server.url, "jeden"), User(server.url, "dwa")
    for method, path in (("GET", "/get-peer/dwa"), ("PUT", "/update-status-rdy/dwa"), ("DELETE", "/delete-user/dwa"), ("GET", "/user-ip/dwa")):
        is_problem(jeden.call(method, path), 404, "not_found")


def test_two_turns_make_a_pair(server):
    jeden, dwa = User(server.url, "jeden"), User(server.url, "dwa")
    caller, callee, one, two = drawn(server, jeden, dwa)
    assert one["state"] == two["state"] == "paired" and one["pair"] == two["pair"] and re.fullmatch("[0-9a-f]{32}", one["pair"])
    assert one["partner"] == {"name": callee.name, "exten": callee.login["exten"]}
    assert two["partner"] == {"name": caller.name, "exten": caller.login["exten"]}
    assert one["connect_s"] == 15 and one["ice_servers"] == []
    me = callee.get("/v1/me").json
    assert me["status"] == 3 and me["pair"] == one["pair"] and me["role"] == "callee" and me["talking"] is False
    assert caller.get("/v1/me").json["status"] == 2
    again = caller.wait_turn(5)
    assert again.json == one  # repeated while paired
    assert stats(server) == {"online": 2, "waiting": 0, "talking": 2}


def test_time_over_answers_waiting(server):
    jeden = User(server.url, "jeden")
    held = Held(jeden.wait_turn, 1)
    answer = held.result()
    assert answer.json == {"state": "waiting", "ready": 1, "online": 1} and 0.9 < held.took_s < 8
    assert answer.headers["Preference-Applied"] == "wait=1"
    assert jeden.post("/v1/turn").json["state"] == "waiting"  # no Prefer, no body: answered at once
    assert "Preference-Applied" not in jeden.post("/v1/turn").headers


def test_nobody_is_drawn_between_two_of_his_requests(server):
    jeden, dwa = User(server.url, "jeden"), User(server.url, "dwa")
    assert jeden.wait_turn(1).json["state"] == "waiting"
    assert dwa.wait_turn(1).json["state"] == "waiting"


def test_a_newer_turn_supersedes(server):
    jeden = User(server.url, "jeden")
    first = Held(jeden.wait_turn, 10)
    waiting(server, 1)
    second = Held(jeden.wait_turn, 10)
    is_problem(first.result(), 409, "superseded")
    assert stats(server)["waiting"] == 1
    caller = User(server.url, "dwa").wait_turn(5).json
    assert second.result().json["pair"] == caller["pair"]


def test_breaking_the_connection_leaves_the_pool(server):
    jeden = User(server.url, "jeden")
    host, port = server.http.rsplit(":", 1)
    s = socket.create_connection((host, int(port)))
    s.sendall(f"POST /v1/turn HTTP/1.1\r\nHost: {server.http}\r\nAuthorization: Bearer {jeden.token}\r\nPrefer: wait=30\r\n"
              "Content-Length: 0\r\n\r\n".encode())
    waiting(server, 1)
    s.close()
    waiting(server, 0)
    assert jeden.get("/v1/me").json["status"] == 0


def test_leaving_by_another_request(server):
    jeden = User(server.url, "jeden")
    held = Held(jeden.wait_turn, 10)
    waiting(server, 1)
    assert jeden.delete("/v1/turn").status == 204
    is_problem(held.result(), 409, "left")
    assert stats(server)["waiting"] == 0
    assert jeden.delete("/v1/turn").status == 204  # again is harmless


def test_delete_ends_the_named_pair_only(server):
    jeden, dwa = User(server.url, "jeden"), User(server.url, "dwa")
    caller, callee, one, _ = drawn(server, jeden, dwa)
    answer = caller.delete("/v1/turn")
    assert is_problem(answer, 409, "paired") and answer.json["pair"] == one["pair"]
    assert caller.delete("/v1/turn?pair=" + "0" * 32).status == 204
    assert caller.get("/v1/me").json["pair"] == one["pair"]
    is_problem(caller.delete("/v1/turn?pair=nonsense"), 400, "bad_request")
    assert caller.delete("/v1/turn?pair=" + one["pair"]).status == 204
    for user in (caller, callee):
        me = user.get("/v1/me").json
        assert me["status"] == 0 and me["pair"] is None and me["partner"] is None
    assert callee.delete("/v1/turn?pair=" + one["pair"]).status == 204


def test_leave_and_turn_in_one_step(server):
    """The next-storm path: three users, one leaves the pair and is drawn at once for the third, who has been waiting."""
    jeden, dwa, trzy = (User(server.url, name) for name in ("jeden", "dwa", "trzy"))
    caller, callee, one, _ = drawn(server, jeden, dwa)
    third = Held(trzy.wait_turn, 10)
    waiting(server, 1)
    answer = caller.wait_turn(10, leave=one["pair"]).json
    assert answer["partner"]["name"] == "trzy" and answer["pair"] != one["pair"] and answer["role"] == "caller"
    assert third.result().json["pair"] == answer["pair"]
    assert callee.get("/v1/me").json["status"] == 0
    # an old pair's name ends nothing
    assert caller.wait_turn(1, leave=one["pair"]).json["pair"] == answer["pair"]


def test_me_is_answered_at_the_next_change(server):
    jeden, dwa = User(server.url, "jeden"), User(server.url, "dwa")
    first = jeden.get("/v1/me")
    tag = first.headers["ETag"]
    held = Held(jeden.get, "/v1/me", headers={"Prefer": "wait=10", "If-None-Match": tag})
    time.sleep(0.2)
    assert held.answer is None
    jeden.put("/update-status-rdy/jeden")
    assert held.result().json["status"] == 1 and held.result().headers["Preference-Applied"] == "wait=10"
    old = Held(jeden.get, "/v1/me", headers={"Prefer": "wait=10", "If-None-Match": tag})
    assert old.result().json["status"] == 1 and old.took_s < 8  # what is out of date is answered at once
    held = Held(jeden.get, "/v1/me", headers={"Prefer": "wait=10"})
    time.sleep(0.2)
    dwa.put("/update-status-rdy/dwa")
    assert dwa.get("/get-peer/dwa").status == 202
    assert held.result().json["partner"]["name"] == "dwa"
    timed = Held(jeden.get, "/v1/me", headers={"Prefer": "wait=1"})
    assert timed.result().json["role"] == "callee"


def test_logout_answers_what_is_held(server):
    jeden = User(server.url, "jeden")
    turn, me = Held(jeden.wait_turn, 10), Held(jeden.get, "/v1/me", headers={"Prefer": "wait=10"})
    waiting(server, 1)
    time.sleep(0.1)
    assert jeden.delete("/v1/me").status == 204
    is_problem(turn.result(), 401, "unauthorized")
    me.result()
    assert stats(server) == {"online": 0, "waiting": 0, "talking": 0}


def test_a_partner_who_logs_out_before_it_is_told_is_never_shown(server):
    """The callee is on the specification's routes and never confirms: the caller's request is still held when he goes."""
    jeden, dwa = User(server.url, "jeden"), User(server.url, "dwa")
    jeden.put("/update-status-rdy/jeden")
    held = Held(dwa.wait_turn, 6)
    until(lambda: jeden.get("/get-peer/jeden").status in (230, 202))
    time.sleep(0.1)
    if jeden.get("/v1/me").json["role"] == "callee":
        assert held.answer is None
        jeden.delete("/v1/me")
        assert held.result().json["state"] == "waiting"


def test_a_thousand_logins_are_told_apart(server):
    api = Api(server.url)
    tokens = set()
    for i in range(300):
        answer = api.post("/v1/users", {"name": f"user{i}"})
        assert answer.status == 201
        tokens.add(answer.json["token"])
    assert len(tokens) == 300 and stats(server)["online"] == 300


def handshake(server, protocol="sip", path="/sip", **headers):
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {path} HTTP/1.1", f"Host: {server.http}", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}",
             "Sec-WebSocket-Version: 13"] + ([f"Sec-WebSocket-Protocol: {protocol}"] if protocol else [])
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return raw(server, ("\r\n".join(lines) + "\r\n\r\n").encode())


def test_websocket_handshakes(server):
    good = handshake(server)
    assert good.startswith(b"HTTP/1.1 101") and b"sec-websocket-protocol: sip" in good.lower()
    assert handshake(server, "chat, sip").startswith(b"HTTP/1.1 101")
    assert handshake(server, Origin=server.url).startswith(b"HTTP/1.1 101")
    assert handshake(server, Origin="http://evil.example").startswith(b"HTTP/1.1 403")
    assert handshake(server, None).startswith(b"HTTP/1.1 400")
    assert handshake(server, "chat").startswith(b"HTTP/1.1 400")
    assert handshake(server, path="/other").startswith(b"HTTP/1.1 404")
    is_problem(Api(server.url).get("/sip"), 400, "bad_request")


def test_the_plain_page_and_metrics(server):
    page = Api(server.url).get("/")
    assert page.status == 200 and b"myturn --server" in page.raw
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    head = Api(server.url).call("HEAD", "/")
    assert head.status == 200 and head.raw == b"" and int(head.headers["Content-Length"]) == len(page.raw)
    User(server.url, "jeden")
    metrics = Api(server.url).get("/metrics").raw.decode()
    assert "myturn_users{status=\"busy\"} 1\n" in metrics and "jeden" not in metrics
    is_problem(Api(server.url).get("/favicon.ico"), 404, "not_found")


def test_the_web_folder(start_server, tmp_path):
    web = tmp_path / "web"
    (web / "sub").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html>")
    (web / "app-3FKQZ2XJ.js").write_text("let a")
    (web / "app-3FKQZ2XJ.js.gz").write_bytes(b"\x1f\x8bgz")
    (web / "sub/index.html").write_text("sub")
    (web / ".secret").write_text("secret")
    (tmp_path / "outside.txt").write_text("secret")
    (web / "link.txt").symlink_to(tmp_path / "outside.txt")
    (web / "inside.html").symlink_to(web / "index.html")
    server = start_server("--web", web)
    get = Api(server.url).get
    index = get("/")
    assert index.raw == b"<!doctype html>" and index.headers["Content-Type"] == "text/html; charset=utf-8"
    assert index.headers["Cache-Control"] == "no-cache" and index.headers["X-Content-Type-Options"] == "nosniff"
    assert get("/", headers={"If-None-Match": index.headers["ETag"]}).status == 304
    assert get("/sub/").raw == b"sub" and get("/inside.html").status == 200
    script = get("/app-3FKQZ2XJ.js")
    assert "immutable" in script.headers["Cache-Control"] and script.headers["Content-Type"].startswith("text/javascript")
    packed = get("/app-3FKQZ2XJ.js", headers={"Accept-Encoding": "br;q=0, gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and packed.raw == b"\x1f\x8bgz" and packed.headers["Vary"] == "Accept-Encoding"
    for path in ("/.secret", "/link.txt", "/../outside.txt", "/%2e%2e/outside.txt", "/sub/../../outside.txt", "/sub", "//etc/passwd",
                 "/index.html%00.js", "/sub%2f..%2f..%2foutside.txt"):
        answer = get(path)
        assert answer.status == 404 and b"secret" not in answer.raw, path
    (web / "index.html").write_text("new")
    server.process.send_signal(signal.SIGHUP)
    until(lambda: get("/").raw == b"new")


def test_an_unreadable_web_folder_is_said_at_once(tmp_path):
    done = subprocess.run([BUILD / "myturnd", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--web", tmp_path / "none"],
                          capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and "none" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("options,word", [(["--http", "x"], "ADDR:PORT"), (["--bogus"], "--bogus"),
                                          (["--http", "0.0.0.0:0", "--open-api"], "open_api_anywhere")])
def test_wrong_options_exit_2(options, word):
    done = subprocess.run([BUILD / "myturnd", *options], capture_output=True, text=True, timeout=10)
    assert done.returncode == 2 and word in done.stderr and done.stdout == ""


def test_help_and_version():
    for option in ("--help", "--version"):
        done = subprocess.run([BUILD / "myturnd", option], capture_output=True, text=True, timeout=10)
        assert done.returncode == 0 and "myturnd" in done.stdout and done.stderr == ""


def test_a_port_in_use_is_said(server):
    done = subprocess.run([BUILD / "myturnd", "--http", server.http, "--sip", "127.0.0.1:0"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and "ERROR" in done.stderr and done.stdout == ""


def test_operator_file_checks(tmp_path):
    token = tmp_path / "token"
    token.write_text("short\n")
    done = subprocess.run([BUILD / "myturnd", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--operator-token-file", token],
                          capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and "16 to 256" in done.stderr


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(server, sig):
    jeden, dwa = User(server.url, "jeden"), User(server.url, "dwa")
    held = Held(jeden.wait_turn, 20)
    waiting(server, 1)
    server.process.send_signal(sig)
    is_problem(held.result(10), 503, "shutting_down")  # and not when its time is over
    assert server.process.wait(10) == 0
    assert "logout" in server.log.read_text() and dwa.token not in server.log.read_text()


def test_plain_http_beyond_loopback_is_warned_of(start_server):
    server = start_server(http="0.0.0.0:0")
    server.logged("plain HTTP")
    server.url = server.url.replace("0.0.0.0", "127.0.0.1")
    assert Api(server.url).get("/healthz").status == 200


def test_slow_and_broken_requests_harm_nobody(server):
    """Half requests, floods of pipelined ones, and nonsense, while an ordinary user goes on."""
    host, port = server.http.rsplit(":", 1)
    half = [socket.create_connection((host, int(port))) for _ in range(50)]
    for s in half:
        s.sendall(b"POST /v1/users HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le")
    many = raw(server, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 50, whole=50)
    assert many.count(b"HTTP/1.1 200") == 50
    for nonsense in (b"\r\n\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET  HTTP/1.1\r\n\r\n", b"INVITE sip:x SIP/2.0\r\n\r\n", os.urandom(2000)):
        with socket.create_connection((host, int(port))) as s:
            s.sendall(nonsense)
    both = b"POST /v1/users HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert raw(server, both).startswith(b"HTTP/1.1 400")
    assert json.loads(Api(server.url).get("/v1/stats").raw)["online"] == 0
    for s in half:
        s.close()
