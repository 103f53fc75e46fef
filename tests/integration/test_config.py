"""The daemon's configuration: file, command line, checks, SIGHUP; health and metrics."""

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from api import Api, User, pair
from people import BUILD, ROOT, Server
from sip_ua import Tcp, Ua


def myturnd(*words):
    return subprocess.run([BUILD / "myturnd", *map(str, words)], capture_output=True, text=True, timeout=10)


def write(folder, text):
    path = folder / "myturnd.conf"
    path.write_text(text)
    return path


def printed(*words):
    """The sections and values of --print-config."""
    result, section = {}, None
    done = myturnd(*words, "--print-config")
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and line[0] not in "#":
            key, _, value = line.lstrip(";").partition("=")
            result[section, key.strip()] = None if line[0] == ";" else value.strip()
    return result


def wait_for(server, text):
    server.logged(re.escape(text))


def test_a_file_is_taken_and_the_command_line_is_over_it(tmp_path):
    path = write(tmp_path, "# mine\n[limits]\nmax_users = 7\nmax_connections = 70 ; few\n[log]\nlog_level = debug\n")
    values = printed("--config", path, "--max-users", "8")
    assert values["limits", "max_users"] == "8"
    assert values["limits", "max_connections"] == "70"
    assert values["log", "log_level"] == "debug"
    assert values["limits", "requests_per_minute"] == "6000"
    done = myturnd("--config", path, "--check-config")
    assert done.returncode == 0 and done.stderr == ""


def test_what_is_printed_is_a_configuration(tmp_path):
    first = myturnd("--print-config", "--max-users", "12", "--trusted-proxies", "10.0.0.0/8 ::1").stdout
    path = write(tmp_path, first)
    assert myturnd("--config", path, "--print-config").stdout == first
    assert myturnd("--config", path, "--check-config").returncode == 0


def test_all_faults_are_listed_with_line_key_and_range(tmp_path):
    path = write(tmp_path, "[limits]\nmax_users = 1\nfrob = 3\nhttp = 127.0.0.1:80\n\n[listne]\n[sip]\nt1_ms = fast\nt1_ms = 9\njunk\n")
    for words, status in ((("--check-config",), 1), ((), 2)):
        done = myturnd("--config", path, "--lease-s", "0", *words)
        assert done.returncode == status and done.stdout == ""
        for said in (f"{path}:2: max_users: '1' is not a number from 2 to 10000000", f"{path}:3: unknown key 'frob'",
                     f"{path}:4: http: belongs in section [listen]", f"{path}:6: unknown section 'listne'",
                     f"{path}:8: t1_ms: 'fast' is not a number from 10 to 10000", f"{path}:9: t1_ms: given twice, first in line 8",
                     f"{path}:10: this is not 'key = value'", "--lease-s: '0' is not a number from 1 to 86400"):
            assert said in done.stderr, said


@pytest.mark.parametrize("text,said", [
    ("[tls]\ntls_cert = /c.pem\n", ":2: tls_cert: tls_cert and tls_key are needed both"),
    ("[listen]\nhttps = 127.0.0.1:0\n", ":2: https: needs tls_cert and tls_key, or self_signed"),
    ("[api]\nopen_api_anywhere = yes\n", ":2: open_api_anywhere: means nothing without open_api"),
    ("[sip]\nmin_expires_s = 4000\n", ":2: min_expires_s: is more than max_expires_s"),
    ("[api]\nweb = /no/such/folder\n", ":2: web: '/no/such/folder' cannot be read"),
])
def test_options_that_do_not_go_together(tmp_path, text, said):
    done = myturnd("--config", write(tmp_path, text), "--check-config")
    assert done.returncode == 1 and said in done.stderr


def test_a_file_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "nothing", tmp_path):
        done = myturnd("--config", path)
        assert done.returncode == 2 and f"{path}: cannot be read" in done.stderr


def test_the_sample_and_the_manual_name_every_option(tmp_path):
    options = printed()
    sample = (ROOT / "deploy" / "myturnd.conf").read_text()
    manual = (ROOT / "docs" / "man" / "myturnd.conf.5").read_text()
    values = {}
    for line in sample.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line.startswith(";"):
            key, _, value = line[1:].partition("=")
            values[section, key.strip()] = value.strip() or None
    assert values == options, "the sample shows the defaults"
    for _, key in options:
        assert re.search(rf"^\.It Cm (.* , )?{key}( |$)", manual, re.M), key
    assert myturnd("--config", write(tmp_path, sample), "--print-config").stdout == myturnd("--print-config").stdout
    bare = write(tmp_path, re.sub(r"^;(\S+ = \S)", r"\1", sample, flags=re.M))
    assert myturnd("--config", bare, "--check-config").returncode == 0


