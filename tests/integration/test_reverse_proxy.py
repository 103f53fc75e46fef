"""The ready files for nginx and Caddy in front of a real myturnd: login, a held draw, SIP over WebSocket, and whose address is counted."""

import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import threading
import time

import pytest
from ports import free_port
from sip_ua import Ua, Wss, trusting

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
NAME = "talk.example.org"
CLIENT = "127.0.0.7"  # not the proxy's


@pytest.fixture
def certificate(tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", tmp_path / "key.pem", "-out",
                    tmp_path / "cert.pem"], check=True, capture_output=True)
    return tmp_path / "cert.pem", tmp_path / "key.pem"


class Proxy:
    def __init__(self, folder, port, command, **kw):
        self.port, self.log = port, folder / "proxy.log"
        self.process = subprocess.Popen(command, stdout=self.log.open("wb"), stderr=subprocess.STDOUT, **kw)
        end = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
                time.sleep(0.05)

    def close(self):
        self.process.terminate()
        self.process.wait(20)


def nginx(folder, port, upstream, certificate):
    """The site as it is, but for ports, certificate and upstream, in the smallest nginx.conf around it."""
    site = (DEPLOY / "nginx/myturn.conf").read_text()
    site = re.sub(r"(?s)server \{\s*listen 80;.*?\n\}\n", "", site)
    site = re.sub(r"(?m)^\s*listen \[::\].*\n", "", site)
    for old, new in (("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"), ("server 127.0.0.1:8080;", f"server {upstream};"),
                     (f"/etc/letsencrypt/live/{NAME}/fullchain.pem", str(certificate[0])),
                     (f"/etc/letsencrypt/live/{NAME}/privkey.pem", str(certificate[1]))):
        assert old in site
        site = site.replace(old, new)
    temporary = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    conf = folder / "nginx.conf"
    conf.write_text(f"daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr; events {{}}\nhttp {{ {temporary}\n{site}}}\n")
    return Proxy(folder, port, ["/usr/sbin/nginx", "-p", str(folder), "-c", str(conf)])


def caddy(folder, port, upstream, certificate):
    """The Caddyfile as it is, but for port, certificate, upstream and Caddy's own doings in the outside world."""
    site = (DEPLOY / "caddy/Caddyfile").read_text()
    assert f"\n{NAME} {{" in site and "reverse_proxy 127.0.0.1:8080" in site
    site = site.replace(f"\n{NAME} {{", f"\nhttps://{NAME}:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate[0]} {certificate[1]}")
    site = site.replace("127.0.0.1:8080\n}", f"{upstream}\n}}")
    conf = folder / "Caddyfile"
    conf.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + site)
    environment = dict(os.environ, HOME=str(folder), XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder))
    return Proxy(folder, port, ["caddy", "run", "--config", str(conf), "--adapter", "caddyfile"], env=environment)


class Client:
    """HTTPS to the proxy under the site's name, from an address of one's own."""

    def __init__(self, port, token=None):
        self.port, self.token = port, token

    def call(self, method, path, body=None, timeout_s=20, **headers):
        raw = socket.create_connection(("127.0.0.1", self.port), timeout_s, source_address=(CLIENT, 0))
        connection = http.client.HTTPSConnection(NAME, timeout=timeout_s)
        connection.sock = trusting().wrap_socket(raw, server_hostname=NAME)
        try:
            sent = {k.replace("_", "-"): v for k, v in headers.items()}
            sent.setdefault("Host", NAME)
            if self.token:
                sent["Authorization"] = f"Bearer {self.token}"
            if body is not None:
                sent["Content-Type"] = "application/json"
                body = json.dumps(body)
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            raw = answer.read()
            return answer.status, json.loads(raw) if raw else None, answer.headers
        finally:
            connection.close()

    def login(self, name):
        status, answer, _ = self.call("POST", "/v1/users", {"name": name})
        assert status == 201, answer
        self.token = answer["token"]
        return answer


class SiteWss(Wss):
    """The WebSocket of a page under the site's name."""

    def __init__(self, server, bind_ip):
        super().__init__(server, bind_ip, headers=f"Origin: https://{NAME}\r\n")

    def connect(self, server, bind_ip):
        raw = socket.create_connection(server, 5, source_address=(bind_ip, 0))
        return NamedSocket(trusting().wrap_socket(raw, server_hostname=NAME), server)


class NamedSocket:
    """The handshake's Host says the site's name, as a browser's does."""

    def __init__(self, inner, server):
        self.inner, self.host = inner, f"Host: {server[0]}:{server[1]}".encode()

    def sendall(self, data):
        self.inner.sendall(data.replace(self.host, f"Host: {NAME}".encode()))

    def __getattr__(self, name):
        return getattr(self.inner, name)


@pytest.mark.parametrize("proxy", [nginx, caddy])
def test_in_front(start_server, tmp_path, certificate, proxy):
    server = start_server("--domain", NAME, "--trusted-proxies", "127.0.0.1")
    front = proxy(tmp_path, free_port(), server.http, certificate)
    try:
        look_at(front.port)
    finally:
        front.close()


def look_at(port):
    a, b = Client(port), Client(port)
    login = a.login("jeden")
    b.login("dwa")
    # the client is who he is, whatever he says of himself
    assert a.call("GET", "/user-ip/jeden", X_Forwarded_For="192.0.2.99")[1] == CLIENT
    status, _, headers = a.call("GET", "/v1/info")
    assert status == 200 and headers["Strict-Transport-Security"]
    assert a.call("GET", "/v1/me", Origin=f"https://{NAME}")[0] == 200
    assert a.call("GET", "/v1/me", Origin="https://evil.example")[0] == 403
    assert Client(port).call("GET", "/metrics")[0] == 401  # from loopback, but through a proxy

    # SIP over WebSocket, registered and counted for the client
    phone = Ua(("127.0.0.1", port), login, SiteWss, CLIENT)
    phone.register()
    assert a.call("GET", "/v1/me")[1]["registered"] is True
    assert a.call("GET", "/user-ip/jeden")[1] == CLIENT

    # a held draw is answered when the other comes, and one who leaves is seen to leave
    held = {}
    waiter = threading.Thread(target=lambda: held.update(answer=a.call("POST", "/v1/turn", {}, 60, Prefer="wait=30")))
    waiter.start()
    end = time.monotonic() + 20
    while b.call("GET", "/v1/stats")[1]["waiting"] == 0:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert b.call("POST", "/v1/turn", {}, Prefer="wait=20")[1]["state"] == "paired"
    waiter.join(30)
    assert held["answer"][1]["state"] == "paired"
    phone.close()
    end = time.monotonic() + 20
    while a.call("GET", "/v1/me")[1]["registered"]:
        assert time.monotonic() < end, "the end of the WebSocket was not passed on"
        time.sleep(0.05)


def test_the_files_are_whole():
    """What the documents tell an operator to fill in is marked in each."""
    for name in ("nginx/myturn.conf", "caddy/Caddyfile", "turnserver.conf"):
        assert "<<" in (DEPLOY / name).read_text()
