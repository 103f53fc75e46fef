"""JsSIP, the browser's user agent, over the daemon's WebSocket (RFC 7118)."""

import json
import pathlib
import re
import subprocess

import pytest

from api import User, pair

JS = pathlib.Path(__file__).parent / "js"


pytestmark = pytest.mark.usefixtures("jssip")


def start(server, user, **wish):
    sip = user.login["sip"]
    wish = {"url": f"ws://{server.http}/sip", "uri": sip["uri"], "username": sip["username"], "password": sip["password"], **wish}
    return subprocess.Popen(["node", "register_and_call.js", json.dumps(wish)], cwd=JS, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def events(process, code=0):
    out, err = process.communicate(timeout=30)
    found = [json.loads(line) for line in out.decode().splitlines()]
    assert process.returncode == code, (found, err.decode()[-2000:])
    return found


def test_registers(server):
    user = User(server.url, "jeden")
    assert [e["event"] for e in events(start(server, user, only_register=True))] == ["connected", "registered"]


def test_wrong_password(server):
    user = User(server.url, "jeden")
    user.login["sip"]["password"] = "wrong"
    assert events(start(server, user), 1)[-1]["event"] == "registrationFailed"


def test_call_between_two_pages(server):
    jeden, dwa = User(server.url, "jeden"), User(server.url, "dwa")
    callee = start(server, dwa)
    for line in callee.stdout:  # ends if the process does
        if b'"registered"' in line:
            break
    else:
        events(callee)
        raise AssertionError("ended without registering")
    drawn = pair(jeden, dwa)
    host = jeden.login["sip"]["uri"].split("@")[1]
    out = events(start(server, jeden, call=f"sip:{drawn['exten']}@{host}"))
    assert [e["event"] for e in out] == ["connected", "registered", "accepted", "ended"]
    seen = events(callee)
    assert [e["event"] for e in seen] == ["incoming", "accepted", "ended"]
    assert not re.search(r"127\.0\.0\.1", seen[0]["from"])
    assert (jeden.status, dwa.status) == (0, 0)
