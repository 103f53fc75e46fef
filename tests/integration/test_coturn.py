"""A real coturn with deploy/turnserver.conf: it takes the credentials that myturnd makes, and no others."""

import base64
import hashlib
import hmac
import pathlib
import re
import secrets
import socket
import subprocess
import time

import pytest
from api import User
from ports import free_port
from turn_client import TurnClient

CONF = pathlib.Path(__file__).resolve().parents[2] / "deploy/turnserver.conf"


def answers(port):
    """Whether a STUN binding request is answered there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(0.3)
        one.sendto(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + secrets.token_bytes(12), ("127.0.0.1", port))
        try:
            return one.recv(2000)[:2] == b"\x01\x01"
        except OSError:
            return False


class Coturn:
    """deploy/turnserver.conf as it is, but for the secret, the ports, the certificate and loopback."""

    def __init__(self, folder, secret, *more, loopback=True):
        self.port = free_port()
        text = re.sub(r"(?m)^(cert|pkey|log-file|no-stdout-log|listening-port|tls-listening-port).*\n", "", CONF.read_text())
        text = text.replace("#static-auth-secret=", f"static-auth-secret={secret}")
        lines = [f"listening-port={self.port}", "listening-ip=127.0.0.1", "relay-ip=127.0.0.1", "no-tls", "no-dtls", "log-file=stdout",
                 f"pidfile={folder}/turn.pid", f"userdb={folder}/turn.db", *more]
        if loopback:
            lines += ["allow-loopback-peers", "allowed-peer-ip=127.0.0.1"]
        conf = folder / "turnserver.conf"
        conf.write_text(text + "\n".join(lines) + "\n")
        self.log = folder / "turn.log"
        self.process = subprocess.Popen(["turnserver", "-c", str(conf)], stdout=self.log.open("wb"), stderr=subprocess.STDOUT,
                                        cwd=folder)
        end = time.monotonic() + 30
        while not answers(self.port):
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()

    def talk(self, user, password, *more):
        """Two clients send each other a packet through relays of theirs. The whole output, and whether all went well."""
        run = subprocess.run(["turnutils_uclient", "-y", "-m", "1", "-n", "2", "-l", "100", "-u", user, "-w", password, "-p",
                              str(self.port), *more, "127.0.0.1"], capture_output=True, text=True, timeout=60)
        text = run.stdout + run.stderr
        sent = re.search(r"Total lost packets 0 ", text)
        return run.returncode == 0 and sent is not None, text

    def close(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def coturn(tmp_path):
    running = []

    def start(secret, *more, **kw):
        running.append(Coturn(tmp_path, secret, *more, **kw))
        return running[-1]
    yield start
    for one in running:
        one.close()


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "turn.secret"
    path.write_text(secrets.token_hex(32) + "\n")
    path.chmod(0o600)
    return path


def turn_of(login):
    return next(s for s in login["ice_servers"] if s["urls"][0].startswith("turn:"))


def test_it_takes_our_credentials(start_server, coturn, secret):
    turn = coturn(secret.read_text().strip())
    server = start_server("--turn", f"turn:127.0.0.1:{turn.port}?transport=udp", "--stun", f"stun:127.0.0.1:{turn.port}",
                          "--turn-secret-file", str(secret))
    user = User(server.url, "jeden")
    ours = turn_of(user.login)
    assert user.login["relay_only"] is True
    good, text = turn.talk(ours["username"], ours["credential"])
    assert good, text
    good, text = turn.talk(ours["username"], ours["credential"], "-t")  # over TCP
    assert good, text
    assert secret.read_text().strip() not in server.log.read_text()


def made(secret, expiry_s, name="x"):
    user = f"{expiry_s}:{name}"
    return user, base64.b64encode(hmac.new(secret.encode(), user.encode(), hashlib.sha1).digest()).decode()


def test_it_takes_no_others(coturn, secret):
    ours = secret.read_text().strip()
    turn = coturn(ours)
    now = int(time.time())
    good, text = turn.talk(*made(ours, now + 600))
    assert good, text
    for user, password in (made(ours, now - 1), made("another secret, sixteen", now + 600), (f"{now + 9999}:y", made(ours, now + 600)[1])):
        good, text = turn.talk(user, password)
        assert not good and "Cannot complete Allocation" in text, text


def test_it_relays_to_nobody_inside(coturn, secret):
    """Without what the tests add, a peer on this machine or in its network is refused."""
    turn = coturn(secret.read_text().strip(), loopback=False)
    good, text = turn.talk(*made(secret.read_text().strip(), int(time.time()) + 600))
    assert not good and "Forbidden" in text, text
    assert not re.search(r"(?m)^allow-loopback-peers|^cli|^no-auth", CONF.read_text())


@pytest.mark.parametrize("nonce", ["stale-nonce=600", "stale-nonce=2"], ids=["same nonce", "new nonce"])
def test_a_relay_outlives_its_credentials(coturn, secret, nonce):
    """They are looked at when a relay is asked for; a talk that lasts longer refreshes it with them all the same, and under a new nonce."""
    ours = secret.read_text().strip()
    turn = coturn(ours, nonce)
    expiry_s = int(time.time()) + 7
    user, password = made(ours, expiry_s)
    one = TurnClient(("127.0.0.1", turn.port), user, password)
    late = TurnClient(("127.0.0.1", turn.port), user, password)
    try:
        assert one.allocate(600) == 600
        first = one.nonce
        time.sleep(max(0, expiry_s + 1.5 - time.time()))
        assert late.allocate(600) == 401  # for a new relay they are no longer good
        assert one.refresh(600) == 600
        assert (one.nonce == first) == (nonce == "stale-nonce=600")
        assert one.refresh(600) == 600
        one.password = "another"
        assert one.refresh(600) == 401
    finally:
        one.close()
        late.close()
