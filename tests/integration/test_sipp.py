"""sipp, a user agent of its own, registers and calls through the daemon over UDP and TCP (A8)."""

import pathlib
import subprocess
import time

import pytest

from api import Api, User, pair
from ports import free_port

SCENARIOS = pathlib.Path(__file__).parent / "sipp"


def log_in(url, name):
    """A user whose password sipp does not take for a number, as it does with one of 4,096."""
    while (user := User(url, name)).login["sip"]["password"].startswith("0x"):
        assert user.delete("/v1/me").status == 204
    return user


def udp_bound(port):
    return f":{port:04X} " in pathlib.Path("/proc/net/udp").read_text()


class Sipp:
    """One user's sipp runs; the port stays the same, since over UDP it is his binding."""

    def __init__(self, server, user, folder):
        self.server, self.user, self.folder, self.port = server, user, folder, free_port()

    def start(self, scenario, transport="u1", target=""):
        """Who is to be called is there when this returns."""
        sip = self.user.login["sip"]
        fields = self.folder / f"{self.user.name}-{scenario}.csv"
        auth = f"[authentication username={sip['username']} password={sip['password']}]"
        fields.write_text(f"SEQUENTIAL\n{sip['uri'].split('@')[1]};{sip['username']};{auth};{target}\n")
        command = ["sipp", self.server.sip, "-sf", SCENARIOS / f"{scenario}.xml", "-inf", fields, "-m", "1", "-i", "127.0.0.1",
                   "-p", str(self.port), "-t", transport, "-nostdin", "-timeout", "20", "-timeout_error", "-trace_err",
                   "-error_file", self.folder / f"{self.user.name}-{scenario}.err", "-trace_msg",
                   "-message_file", self.folder / f"{self.user.name}-{scenario}.msg"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.folder)
        end = time.monotonic() + 15
        while scenario.startswith("callee") and process.poll() is None and not udp_bound(self.port):
            assert time.monotonic() < end, "sipp does not listen"
            time.sleep(0.02)
        return process

    def done(self, process, scenario):
        out, _ = process.communicate(timeout=30)
        messages = self.folder / f"{self.user.name}-{scenario}.msg"
        assert process.returncode == 0, out.decode(errors="replace")[-2000:] + (messages.read_text() if messages.exists() else "")

    def run(self, scenario, **kw):
        self.done(self.start(scenario, **kw), scenario)


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_register(server, tmp_path, transport):
    user = log_in(server.url, "jeden")
    Sipp(server, user, tmp_path).run("register", transport=transport)
    # The binding's address is what /user-ip tells; a closed TCP connection takes its binding along.
    assert user.get("/user-ip/jeden").json == "127.0.0.1"


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_call(server, tmp_path, transport):
    jeden, dwa = log_in(server.url, "jeden"), log_in(server.url, "dwa")
    callee = Sipp(server, dwa, tmp_path)
    callee.run("register")
    answering = callee.start("callee")
    drawn = pair(jeden, dwa)
    caller = Sipp(server, jeden, tmp_path)
    caller.run("caller", transport=transport, target=drawn["exten"])
    callee.done(answering, "callee")
    assert (jeden.status, dwa.status) == (0, 0)


class Two:
    """Two who are drawn for each other; the callee is registered. sipp calls by either transport, and is called over UDP: over TCP the
    binding would go with the process that registered."""

    def __init__(self, server, folder):
        self.jeden, self.dwa = log_in(server.url, "jeden"), log_in(server.url, "dwa")
        self.caller, self.callee = Sipp(server, self.jeden, folder), Sipp(server, self.dwa, folder)
        self.callee.run("register")

    def call(self, caller, callee, transport):
        answering = self.callee.start(callee)
        drawn = pair(self.jeden, self.dwa)
        self.caller.run(caller, transport=transport, target=drawn["exten"])
        self.callee.done(answering, callee)
        assert (self.jeden.status, self.dwa.status) == (0, 0)


@pytest.mark.parametrize("transport", ["u1", "t1"])
@pytest.mark.parametrize("caller,callee", [("caller_cancels", "callee_cancelled"), ("caller_busy", "callee_busy"),
                                           ("caller_unanswered", "callee_cancelled"), ("caller_changes", "callee_changes")])
def test_calls(server, tmp_path, caller, callee, transport):
    Two(server, tmp_path).call(caller, callee, transport)


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_silence_is_no_answer(server, tmp_path, transport):
    """The callee's agent is gone without a word: the caller is told after 3 s."""
    two = Two(server, tmp_path)
    drawn = pair(two.jeden, two.dwa)
    two.caller.run("caller_unanswered", transport=transport, target=drawn["exten"])
    assert (two.jeden.status, two.dwa.status) == (0, 0)


@pytest.mark.parametrize("transport", ["u1", "t1"])
@pytest.mark.parametrize("scenario", ["query", "unregister", "unregister_all", "too_brief", "refused", "not_allowed", "options", "max_forwards",
                                      "proxy_require"])
def test_answers_of_the_server(server, tmp_path, scenario, transport):
    user = log_in(server.url, "jeden")
    one = Sipp(server, user, tmp_path)
    if transport == "u1" or scenario == "query":  # over TCP the binding goes with the process that made it
        one.run("register")
    one.run(scenario, transport=transport, target="999999")
    if transport == "u1":
        assert user.get("/v1/me").json["registered"] is (not scenario.startswith("unregister"))


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_wrong_password(server, tmp_path, transport):
    user = log_in(server.url, "jeden")
    user.login["sip"]["password"] = "wrong"
    Sipp(server, user, tmp_path).run("wrong_password", transport=transport)
    assert user.get("/v1/me").json["registered"] is False


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_not_a_pair_is_refused(server, tmp_path, transport):
    two = Two(server, tmp_path)
    two.caller.run("caller_forbidden", transport=transport, target=two.dwa.login["exten"])
    assert Api(server.url).get("/healthz").status == 200