def test_limits_come_from_the_file(tmp_path):
    path = write(tmp_path, "[limits]\nmax_users = 2\nbody_bytes = 1024\n[login]\nlease_s = 7\nfirst_exten = 222000\n[draw]\nmax_wait_s = 1\n")
    server = Server(tmp_path, options=("--config", path))
    try:
        user = User(server.url, "jeden")
        assert user.login["lease_s"] == 7 and user.login["exten"] == "222000"
        start = time.monotonic()
        answer = user.wait_turn(30)
        assert answer.json["state"] == "waiting" and time.monotonic() - start < 10
        assert answer.headers["Preference-Applied"] == "wait=1"
        assert user.post("/v1/turn", {"leave": "x" * 2000}).status == 413
        User(server.url, "dwa")
        assert Api(server.url).post("/v1/users", {"name": "trzy"}).status == 503
    finally:
        server.close()


def test_sighup_takes_what_can_be_taken_and_says_what_cannot(tmp_path):
    token = tmp_path / "token"
    token.write_text("a" * 32 + "\n")
    token.chmod(0o600)
    path = write(tmp_path, f"[api]\noperator_token_file = {token}\n[limits]\nlimit_loopback = yes\nrequests_per_minute = 5\n")
    server = Server(tmp_path, options=("--config", path))
    operator = Api(server.url, token="b" * 32, source="127.0.0.3")
    try:
        answers = [Api(server.url).get("/healthz").status for _ in range(8)]
        assert answers[-1] == 429 and operator.get("/user-status").status == 401
        token.write_text("b" * 32 + "\n")
        write(tmp_path, f"[api]\noperator_token_file = {token}\n[limits]\nlimit_loopback = yes\nrequests_per_minute = 50000\n"
                        "max_users = 9\n[log]\nlog_level = debug\n")
        os.kill(server.process.pid, signal.SIGHUP)
        wait_for(server, "config: changed: log_level, requests_per_minute")
        wait_for(server, "config: needs a restart: max_users")
        time.sleep(0.3)
        assert [Api(server.url).get("/healthz").status for _ in range(20)] == [200] * 20
        assert operator.get("/user-status").status == 200
        write(tmp_path, "[limits]\nmax_users = 1\n")
        os.kill(server.process.pid, signal.SIGHUP)
        wait_for(server, "max_users: '1' is not a number")
        wait_for(server, "everything stays as it was")
        assert operator.get("/user-status").status == 200
    finally:
        server.close()


def test_a_lease_that_sighup_shortens_is_short_at_once(tmp_path):
    """Logins from before kept theirs until it ran out, a day later where it had been a day."""
    path = write(tmp_path, "[login]\nfirst_lease_s = 3600\n")
    server = Server(tmp_path, options=("--config", path))
    try:
        User(server.url, "jeden")
        write(tmp_path, "[login]\nfirst_lease_s = 1\n")
        os.kill(server.process.pid, signal.SIGHUP)
        wait_for(server, "config: changed: first_lease_s")
        end = time.monotonic() + 20
        while Api(server.url).get("/v1/stats").json["online"] != 0:
            assert time.monotonic() < end, server.log.read_text()
            time.sleep(0.1)
        assert "lapsed" in server.log.read_text()
    finally:
        server.close()


def test_a_relay_that_comes_by_sighup_holds_for_phones_that_are_there(tmp_path):
    """They were drawn on, by plain RTP from address to address; the SIP server then refused the call (488), and both were drawn anew."""
    secret = tmp_path / "secret"
    secret.write_text("s" * 32 + "\n")
    secret.chmod(0o600)
    path = write(tmp_path, "[login]\nfirst_lease_s = 300\n")
    server = Server(tmp_path, options=("--config", path))
    try:
        login = Api(server.url).post("/v1/users", {"name": "telefon", "device": "phone"}).json
        phone, both = Api(server.url, token=login["token"]), User(server.url, "jeden")
        assert both.post("/v1/turn", {"link": ["gcm", "rtp"]}, headers={"Prefer": "wait=0"}).json["state"] == "waiting"
        write(tmp_path, f"[login]\nfirst_lease_s = 300\n[ice]\nturn = turn:turn.example.org:3478\nturn_secret_file = {secret}\n")
        os.kill(server.process.pid, signal.SIGHUP)
        wait_for(server, "config: changed: turn, turn_secret_file")
        for answer in (phone.post("/v1/turn", {"link": ["rtp"]}), phone.post("/v1/turn"), phone.put("/update-status-rdy/telefon")):
            assert answer.status == 400 and answer.json["code"] == "invalid_link"
        assert phone.get("/v1/me").json["status"] == 0
        assert both.post("/v1/turn", {"link": ["gcm", "rtp"]}, headers={"Prefer": "wait=0"}).json["state"] == "waiting"
    finally:
        server.close()


