"""sipp, a user agent of its own, registers and calls through the daemon over UDP and TCP (A8)."""

import pathlib
import re
import socket
import subprocess

import pytest

from api import Api, User, pair

SCENARIOS = pathlib.Path(__file__).parent / "sipp"


def free_port():
    """A port that is free for UDP and TCP alike."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            udp.bind(("127.0.0.1", 0))
            try:
                tcp.bind(udp.getsockname())
                return udp.getsockname()[1]
            except OSError:
                continue
    raise AssertionError("no port is free for both")


class Sipp:
    """One user's sipp runs; the port stays the same, since over UDP it is his binding."""

    def __init__(self, server, user, folder):
        self.server, self.user, self.folder, self.port = server, user, folder, free_port()

    def start(self, scenario, transport="u1", target=""):
        sip = self.user.login["sip"]
        fields = self.folder / f"{self.user.name}-{scenario}.csv"
        auth = f"[authentication username={sip['username']} password={sip['password']}]"
        fields.write_text(f"SEQUENTIAL\n{sip['uri'].split('@')[1]};{sip['username']};{auth};{target}\n")
        command = ["sipp", self.server.sip, "-sf", SCENARIOS / f"{scenario}.xml", "-inf", fields, "-m", "1", "-i", "127.0.0.1",
                   "-p", str(self.port), "-t", transport, "-nostdin", "-timeout", "20", "-timeout_error", "-trace_err",
                   "-error_file", self.folder / f"{self.user.name}-{scenario}.err", "-trace_msg",
                   "-message_file", self.folder / f"{self.user.name}-{scenario}.msg"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.folder)

    def done(self, process, scenario):
        out, _ = process.communicate(timeout=30)
        messages = self.folder / f"{self.user.name}-{scenario}.msg"
        assert process.returncode == 0, out.decode(errors="replace")[-2000:] + (messages.read_text() if messages.exists() else "")

    def run(self, scenario, **kw):
        self.done(self.start(scenario, **kw), scenario)


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_register(server, tmp_path, transport):
    user = User(server.url, "jeden")
    Sipp(server, user, tmp_path).run("register", transport=transport)
    # The binding's address is what /user-ip tells; a closed TCP connection takes its binding along.
    assert user.get("/user-ip/jeden").json == "127.0.0.1"


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_call(server, tmp_path, transport):
    jeden, dwa = User(server.url, "jeden"), User(server.url, "dwa")
    callee = Sipp(server, dwa, tmp_path)
    callee.run("register")
    answering = callee.start("callee")
    drawn = pair(jeden, dwa)
    caller = Sipp(server, jeden, tmp_path)
    caller.run("caller", transport=transport, target=drawn["exten"])
    callee.done(answering, "callee")
    assert (jeden.status, dwa.status) == (0, 0)


def test_not_a_pair_is_refused(server, tmp_path):
    jeden, dwa = User(server.url, "jeden"), User(server.url, "dwa")
    Sipp(server, dwa, tmp_path).run("register")
    caller = Sipp(server, jeden, tmp_path)
    process = caller.start("caller", target=str(dwa.login["exten"]))
    process.communicate(timeout=30)
    assert process.returncode != 0
    statuses = re.findall(r"^SIP/2.0 (\d+)", (tmp_path / "jeden-caller.msg").read_text(), flags=re.M)
    assert "403" in statuses and not {"180", "200"} & set(statuses)
    assert Api(server.url).get("/healthz").status == 200
