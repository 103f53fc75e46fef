"""The clients' rows: how soon two are connected, how late one hears the other, what a talk costs."""

import json
import os
import shutil
import subprocess
import sys
import time

from people import Failed, Person, everybody
from tools import PATIENCE_S, PEERS, ROOT, Figure, Sample, Trouble, cpu_s, family, node_modules, pss_bytes, read_line, stop

TALK_S = 6
ADDRESS = "198.51.100.1"  # a documentation address (RFC 5737), on the namespace's own loopback only
CHROMIUM = "Chromium–Chromium, web page"


def browser():
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Pages:
    """Two pages of one Chromium at our web client."""

    def __init__(self, run, talks):
        web = ROOT / "web/dist"
        if not (web / "index.html").is_file():
            raise Trouble("the page for browsers is not built")
        if not browser():
            raise Trouble("no Chromium is installed")
        server = run.myturnd("--web", web, "--repeat-after-ms", 0)
        folder = run.folder / f"chromium-{run.count}"
        folder.mkdir()
        self.process = run.start(["node", node_modules() / "pages.js", browser(), folder, f"http://{server.http}/", talks],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def next(self):
        line = read_line(self.process, PATIENCE_S)
        if not line:
            raise Trouble("the pages ended: " + open(self.process.log, encoding="utf-8", errors="replace").read()[-300:])
        return json.loads(line)


def own_talks(run, count, values):
    """Two terminal clients; after each talk both say ready again."""
    server = run.myturnd("--repeat-after-ms", 0)
    url = f"http://{server.http}"
    people = [Person(name, url, run.folder, mic="none", speaker="none") for name in ("bench1", "bench2")]
    try:
        everybody(people, "logged-in", 60)
        for n in range(count):
            begin = time.monotonic()
            for person in people:
                person.events.clear()
                person.type("")
            everybody(people, "secure", 60)
            done = max(p.find("secure")[0]["at"] for p in people)
            values.append((done - begin) * 1000)
            people[0].type("q")
            people[0].type("y")
            everybody(people, "ended", 60)
            time.sleep(0.5)
            run.say(f"both ready to secure: talk {n + 1} of {count}")
    finally:
        for person in people:
            person.close()
    del values[0]  # warms up


def ready(run):
    """From the later "ready" to the four words on both sides: two terminal clients, and two pages of a browser. Time on the wall."""
    figure = Figure("ready", "both ready → link secure (wall time)", "ms", Sample("myturn"), [Sample(CHROMIUM)], 100)
    count = run.few(10, 4)
    own_talks(run, count + 1, figure.ours.values)
    try:
        with run.scope():
            pages = Pages(run, count + 1)
            figure.peers[0].values = [pages.next()["secure_ms"] for _ in range(count + 1)][1:]
    except Trouble as trouble:
        figure.note = f"Chromium not measured: {trouble}"
    yield figure


def baresip_call(run):
    name = f"myturn-bench-{os.getpid()}"
    if os.geteuid() != 0 or subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        raise Trouble("no network namespace for baresip (needs root)")
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        subprocess.run(["ip", "-n", name, "addr", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
        folder = run.folder / f"baresip-{time.monotonic_ns()}"
        folder.mkdir()
        done = subprocess.run(["ip", "netns", "exec", name, sys.executable, PEERS / "baresip_call.py", ADDRESS, folder, str(TALK_S)],
                              capture_output=True, text=True, timeout=90)
        if done.returncode != 0:
            raise Trouble(f"baresip: {done.stderr[-200:]}")
        return json.loads(done.stdout)
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def talking_pages(run, cpu, memory):
    """One client is half of a browser with two pages: less than a browser of its own would take."""
    with run.scope():
        pages = Pages(run, 1)
        while not pages.next().get("talking"):
            pass
        time.sleep(3)
        pids = family(pages.process.pid)[1:]  # without node, which drives
        before, began = cpu_s(pids), time.monotonic()
        time.sleep(TALK_S)
        cpu.values.append(100 * (cpu_s(pids) - before) / (time.monotonic() - began) / 2)
        memory.values.append(pss_bytes(pids) / 1048576 / 2)
        stop(pages.process)


def mouth_once(run):
    done = subprocess.run([sys.executable, ROOT / "tools/mouth_to_ear.py", "--chirps", str(run.few(20, 12))], capture_output=True, text=True,
                          timeout=150)
    if done.returncode != 0:
        raise Trouble(f"mouth_to_ear.py: {done.stderr[-300:]}")
    return json.loads(done.stdout)


def talk(run):
    """Voice between two terminal clients through null sinks of a private PulseAudio: how late it is heard, and what a client costs meanwhile."""
    late = Figure("talk", "mouth to ear through null sinks (wall time)", "ms", Sample("myturn"), [], 60,
                  "10 ms packets; Chromium and baresip are not measured here")
    cpu = Figure("talk", "a client in a voice call, CPU of one core", "%", Sample("myturn"), [Sample("baresip, G.711 from a file"), Sample(CHROMIUM)], 4,
                 "ours with echo cancelling, sound server and Opus of 10 ms")
    memory = Figure("talk", "a client in a voice call, memory", "MiB", Sample("myturn"), [Sample("baresip"), Sample("Chromium, half of two pages")], 28,
                    "proportional (PSS)")
    for n in range(run.few(5, 1)):
        result = mouth_once(run)
        late.ours.values.append(result["mouth_to_ear_ms"]["median"])
        cpu.ours.values += [result[side]["cpu_percent"] for side in ("speaker", "listener")]
        memory.ours.values += [result[side]["pss_mib"] for side in ("speaker", "listener")]
        run.say(f"mouth to ear: talk {n + 1} of {run.few(5, 1)}")
    peers = [("baresip", lambda: baresip_call(run)), ("Chromium", lambda: talking_pages(run, cpu.peers[1], memory.peers[1]))]
    for name, measure in peers:
        try:
            for _ in range(run.few(2, 1)):
                found = measure()
                if found:
                    cpu.peers[0].values += found["cpu_percent"]
                    memory.peers[0].values += found["pss_mib"]
        except (Trouble, Failed, OSError, subprocess.SubprocessError) as trouble:
            run.say(f"{name} not measured: {trouble}")
    yield from (late, cpu, memory)


ROWS = {"ready": ready, "talk": talk}
