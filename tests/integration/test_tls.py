"""TLS as its peers see it: curl, openssl, Python's ssl, JsSIP and a scripted SIP agent; certificates, their renewal, and those who break off (C10)."""

import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import struct
import subprocess
import time

import pytest

from api import User, pair
from people import BUILD
from sip_ua import Tcp, Tls, Ua, Udp, Ws, Wss, trusting
from test_jssip import JS  # noqa: E402

CLEAR = ["--http", "127.0.0.1:0", "--sip", "127.0.0.1:0"]
SECURE = ["--https", "127.0.0.1:0", "--sips", "127.0.0.1:0"]


def openssl(*words, **kw):
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, timeout=20, **kw)


class Authority:
    """A root, and under it certificates for localhost."""

    def __init__(self, folder):
        self.folder, self.root, self.count = folder, folder / "root.pem", 0
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        assert openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9", "-subj", "/CN=Test root",
                       "-addext", "keyUsage=critical,keyCertSign,cRLSign",  # Python 3.13 is strict
                       "-keyout", folder / "root.key", "-out", self.root).returncode == 0
        self.issue()

    def issue(self, kind=("rsa", "rsa:2048")):
        self.count += 1
        request, ext = self.folder / "req.pem", self.folder / "ext"
        ext.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n"
                       "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        assert openssl("req", "-newkey", kind[1], "-nodes", "-subj", "/CN=localhost", "-keyout", self.key, "-out", request).returncode == 0
        made = openssl("x509", "-req", "-in", request, "-CA", self.root, "-CAkey", self.folder / "root.key", "-days", "5", "-extfile", ext,
                       "-set_serial", str(1000 + self.count))
        assert made.returncode == 0, made.stderr
        self.cert.write_bytes(made.stdout + self.root.read_bytes())
        self.key.chmod(0o600)

    @property
    def options(self):
        return ["--tls-cert", str(self.cert), "--tls-key", str(self.key)]

    @property
    def context(self):
        return ssl.create_default_context(cafile=str(self.root))


@pytest.fixture
def authority(tmp_path):
    folder = tmp_path / "ca"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture
def secure(start_server):
    return start_server(*SECURE, "--self-signed")


def split(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def shown(address):
    """The certificate that a new connection is shown, as its SHA-256."""
    with socket.create_connection(split(address), 5) as plain, trusting().wrap_socket(plain) as link:
        return hashlib.sha256(link.getpeercert(True)).hexdigest()


def curl(server, path, *options):
    return subprocess.run(["curl", "-sS", "-i", "--max-time", "10", *map(str, options), f"https://localhost:{split(server.https)[1]}{path}"],
                          capture_output=True, text=True, timeout=20)


def log_has(server, pattern):
    return re.search(pattern, server.logged(pattern))


def rss_kib(server):
    return int(re.search(r"RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{server.process.pid}/status").read_text()).group(1))


# -- HTTPS

