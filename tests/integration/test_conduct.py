"""Blocks and reports on the running daemon: two people's word, suspension, and reports as files of the operator's."""

import json
import os
import re
import signal
import stat
import time

import pytest
from api import Api, User

NO_LABEL = "lolo"  # a name that can be no part of a random label: there is no l and no o in any


def draw(a, b):
    """Draws the two, the only ones waiting, for each other; the pair's id."""
    assert b.wait_turn(0).json["state"] == "waiting"
    for one in (a, b):
        assert one.put(f"/update-status-rdy/{one.path}").status == 200
    assert a.get(f"/get-peer/{a.path}").status == 202
    assert b.get(f"/get-peer/{b.path}").status == 230
    return a.get("/v1/me").json["pair"]


def wait_for(what, limit_s=20):
    end = time.monotonic() + limit_s
    while not (found := what()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)
    return found


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "reports"
    path.mkdir(mode=0o700)
    return path


def reports(folder):
    return sorted(folder.glob("report-*.json"))


def test_block_and_suspension(start_server):
    server = start_server("--report-threshold", "2", "--suspend-s", "600", "--contact", "abuse@example.org")
    a, b, c = (User(server.url, name) for name in ("jeden", NO_LABEL, "trzy"))
    assert Api(server.url).get("/v1/info").json["contact"] == "abuse@example.org"
    for one in (b, c):
        pair = draw(a, one)
        assert one.post("/v1/turn/report", {"pair": pair, "reason": "spam"}).status == 204
    told = a.wait_turn(5)
    assert told.status == 403 and told.json["code"] == "suspended", told
    assert told.json["contact"] == "abuse@example.org" and "abuse@example.org" in told.json["detail"]
    assert 0 < int(told.headers["Retry-After"]) <= 600
    assert b.wait_turn(0).json["state"] == "waiting"  # blocked, too
    assert NO_LABEL not in server.logged("suspended")


def test_a_report_is_a_private_file(start_server, folder):
    server = start_server("--reports-dir", str(folder))
    a, b = User(server.url, "jeden"), User(server.url, NO_LABEL)
    pair = draw(a, b)
    answer = b.post("/v1/turn/report", {"pair": pair, "reason": "threat", "note": "zły \u202e\u001b[31m\n człowiek"})
    assert answer.status == 204
    file, = wait_for(lambda: reports(folder))
    assert re.fullmatch(r"report-\d{8}T\d{6}Z-[0-9a-f]{8}\.json", file.name)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    report = json.loads(file.read_text())
    assert report["reason"] == "threat" and report["note"] == "zły [31m\n człowiek"
    assert report["about"]["name"] == "jeden" and report["about"]["exten"] == a.login["exten"]
    assert report["talk"]["connected"] is False
    assert set(report["by"]) == {"label"} and NO_LABEL not in file.read_text()
    assert "127.0.0.1" not in file.read_text()
    assert [p.name for p in folder.iterdir()] == [file.name]


def test_what_is_queued_is_written_at_the_end(start_server, folder):
    server = start_server("--reports-dir", str(folder))
    a = User(server.url, "jeden")
    for name in ("dwa", "trzy", "cztery"):
        b = User(server.url, name)
        assert b.post("/v1/turn/report", {"pair": draw(a, b), "reason": "other"}).status == 204
        assert b.delete("/v1/me").status == 204
        if name != "cztery":
            a.delete("/v1/me")
            a = User(server.url, "jeden")
    server.close()
    assert len(reports(folder)) == 3


def test_old_ones_are_deleted(start_server, folder):
    old = folder / "report-20200101T000000Z-0123abcd.json"
    fresh = folder / time.strftime("report-%Y%m%dT%H%M%SZ-0123abcd.json", time.gmtime(time.time() - 86400))
    others = [folder / "report-20200101T000000Z-0123abcd.json.bak", folder / "notes.txt"]
    for file in (old, fresh, *others):
        file.write_text("{}")
    start_server("--reports-dir", str(folder), "--reports-keep-days", "2")
    assert not old.exists() and fresh.exists() and all(o.exists() for o in others)


def test_a_folder_that_cannot_be_had(start_server, folder):
    with pytest.raises(Exception, match="reports: .*nowhere"):
        start_server("--reports-dir", str(folder / "nowhere"))


def children(pid):
    found = [p.parent for p in __import__("pathlib").Path("/proc").glob("[0-9]*/stat")]
    return [int(p.name) for p in found if _parent(p) == pid]


def _parent(path):
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return -1


def is_gone(pid):
    """Or has ended, and nobody has asked for its status yet."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_nothing_more_is_allowed_to_the_server(start_server, folder):
    """The one that faces strangers is confined as without reports; the one that writes has no sockets to speak of."""
    server = start_server("--reports-dir", str(folder), "--sandbox", "require")
    writer, = children(server.process.pid)
    for pid in (server.process.pid, writer):
        status = open(f"/proc/{pid}/status").read()
        assert re.search(r"Seccomp:\s+2", status) and re.search(r"NoNewPrivs:\s+1", status)
        assert re.search(r"CapEff:\s+0+\n", status)
    links = [os.readlink(f"/proc/{writer}/fd/{fd}") for fd in os.listdir(f"/proc/{writer}/fd")]
    assert sum(link.startswith("socket:") for link in links) == 1, links


def test_the_writer_goes_with_the_server(start_server, folder):
    server = start_server("--reports-dir", str(folder))
    writer, = children(server.process.pid)
    os.kill(writer, signal.SIGTERM)  # as a terminal or a service manager would, to all
    os.kill(writer, signal.SIGINT)
    a, b = User(server.url, "jeden"), User(server.url, "dwa")
    assert b.post("/v1/turn/report", {"pair": draw(a, b), "reason": "spam"}).status == 204
    wait_for(lambda: reports(folder))
    server.process.kill()
    server.process.wait()
    wait_for(lambda: is_gone(writer))


def test_a_writer_that_is_gone(start_server, folder):
    server = start_server("--reports-dir", str(folder))
    writer, = children(server.process.pid)
    os.kill(writer, signal.SIGKILL)
    wait_for(lambda: is_gone(writer))
    a, b = User(server.url, "jeden"), User(server.url, "dwa")
    assert b.post("/v1/turn/report", {"pair": draw(a, b), "reason": "spam"}).status == 204
    assert "myturn_reports_lost_total 1\n" in Api(server.url).get("/metrics").raw.decode()
    server.logged("none is written until a restart")
