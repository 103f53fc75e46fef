"""A crowd of users who press everything at random (crowd.c, on libmyturn) against the real daemon: the races of A5, A13 and of the pair's rules."""

import json
import subprocess
import urllib.request

import pytest

from people import BUILD


@pytest.mark.parametrize("users,seconds,seed", [(2, 12, 1), (7, 25, 2)])
def test_everybody_presses_everything(server, users, seconds, seed):
    done = subprocess.run([BUILD / "tests/unit/client/crowd", server.url, str(users), str(seconds), str(seed)],
                          capture_output=True, text=True, timeout=seconds + 30)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    with urllib.request.urlopen(server.url + "/v1/stats", timeout=5) as answer:
        assert json.load(answer) == {"online": 0, "waiting": 0, "talking": 0}
