"""A full disk where the daemon writes: Asterisk's files and reports. What is there stays whole, nobody else is held up, and once there is room all goes on by itself."""

import os
import subprocess

import pytest

from api import Api, User, pair
from asterisk_peer import Asterisk
from people import Server
from test_asterisk import OWN_EXTEN, OWN_SIP, names, options, until

SIZE_KIB = 64


class Disk:
    def __init__(self, folder):
        self.folder = folder

    def fill(self):
        with (self.folder / "filler").open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(b"\0" * 1024)
                except OSError:
                    return

    def empty(self):
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("a small file system can be mounted by root only")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_KIB}k", "full-disk", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)


def login(server, name):
    return Api(server.url).post("/v1/users", {"name": name}, timeout_s=30)


def test_asterisk_files_stay_whole(tmp_path, disk):
    folder = disk.folder / "etc"
    folder.mkdir()
    (folder / "sip.conf").write_bytes(OWN_SIP)
    (folder / "extensions.conf").write_bytes(OWN_EXTEN)
    for name, text in (("ami-secret", "manager-secret"), ("operator", "operator-token-of-the-test")):
        (disk.folder / name).write_text(text + "\n")
        (disk.folder / name).chmod(0o600)
    asterisk = Asterisk(folder)
    server = Server(tmp_path, options=options(folder, asterisk))
    try:
        assert login(server, "jeden").status == 201
        disk.fill()
        refused = login(server, "dwa")
        assert refused.status == 503 and refused.json["code"] == "sip_away"
        assert Api(server.url).get("/healthz").status == 200
        text = (folder / "sip.conf").read_bytes()
        assert text.startswith(OWN_SIP) and (folder / "extensions.conf").read_bytes().startswith(OWN_EXTEN)
        assert names(folder) in (["jeden"], [])  # jeden's lease is short where he never registered
        disk.empty()
        until("login after there is room", lambda: login(server, "trzy").status in (201, 409), 30)
        until("entry in sip.conf", lambda: "trzy" in names(folder))
        assert "dwa" not in names(folder)
        assert not [f for f in os.listdir(folder) if f not in ("sip.conf", "extensions.conf")], "temporary files are left"
    finally:
        server.close()
        asterisk.close()


def lost(server):
    text = Api(server.url).get("/metrics").raw.decode()
    return int(next(line.split()[-1] for line in text.splitlines() if line.startswith("myturn_reports_lost_total ")))


def test_a_report_that_cannot_be_written_still_counts(tmp_path, disk):
    reports = disk.folder / "reports"
    reports.mkdir(mode=0o700)
    config = tmp_path / "myturnd.conf"
    config.write_text(f"[conduct]\nreports_dir = {reports}\n")
    server = Server(tmp_path, options=("--config", str(config)))
    try:
        users = [User(server.url, name) for name in ("jeden", "dwa")]
        disk.fill()
        pair(*users)
        number = users[0].get("/v1/me").json["pair"]
        assert users[0].post("/v1/turn/report", {"pair": number, "reason": "spam"}).status == 204
        until("lost report in the metrics", lambda: lost(server) == 1)
        assert users[0].status == 0 and users[1].status == 0  # the pair is over all the same
        assert not [f for f in os.listdir(reports) if (reports / f).stat().st_size == 0 and f.endswith(".json")], "an empty report is left"
        disk.empty()
        others = [User(server.url, name) for name in ("trzy", "cztery")]
        pair(*others)
        number = others[0].get("/v1/me").json["pair"]
        assert others[0].post("/v1/turn/report", {"pair": number, "reason": "spam"}).status == 204
        until("report on disk", lambda: len(os.listdir(reports)) == 1)
    finally:
        server.close()
