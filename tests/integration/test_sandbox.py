"""The sandbox as an operator sees it: what the running daemon may still do, what it says, and that all still works.

That forbidden system calls are refused is tried from within by tests/unit/server/test_sandbox.c, which the sanitizer builds of
the unit tests skip: it is built and run here too, with the libraries of the daemon."""

import json
import os
import pathlib
import pwd
import re
import signal
import socket
import ssl
import stat
import subprocess
import time
import urllib.request

import pytest
from people import BUILD, Failed, Person, everybody, wait

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
NONE = "0" * 16


def status(server):
    text = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def core_limit(server):
    line = next(x for x in pathlib.Path(f"/proc/{server.process.pid}/limits").read_text().splitlines() if "core" in x)
    return line.split()[4:6]


def get(url, context=None):
    with urllib.request.urlopen(url, timeout=10, context=context) as answer:
        return answer.read()


def wait_for(what, condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def lines(server, word):
    return [x for x in server.log.read_text().splitlines() if word in x]


def test_nothing_is_left_when_it_is_ready(start_server):
    server = start_server("--sandbox", "require")
    found = status(server)
    assert found["NoNewPrivs"] == "1"
    assert found["Seccomp"] == "2"
    assert [found[x] for x in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [NONE] * 4
    if os.geteuid() == 0:
        assert found["CapBnd"] == NONE
    assert core_limit(server) == ["0", "0"]


def test_the_default_takes_what_it_can_get(server):
    assert status(server)["Seccomp"] == "2"
    assert not lines(server, "sandbox: without"), "all of it can be had here"


def test_memory_is_closed_to_the_same_user(start_server):
    """Another process of the same user, without root's capabilities, reads neither its memory nor its descriptors."""
    server = start_server("--sandbox", "require")
    look = subprocess.run(["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "cat",
                           f"/proc/{server.process.pid}/environ"] if os.geteuid() == 0 else
                          ["cat", f"/proc/{server.process.pid}/environ"], capture_output=True, text=True)
    assert look.returncode != 0 and "denied" in look.stderr.lower()


def test_off_leaves_it_as_it_was(start_server):
    server = start_server("--sandbox", "off")
    assert status(server)["Seccomp"] == status_of_self()["Seccomp"]
    assert lines(server, "WARN  sandbox: switched off")


def status_of_self():
    text = pathlib.Path("/proc/self/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


@ROOT_ONLY
def test_becomes_a_user_after_the_ports_are_open(start_server):
    """As root it may read the operator's token and bind any port; then it is nobody, for good, in all its groups."""
    server = start_server("--user", "nobody", "--sandbox", "require")
    nobody = pwd.getpwnam("nobody")
    found = status(server)
    assert found["Uid"].split() == [str(nobody.pw_uid)] * 4
    assert found["Gid"].split() == [str(nobody.pw_gid)] * 4
    assert set(found["Groups"].split()) <= {str(x) for x in os.getgrouplist("nobody", nobody.pw_gid)}
    assert found["CapBnd"] == NONE
    assert json.loads(get(server.url + "/healthz")) == {"status": "ok"}


@ROOT_ONLY
def test_warns_about_root(server):
    assert lines(server, "WARN  sandbox: runs as root")


def test_an_unknown_user_stops_it(start_server):
    with pytest.raises(Failed, match="--user nosuchuser: no such user"):
        start_server("--user", "nosuchuser")


@ROOT_ONLY
def test_only_root_becomes_somebody(tmp_path):
    run = subprocess.run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", BUILD / "myturnd", "--http",
                          "127.0.0.1:0", "--sip", "127.0.0.1:0", "--user", "root"], capture_output=True, text=True,
                         timeout=20)
    if "cannot execute" in run.stderr or "Permission denied" in run.stderr:
        pytest.skip("the build folder is closed to others")
    assert run.returncode == 1 and run.stdout == ""
    assert "only root can become somebody else" in run.stderr


# The kernel refuses the filter where another one, set before, forbids it. This does so, then becomes the daemon.
FORBIDDING = """
import ctypes, errno, os, struct, sys
BPF = {"x86_64": (317, 62), "aarch64": (277, 183)}[os.uname().machine]
load, jump, ret = 0x20, 0x15, 0x06
code = [(load, 0, 0, 0), (jump, 0, 1, BPF[0]), (ret, 0, 0, 0x50000 | errno.EACCES), (ret, 0, 0, 0x7fff0000)]
raw = b"".join(struct.pack("HBBI", *c) for c in code)
buf = ctypes.create_string_buffer(raw)
prog = struct.pack("HxxxxxxP", len(code), ctypes.addressof(buf))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, prog, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


def start_forbidden(tmp_path, mode):
    command = ["/usr/bin/python3", "-c", FORBIDDING, BUILD / "myturnd", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0",
               "--sandbox", mode]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_require_stops_where_a_part_cannot_be_had(tmp_path):
    process = start_forbidden(tmp_path, "require")
    out, err = process.communicate(timeout=20)
    assert process.returncode == 1 and out == ""
    assert re.search("ERROR sandbox: without the filter of system calls: .+; --sandbox require forbids to go on", err)


def test_try_says_so_and_goes_on(tmp_path):
    process = start_forbidden(tmp_path, "try")
    assert process.stdout.readline().startswith("ready ")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert re.search("WARN  sandbox: without the filter of system calls: .+", err)


@ROOT_ONLY
def test_files_are_read_again_as_another_user(start_server, tmp_path):
    """The web page, a link in it, and the certificate after SIGHUP, when only reading is left."""
    open_way(tmp_path)
    web = tmp_path / "web"
    web.mkdir()
    (web / "index.html").write_text("one")
    (web / "real.txt").write_text("linked")
    (web / "link.txt").symlink_to("real.txt")
    cert, key = tmp_path / "c.pem", tmp_path / "k.pem"
    make_certificate(cert, key)
    server = start_server("--web", web, "--https", "127.0.0.1:0", "--sips", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key,
                          "--user", "nobody", "--sandbox", "require")
    before = certificate(server)
    assert get(server.url + "/") == b"one" and get(server.url + "/link.txt") == b"linked"
    (web / "index.html").write_text("two")
    make_certificate(cert, key)
    server.process.send_signal(signal.SIGHUP)
    wait_for("the new page", lambda: get(server.url + "/") == b"two")
    assert get(server.url + "/link.txt") == b"linked"
    wait_for("the new certificate", lambda: certificate(server) != before)


def open_way(folder):
    """The test's folder is closed to others: nobody may pass."""
    while folder != folder.parent and folder.stat().st_uid == os.geteuid():
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH | stat.S_IXGRP)
        folder = folder.parent


