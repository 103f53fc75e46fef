"""Two baresip phones, another's SIP and RTP stack from Debian, talk through the daemon with audio over UDP, TCP and TLS (A8, A9)."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
ADDRESS = "198.51.100.1"  # a documentation address (RFC 5737), on the namespace's own loopback only


@pytest.fixture
def namespace():
    name = f"myturn-test-{os.getpid()}"
    if os.geteuid() != 0 or subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        pytest.skip("network namespaces cannot be made here (needs root)")
    subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "-n", name, "addr", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
    yield name
    subprocess.run(["ip", "netns", "del", name], check=True)


def test_baresip_to_baresip(namespace, tmp_path):
    assert shutil.which("baresip")
    out = subprocess.run(["ip", "netns", "exec", namespace, sys.executable, HERE / "baresip_talk.py", ADDRESS, tmp_path],
                         capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out.stderr[-4000:]
    for call in json.loads(out.stdout):
        print(call)
        assert call["during"] == [3, 3] and call["after"] == [0, 0]
        assert min(call["heard"]) > 0.7, call
