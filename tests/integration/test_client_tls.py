"""The native client over TLS: HTTPS and SIP over TLS with the server's certificate really checked, and nothing in the clear when it is not good."""

import datetime
import http.server
import json
import re
import socket
import ssl
import subprocess
import threading

import pytest

from people import BUILD, Person, everybody, pause, wait
from test_tls import SECURE, Authority, openssl, split


@pytest.fixture
def authority(tmp_path):
    folder = tmp_path / "ca"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture
def people(tmp_path):
    them = []

    def make(name, url, *options):
        them.append(Person(name, url, tmp_path, options=options, mic="none", speaker="none"))
        return them[-1]
    yield make
    for one in them:
        one.close()


def https(server, host="localhost"):
    return f"https://{host}:{split(server.https)[1]}"


def issue(authority, names, *dates):
    """A certificate with these names, valid from and to."""
    folder = authority.folder
    (folder / "ext").write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
    (folder / "db").write_text("")
    (folder / "serial").write_text("77\n")
    (folder / "cnf").write_text(f"[ca]\ndefault_ca=a\n[a]\ndatabase={folder}/db\nserial={folder}/serial\nnew_certs_dir={folder}\ndefault_md=sha256\n"
                                "policy=p\ncopy_extensions=none\n[p]\ncommonName=supplied\n")
    assert openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", authority.key, "-out", folder / "r.pem").returncode == 0
    made = openssl("ca", "-batch", "-config", folder / "cnf", "-in", folder / "r.pem", "-cert", authority.root, "-keyfile", folder / "root.key",
                   "-notext", "-extfile", folder / "ext", "-out", authority.cert, *(dates or ["-days", "5"]))
    assert made.returncode == 0, made.stderr
    authority.key.chmod(0o600)


def day(offset):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=offset)
    return when.strftime("%y%m%d%H%M%SZ")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_talk_through_tls_alone(start_server, authority, people, host):
    server = start_server(*SECURE, *authority.options)
    both = [people(name, https(server, host), "--ca", str(authority.root)) for name in ("jeden", "dwa")]
    everybody(both, "logged-in")
    for count in (1, 2):
        for one in both:
            one.type("")
        wait(both, "a talk", lambda count=count: all(len(p.find("secure")) == count for p in both))
        both[0].type("Zażółć")
        wait(both, "the text", lambda count=count: len(both[1].find("text")) == count)
        both[count % 2].type("q")  # caller and callee hang up in turn: BYE goes by the Record-Route
        both[count % 2].type("y")
        wait(both, "the end", lambda count=count: all(len(p.find("ended")) == count for p in both))
    assert {e["reason"] for p in both for e in p.find("ended")} == {"hung_up", "partner_left"}
    for one in both:
        one.type("quit")
        assert one.process.wait(10) == 0
    assert not re.search(r"(?<![\d.:])481(?!\d)", server.log.read_text())  # of a time or a port it may be a part


def test_a_self_made_certificate_is_its_own_authority(start_server, people, tmp_path):
    server = start_server(*SECURE, "--self-signed")
    shown = subprocess.run(["openssl", "s_client", "-connect", server.https, "-servername", "localhost"], input=b"", capture_output=True, timeout=20)
    cert = subprocess.run(["openssl", "x509"], input=shown.stdout, capture_output=True, check=True).stdout
    (tmp_path / "self.pem").write_bytes(cert)
    one = people("jeden", https(server), "--ca", str(tmp_path / "self.pem"))
    everybody([one], "logged-in")


def refused(one):
    wait([one], "the refusal", lambda: one.find("error"))
    error = one.find("error")[0]
    assert error["code"] == "tls_failed", error
    assert not one.find("logged-in")
    return error["message"]


def test_nobody_whom_we_trust(start_server, authority, people):
    server = start_server(*SECURE, *authority.options)
    assert "nobody who is trusted has signed it" in refused(people("jeden", https(server)))
    assert "logged in" not in server.log.read_text()


def test_another_name(start_server, authority, people):
    issue(authority, "DNS:talk.example.org")
    server = start_server(*SECURE, *authority.options)
    assert "for another name" in refused(people("jeden", https(server), "--ca", str(authority.root)))