def make_certificate(cert, key):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", key, "-out", cert], check=True, capture_output=True)
    key.chmod(0o644)


def certificate(server):
    host, port = server.https.rsplit(":", 1)
    return ssl.get_server_certificate((host, int(port)))


@ROOT_ONLY
def test_a_closed_file_is_told_of_and_the_old_stays(start_server, tmp_path):
    open_way(tmp_path)
    web = tmp_path / "web"
    web.mkdir()
    (web / "index.html").write_text("one")
    server = start_server("--web", web, "--user", "nobody", "--sandbox", "require")
    web.chmod(0o700)
    server.process.send_signal(signal.SIGHUP)
    wait_for("the reason", lambda: lines(server, "ERROR web"))
    assert get(server.url + "/") == b"one"


def test_running_out_of_descriptors(start_server):
    """The loop's way out of it, which opens and closes a spare descriptor, is not barred."""
    server = start_server("--sandbox", "require", before=["prlimit", "--nofile=40:"])
    host, port = server.http.rsplit(":", 1)
    many = []
    for _ in range(60):
        one = socket.create_connection((host, int(port)), 5)
        many.append(one)
    for one in many:
        one.close()
    wait_for("an answer", lambda: alive(server))


def alive(server):
    try:
        return json.loads(get(server.url + "/healthz")) == {"status": "ok"}
    except OSError:
        return False


def test_tells_the_service_manager(tmp_path):
    """What systemd listens for with Type=notify, also at an abstract address."""
    for address in (str(tmp_path / "notify"), f"\0myturn-test-{os.getpid()}"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(address)
            manager.settimeout(10)
            environment = {**os.environ, "NOTIFY_SOCKET": address.replace("\0", "@")}
            process = subprocess.Popen([BUILD / "myturnd", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--sandbox",
                                        "require"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
            assert manager.recv(100) == b"READY=1"
            assert process.stdout.readline().startswith(b"ready ")
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            process.stdout.close()


def test_a_talk(start_server, tmp_path):
    """Login, draw, call over SIP and text between two clients, with the daemon as locked up as it gets."""
    server = start_server("--sandbox", "require", *(["--user", "nobody"] if os.geteuid() == 0 else []))
    pair = [Person(name, server.url, tmp_path, mic="none", speaker="none") for name in ("jeden", "dwa")]
    try:
        everybody(pair, "logged-in")
        for one in pair:
            one.type("")
        everybody(pair, "secure")
        pair[0].type("hello")
        wait(pair, "the text", lambda: pair[1].find("text", body="hello"))
    finally:
        for one in pair:
            one.close()


@pytest.fixture
def probes(tmp_path):
    """The unit test, linked with the very libraries of the daemon."""
    root = pathlib.Path(__file__).resolve().parents[2]
    program = tmp_path / "test_sandbox"
    libraries = sorted(BUILD.glob("src/*/libmt_*.a"))
    packages = subprocess.run(["pkg-config", "--libs", "libseccomp", "libuv", "libssl", "libcrypto", "cmocka"], check=True,
                              capture_output=True, text=True).stdout.split()
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-o", program, "-I", root / "src", "-I", root / "include",
                    root / "tests/unit/server/test_sandbox.c", "-Wl,--start-group", *libraries, "-Wl,--end-group", *packages,
                    "-lhttp_parser", "-pthread"], check=True, timeout=120)
    return program


def test_forbidden_calls_are_refused(probes):
    run = subprocess.run([probes], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    if os.geteuid() == 0:
        assert "SKIPPED" not in run.stdout + run.stderr, "this build has no filter: it shows nothing here"
