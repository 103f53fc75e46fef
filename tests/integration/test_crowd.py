"""A crowd of users who press everything at random (crowd.c, on libmyturn) against the real daemon: the races of A5, A13 and of the pair's rules."""

import json
import signal
import subprocess
import time
import urllib.request

import pytest

from people import BUILD, Server
from ports import lasting


@pytest.mark.parametrize("users,seconds,seed", [(2, 12, 1), (7, 25, 2)])
def test_everybody_presses_everything(server, users, seconds, seed):
    done = subprocess.run([BUILD / "tests/integration/crowd", server.url, str(users), str(seconds), str(seed)],
                          capture_output=True, text=True, timeout=seconds + 60)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    with urllib.request.urlopen(server.url + "/v1/stats", timeout=5) as answer:
        assert json.load(answer) == {"online": 0, "waiting": 0, "talking": 0}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_restarted_daemon_gets_its_crowd_back(tmp_path, how):
    """The daemon goes away in the midst of all that and comes back on the same ports: everybody talks again."""
    first = Server(tmp_path, **lasting())
    crowd = subprocess.Popen([BUILD / "tests/integration/crowd", first.url, "6", "30", "3", "restart"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    second = None
    try:
        time.sleep(6)
        first.process.send_signal(how)
        first.process.wait(10)
        time.sleep(3)
        second = Server(tmp_path, http=first.http, sip=first.sip)
        print(crowd.communicate(timeout=90)[0])
        assert crowd.returncode == 0
    finally:
        first.close()
        if second is not None:
            second.close()
        if crowd.poll() is None:
            crowd.kill()
        crowd.wait()