@pytest.mark.parametrize("dates,why", [((-9, -2), "expired"), ((2, 9), "not valid yet")])
def test_another_time(start_server, authority, people, dates, why):
    issue(authority, "DNS:localhost", "-startdate", day(dates[0]), "-enddate", day(dates[1]))
    server = start_server(*SECURE, *authority.options)
    assert why in refused(people("jeden", https(server), "--ca", str(authority.root)))


def test_https_without_sip_over_tls_is_no_way(start_server, authority, people):
    server = start_server("--https", "127.0.0.1:0", *authority.options)
    assert "no SIP over TLS" in refused(people("jeden", https(server), "--ca", str(authority.root)))


@pytest.mark.parametrize("names,why", [("DNS:talk.example.org", "for another name"), (None, "nobody who is trusted")])
def test_the_sip_server_proves_its_name_too(authority, people, tmp_path, names, why):
    """The API is who it says, and sends us to a SIP server that is not."""
    api_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    api_context.load_cert_chain(authority.cert, authority.key)
    if names:
        issue(authority, names)
        other = authority
    else:
        (tmp_path / "other").mkdir()
        other = Authority(tmp_path / "other")
    sip_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    sip_context.load_cert_chain(other.cert, other.key)
    plain, heard = socket.create_server(("127.0.0.1", 0)), []

    def sip():
        while True:
            try:
                connection, _ = plain.accept()
                with sip_context.wrap_socket(connection, server_side=True) as link:
                    heard.append(link.recv(4096))
            except ssl.SSLError:
                continue
            except OSError:
                return

    class Api(http.server.BaseHTTPRequestHandler):
        def answer(self):
            length = int(self.headers.get("Content-Length", 0))
            self.rfile.read(length)
            login = {"name": "jeden", "exten": "111000", "token": "t", "lease_s": 30, "ice_servers": [], "relay_only": False,
                     "sip": {"uri": "sip:jeden@myturn.invalid", "username": "jeden", "realm": "myturn.invalid", "password": "p", "udp": None,
                             "tcp": None, "tls": "127.0.0.1:%d" % plain.getsockname()[1], "ws": "/sip", "mode": "embedded"}}
            body = json.dumps(login if self.path == "/v1/users" else {}).encode()
            self.send_response(201 if self.path == "/v1/users" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *words):
            """It is quiet."""
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    web.socket = api_context.wrap_socket(web.socket, server_side=True)
    threads = [threading.Thread(target=run, daemon=True) for run in (sip, web.serve_forever)]
    for thread in threads:
        thread.start()
    try:
        one = people("jeden", f"https://localhost:{web.server_port}", "--ca", str(authority.root))
        assert why in refused(one)
        assert not [data for data in heard if data]
    finally:
        web.shutdown()
        plain.shutdown(socket.SHUT_RDWR)
        plain.close()


def test_a_connection_that_breaks_is_no_false_certificate(authority, people):
    """What went wrong is the network's: nobody is to be told that somebody else answers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.cert, authority.key)
    plain = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = plain.accept()
                with context.wrap_socket(connection, server_side=True) as link:
                    link.recv(4096)
            except ssl.SSLError:
                continue
            except OSError:
                return
    threading.Thread(target=serve, daemon=True).start()
    try:
        one = people("jeden", f"https://localhost:{plain.getsockname()[1]}", "--ca", str(authority.root))
        wait([one], "the error", lambda: one.find("error"))
        assert one.find("error")[0]["code"] == "server_unreachable", one.find("error")
    finally:
        plain.shutdown(socket.SHUT_RDWR)
        plain.close()


def test_silence_breaks_no_connection(start_server, authority, people):
    """The limit of 8 s for connecting is none for what follows."""
    server = start_server(*SECURE, *authority.options)
    one = people("jeden", https(server), "--ca", str(authority.root))
    everybody([one], "logged-in")
    pause([one], 9.5)
    assert "flow lost" not in server.log.read_text()
    assert server.log.read_text().count(" registered: ") == 1


@pytest.mark.parametrize("content", [None, "no certificate\n"])
def test_a_file_of_authorities_that_is_none(tmp_path, content):
    if content:
        (tmp_path / "ca.pem").write_text(content)
    out = subprocess.run([BUILD / "myturn", "--server", "https://localhost:1", "--ca", tmp_path / "ca.pem"], stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=20)
    assert out.returncode == 2 and "certificates" in out.stderr