@pytest.mark.parametrize("_", range(5))
def test_a_sighup_that_comes_too_late_kills_nobody(server, _):
    """It met no handler any more, and the server died of it in the midst of its end."""
    server.process.send_signal(signal.SIGTERM)
    end = time.monotonic() + 20
    while server.process.poll() is None:
        assert time.monotonic() < end
        server.process.send_signal(signal.SIGHUP)
    assert server.process.returncode == 0


# Health and metrics

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABELS = r'\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*")*\}'


def parse_metrics(text):
    """What promtool would check: each metric has one HELP and TYPE before its samples, in one run; names, labels and numbers are
    well-formed, no sample comes twice, counters end in _total, histograms rise to +Inf and agree with their count."""
    samples, kinds, done, current = {}, {}, set(), None
    assert text.endswith("\n")
    for line in text.splitlines():
        comment = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line)
        if comment:
            what, name, rest = comment.groups()
            if what == "HELP":
                assert name not in done, name
                done.add(name)
                current = name
            else:
                assert name == current and rest in ("counter", "gauge", "histogram")
                kinds[name] = rest
            continue
        sample = re.fullmatch(rf"({NAME})({LABELS})? (\d+(?:\.\d+)?)", line)
        assert sample, line
        name, labels, value = sample.groups()
        base = re.sub(r"_(bucket|sum|count)$", "", name) if kinds[current] == "histogram" else name
        assert base == current and name.startswith("myturn_"), line
        assert (kinds[current] == "counter") == name.endswith("_total"), line
        assert name + (labels or "") not in samples, line
        samples[name + (labels or "")] = float(value)
    for name, kind in kinds.items():
        if kind == "histogram":
            buckets = [(k, v) for k, v in samples.items() if k.startswith(f"{name}_bucket")]
            assert [v for _, v in buckets] == sorted(v for _, v in buckets)
            assert buckets[-1] == (f'{name}_bucket{{le="+Inf"}}', samples[f"{name}_count"])
            assert f"{name}_sum" in samples
    return samples


def metrics(server, **kw):
    answer = Api(server.url, **kw).get("/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return parse_metrics(answer.raw.decode())


def test_metrics_count_what_happens(server):
    assert metrics(server)['myturn_users{status="busy"}'] == 0
    one, two, three = (User(server.url, name) for name in ("jeden", "dwa", "trzy"))
    assert three.put("/update-status-rdy/trzy").status == 200
    assert three.put("/update-status-busy/trzy").status == 200
    host, port = server.sip.rsplit(":", 1)
    phones = [Ua((host, int(port)), user.login, Tcp) for user in (one, two)]
    for phone in phones:
        phone.register()
    drawn = pair(one, two)
    call = phones[0].invite(drawn["exten"])
    invite = phones[1].expect("INVITE")
    phones[1].answer(invite)
    phones[0].ack(call, phones[0].expect(200))
    phones[1].expect("ACK")
    assert Api(server.url).get("/v1/me").status == 401
    assert Api(server.url).get("/nowhere").status == 404
    text = Api(server.url).get("/metrics").raw.decode()
    assert not re.search("jeden|dwa|trzy|11100", text)
    seen = parse_metrics(text)
    expected = {
        'myturn_users{status="busy"}': 1, 'myturn_users{status="ready_to_talk"}': 2, "myturn_users_registered": 2,
        "myturn_calls_up": 1, "myturn_calls_total": 1, "myturn_draws_total": 1, "myturn_draw_wait_seconds_count": 2,
        "myturn_setup_seconds_count": 1, 'myturn_sip_requests_total{method="INVITE"}': 2,
        'myturn_sip_requests_total{method="REGISTER"}': 4, 'myturn_refusals_total{reason="unauthorized"}': 1,
        'myturn_refusals_total{reason="not_found"}': 1}
    for name, value in expected.items():
        assert seen[name] == value, (name, seen[name])
    assert seen['myturn_sip_responses_total{class="2xx"}'] >= 3 and seen['myturn_sip_responses_total{class="4xx"}'] >= 3
    assert seen["myturn_connections_open"] >= 3 and seen["myturn_loop_lag_seconds_count"] >= 0
    for phone in phones:
        phone.close()


def test_health(server):
    answer = Api(server.url).get("/healthz")
    assert answer.status == 200 and answer.json == {"status": "ok"}


@pytest.mark.parametrize("who,local,proxied,operator", [("operator", 401, 401, 200), ("loopback", 200, 401, 200), ("open", 200, 200, 200)])
def test_who_may_see_metrics(start_server, tmp_path, who, local, proxied, operator):
    token = pathlib.Path(tmp_path / "token")
    token.write_text("t" * 40 + "\n")
    server = start_server("--metrics", who, "--operator-token-file", token)
    assert Api(server.url).get("/metrics").status == local
    # A proxy on this machine that nobody told of: its clients are strangers.
    assert Api(server.url).get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status == proxied
    assert Api(server.url, token="t" * 40).get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status == operator