def test_curl_with_a_certificate_from_files(start_server, authority):
    server = start_server(*SECURE, *authority.options)
    answer = curl(server, "/healthz", "--cacert", authority.root)
    assert answer.stdout.startswith("HTTP/1.1 200 OK\r\n") or answer.stdout.startswith("HTTP/1.1 200 OK\n"), answer
    assert "Strict-Transport-Security: max-age=15552000" in answer.stdout
    assert "Strict-Transport-Security" in curl(server, "/nothing", "--cacert", authority.root).stdout
    login = curl(server, "/v1/users", "--cacert", authority.root, "-H", "Content-Type: application/json", "-d", '{"name":"jeden"}')
    sip = json.loads(login.stdout.split("\n\n" if "\r" not in login.stdout else "\r\n\r\n")[-1])["sip"]
    assert sip["tls"] == server.sips and sip["tcp"] == server.sip
    assert curl(server, "/healthz").returncode == 60  # an authority that curl does not know
    assert curl(server, "/healthz", "-k", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0").returncode == 35
    plain = subprocess.run(["curl", "-sS", "-i", f"http://{server.https}/healthz"], capture_output=True, text=True, timeout=20)
    assert " 400 " in plain.stdout and "https://" in plain.stdout


def test_openssl_client(secure):
    def client(*options):
        out = openssl("s_client", "-connect", secure.https, *options, input=b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        return out.stdout.decode(errors="replace") + out.stderr.decode(errors="replace")
    assert "TLSv1.3" in client("-ign_eof") and '{"status":"ok"}' in client("-ign_eof")
    old = client("-ign_eof", "-tls1_2")
    assert "TLSv1.2" in old and "Secure Renegotiation IS supported" in old and '{"status":"ok"}' in old
    assert "New, (NONE)" in client("-tls1_2", "-cipher", "AES128-SHA:AES256-GCM-SHA384")  # no forward secrecy
    assert "ALPN protocol: http/1.1" in client("-alpn", "h2,http/1.1")
    assert "no application protocol" in client("-alpn", "h2")
    assert "Reused" not in client("-reconnect", "-tls1_2")


def test_self_signed(secure, tmp_path):
    found = log_has(secure, r"self-signed certificate, valid until \S+, SHA-256 ([0-9A-F:]{95})\n")
    assert found.group(1).replace(":", "").lower() == shown(secure.https) == shown(secure.sips)
    pem = tmp_path / "own.pem"
    pem.write_text(ssl.get_server_certificate(split(secure.https)))
    context = ssl.create_default_context(cafile=str(pem))  # who trusts it finds the address in it
    for name in ("127.0.0.1", "localhost", "myturn.invalid"):
        with socket.create_connection(split(secure.https), 5) as plain, context.wrap_socket(plain, server_hostname=name) as link:
            link.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = link.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200") and b"Strict-Transport" not in answer


def test_wildcard_is_told_by_the_name_the_client_came_with(start_server):
    server = start_server("--https", "0.0.0.0:0", "--sips", "0.0.0.0:0", "--self-signed")
    port = split(server.https)[1]
    with socket.create_connection(("127.0.0.1", port), 5) as plain, trusting().wrap_socket(plain) as link:
        body = b'{"name":"jeden"}'
        link.sendall(b"POST /v1/users HTTP/1.1\r\nHost: localhost:%d\r\nOrigin: https://localhost:%d\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (port, port, len(body), body))
        answer = b""
        while data := link.recv(4096):
            answer += data
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["sip"]["tls"] == f"localhost:{split(server.sips)[1]}"


# -- SIP

def endpoint(server, transport):
    return split({Udp: server.sip, Tcp: server.sip, Ws: server.http, Tls: server.sips, Wss: server.https}[transport])


@pytest.mark.parametrize("a,b", [(Tls, Tls), (Tls, Udp), (Tcp, Tls), (Wss, Tls), (Ws, Wss)])
def test_call(secure, a, b):
    users = [User(secure.url, "jeden"), User(secure.url, "dwa")]
    caller, callee = (Ua(endpoint(secure, t), u.login, t) for t, u in zip((a, b), users))
    caller.register()
    callee.register()
    call = caller.invite(pair(*users)["exten"])
    invite = callee.expect("INVITE")
    assert f"SIP/2.0/{callee.link.name} " in invite.all("Via")[0]
    if b is Tls:  # where to come back to, also for one whose connection is gone
        assert f"@{secure.sips};transport=tls" in invite.get("Contact") and f"@{secure.sips};transport=tls;lr" in invite.get("Record-Route")
    other = callee.answer(invite)
    caller.expect(180)
    caller.ack(call, caller.expect(200))
    callee.expect("ACK")
    callee.bye(other)
    caller.reply(caller.expect("BYE"), 200, "OK")
    callee.expect(200)
    log_has(secure, rf"registered.*over {a.name.lower()}\b")
    caller.close()
    callee.close()


def test_a_lost_tls_connection_takes_its_binding_along(secure):
    user = User(secure.url, "jeden")
    ua = Ua(endpoint(secure, Tls), user.login, Tls)
    ua.register()
    assert user.get("/v1/me").json["registered"]
    ua.close()
    end = time.monotonic() + 10
    while user.get("/v1/me").json["registered"]:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_jssip_over_wss(start_server, authority, jssip):
    server = start_server(*SECURE, *authority.options)
    sip = User(server.url, "jeden").login["sip"]
    wish = {"url": f"wss://localhost:{split(server.https)[1]}/sip", "uri": sip["uri"], "username": sip["username"],
            "password": sip["password"], "only_register": True}
    done = subprocess.run(["node", "register_and_call.js", json.dumps(wish)], cwd=JS, capture_output=True, text=True, timeout=30,
                          env={**os.environ, "NODE_EXTRA_CA_CERTS": str(authority.root)})
    assert done.returncode == 0 and '"registered"' in done.stdout, done
    log_has(server, r"registered.*over wss")


# -- certificates

def test_reload(start_server, authority):
    server = start_server(*SECURE, *authority.options)
    before = shown(server.https)
    old = authority.context.wrap_socket(socket.create_connection(split(server.https), 5), server_hostname="localhost")
    authority.issue(("ec", "ed25519"))
    server.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 20
    while (now := shown(server.https)) == before:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert shown(server.sips) == now
    authority.key.write_text("broken")
    server.process.send_signal(signal.SIGHUP)
    log_has(server, r"ERROR.*the certificate from before stays in use")
    assert shown(server.https) == now
    old.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert old.recv(4096).startswith(b"HTTP/1.1 200")
    old.close()


@pytest.mark.parametrize("spoil,word", [("none", "No such file"), ("other", "does not belong"), ("text", "no private key"), ("locked", "no private key")])
def test_bad_files_are_said(authority, spoil, word):
    if spoil == "none":
        authority.key.unlink()
    elif spoil == "other":
        authority.key.write_bytes((authority.folder / "root.key").read_bytes())
    elif spoil == "text":
        authority.key.write_text("nonsense")
    else:
        locked = openssl("pkey", "-in", authority.key, "-aes128", "-passout", "pass:x").stdout
        authority.key.write_bytes(locked)
    done = subprocess.run([BUILD / "myturnd", *CLEAR, *SECURE, *authority.options], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and word in done.stderr and "key.pem" in done.stderr and done.stdout == "", done


@pytest.mark.parametrize("options,word", [(SECURE, "self_signed"), (["--self-signed"], "https"), ([*SECURE, "--tls-cert", "x"], "tls_key")])
def test_half_options_exit_2(options, word):
    done = subprocess.run([BUILD / "myturnd", *CLEAR, *options], capture_output=True, text=True, timeout=10)
    assert done.returncode == 2 and word in done.stderr and done.stdout == ""


def test_plain_http_beyond_loopback_is_warned_about(start_server):
    server = start_server(http="0.0.0.0:0")
    log_has(server, r"WARN.*plain HTTP.*--https")


# -- those who break off

def hello():
    """The first flight of a client, as bytes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    link = trusting().wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        link.do_handshake()
    return outgoing.read()


def break_off(address, count, bytes_of):
    for i in range(count):
        with socket.create_connection(split(address), 5) as link:
            data = bytes_of(i)
            if data:
                link.sendall(data)
            if i % 3 == 0:
                link.recv(1 if i % 2 else 65536) if len(data) > 400 else None
            if i % 2:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def settled_kib(server, idle):
    """Once all connections are gone."""
    end = time.monotonic() + 15
    while descriptors(server) > idle:
        assert time.monotonic() < end
        time.sleep(0.05)
    return rss_kib(server)


def test_broken_off_handshakes_leave_nothing(secure):
    shown(secure.https)  # the first connection opens what stays open
    time.sleep(0.3)
    idle = descriptors(secure)
    first = hello()
    parts = [b"", first[:3], first[:60], first, first + b"\x17\x03\x03\x00\x20" + bytes(32), b"GET / HTTP/1.1\r\n\r\n", os.urandom(300)]
    for address in (secure.https, secure.sips):  # whatever is kept once is there after this
        break_off(address, 500, lambda i: parts[i % len(parts)])
    before = settled_kib(secure, idle)
    for address in (secure.https, secure.sips):
        break_off(address, 2000, lambda i: parts[i % len(parts)])
        break_off(address, 500, lambda i: b"")
    after = settled_kib(secure, idle)
    print(f"anonymous memory {before} KiB, after 5,000 broken-off handshakes {after} KiB")
    if "asan" not in pathlib.Path(f"/proc/{secure.process.pid}/maps").read_text():  # which keeps what was freed for a while
        assert after - before < 1024
    assert curl(secure, "/healthz", "-k").stdout.startswith("HTTP/1.1 200")
    assert len(secure.log.read_text().splitlines()) < 40


def test_a_crowd_in_the_handshake_leaves_nothing(secure):
    shown(secure.https)
    before, half, crowd = rss_kib(secure), hello()[:300], []
    for _ in range(600):  # each from a byte on costs what OpenSSL costs
        crowd.append(socket.create_connection(split(secure.https), 5))
        crowd[-1].sendall(half)
    assert curl(secure, "/healthz", "-k").stdout.startswith("HTTP/1.1 200")
    for link in crowd:
        link.close()
    end = time.monotonic() + 10
    while rss_kib(secure) - before > 1024:
        if "asan" in pathlib.Path(f"/proc/{secure.process.pid}/maps").read_text():
            break
        assert time.monotonic() < end, (before, rss_kib(secure))
        time.sleep(0.1)


def test_a_slow_handshake_ends_after_ten_seconds(secure):
    begin = time.monotonic()
    silent, begun = (socket.create_connection(split(a), 5) for a in (secure.https, secure.sips))
    begun.sendall(hello()[:40])
    for link in (silent, begun):
        link.settimeout(25)
        try:
            assert link.recv(100) == b""
        except ConnectionResetError:
            pass
        link.close()
    assert 9 < time.monotonic() - begin < 25  # the first byte of what is not TLS may take 30
