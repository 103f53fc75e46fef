"""The clients' rows: how soon two are connected, how late one hears the other, what a talk costs."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time

import mouth_to_ear
from desktop import Sound
from people import Failed, Person, everybody
from tools import PATIENCE_S, PEERS, ROOT, Figure, Sample, Trouble, cpu_s, family, node_modules, pss_bytes, read_line, stop

TALK_S = 6
ADDRESS = "198.51.100.1"  # a documentation address (RFC 5737), on the namespace's own loopback only
CHROMIUM = "Chromium–Chromium, web page"


def browser():
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Pages:
    """Two pages of one Chromium at our web client."""

    def __init__(self, run, talks, *bus):
        web = ROOT / "web/dist"
        if not (web / "index.html").is_file():
            raise Trouble("the page for browsers is not built")
        if not browser():
            raise Trouble("no Chromium is installed")
        server = run.myturnd("--web", web, "--repeat-after-ms", 0)
        folder = run.folder / f"chromium-{run.count}"
        folder.mkdir()
        self.process = run.start(["node", node_modules() / "pages.js", browser(), folder, f"http://{server.http}/", talks, *bus],
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


@contextlib.contextmanager
def network(run):
    """The command prefix of a network namespace of its own, and a folder: baresip takes no loopback address."""
    name = f"myturn-bench-{os.getpid()}"
    if os.geteuid() != 0 or subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        raise Trouble("no network namespace for baresip (needs root)")
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        subprocess.run(["ip", "-n", name, "addr", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
        folder = run.folder / f"baresip-{time.monotonic_ns()}"
        folder.mkdir()
        yield ["ip", "netns", "exec", name, sys.executable, PEERS / "baresip_call.py", ADDRESS, folder, str(TALK_S)]
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def baresip_call(run):
    with network(run) as command:
        done = subprocess.run(command, capture_output=True, text=True, timeout=90)
        if done.returncode != 0:
            raise Trouble(f"baresip: {done.stderr[-200:]}")
        return json.loads(done.stdout)


@contextlib.contextmanager
def bus(run):
    """A sound server with the devices of mouth_to_ear.py, for all that is started inside."""
    before = os.environ.get("PULSE_SERVER")
    sound = Sound(run.folder / f"sound-{time.monotonic_ns()}", modules=mouth_to_ear.BUS)
    os.environ["PULSE_SERVER"] = sound.env["PULSE_SERVER"]
    try:
        sound.pactl("set-default-source", "mic")  # Chromium takes none where the default one is a sink's monitor
        yield
    finally:
        os.environ.pop("PULSE_SERVER")
        if before is not None:
            os.environ["PULSE_SERVER"] = before
        sound.close()


def heard_of_peer(run):
    """The median delay through the bus of who talks there."""
    time.sleep(6)
    try:
        return mouth_to_ear.hear(run.folder, time.sleep, run.few(20, 12), gaps_s=(0.6, 0.9))[0]["median"]
    except RuntimeError as nothing:
        raise Trouble(str(nothing)) from nothing


def mouth_of_baresip(run):
    with bus(run), network(run) as command, run.scope():
        phones = run.start([*command, "bus"], ready="talking", ready_s=60, stdin=subprocess.PIPE)
        found = heard_of_peer(run)
        phones.stdin.close()
        phones.wait(20)
        return found


def mouth_of_chromium(run):
    with bus(run), run.scope():
        pages = Pages(run, 1, "bus")
        while not pages.next().get("talking"):
            pass
        found = heard_of_peer(run)
        stop(pages.process)
        return found


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


def costs_of_baresip(run, cpu, memory):
    found = baresip_call(run)
    cpu.values += found["cpu_percent"]
    memory.values += found["pss_mib"]


def of_peer(run, who, measure):
    try:
        for _ in range(run.few(2, 1)):
            measure()
    except (Trouble, Failed, OSError, subprocess.SubprocessError) as trouble:
        run.say(f"{who} not measured: {trouble}")


def talk(run):
    """Voice between two terminal clients through null sinks of a private PulseAudio: how late it is heard, and what a client costs meanwhile."""
    late = Figure("talk", "mouth to ear through null sinks (wall time)", "ms", Sample("myturn"),
                  [Sample("Chromium–Chromium, web page"), Sample("baresip, G.711, by ALSA's plug-in")], 60, "10 ms packets and echo cancelling")
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
    for peer, measure in zip(late.peers, (mouth_of_chromium, mouth_of_baresip)):
        of_peer(run, peer.who, lambda: peer.values.append(measure(run)))
    of_peer(run, "baresip", lambda: costs_of_baresip(run, cpu.peers[0], memory.peers[0]))
    of_peer(run, "Chromium", lambda: talking_pages(run, cpu.peers[1], memory.peers[1]))
    yield from (late, cpu, memory)


ROWS = {"ready": ready, "talk": talk}
