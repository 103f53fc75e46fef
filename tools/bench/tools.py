"""What the rows share: processes that end with us, load generators, medians, and how a figure is kept."""

import contextlib
import json
import os
import pathlib
import re
import select
import shutil
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
PEERS = ROOT / "tools/bench/peers"
LIMIT_MIN, LIMIT_QUICK_MIN = 23, 4.5  # of the whole, after which no row is begun
PATIENCE_S = 120  # for one answer of a generator


class Trouble(Exception):
    """A row cannot be measured; the text says why."""


@dataclass
class Sample:
    """One side of a figure: who, and a value a round."""
    who: str
    values: list = field(default_factory=list)

    @property
    def median(self):
        return statistics.median(self.values) if self.values else None

    @property
    def spread(self):
        return (min(self.values), max(self.values)) if self.values else None


@dataclass
class Figure:
    row: str
    what: str
    unit: str
    ours: Sample
    peers: list = field(default_factory=list)
    budget: float | None = None
    note: str = ""

    def as_json(self):
        def side(s):
            return {**asdict(s), "median": s.median}
        return {"row": self.row, "figure": self.what, "unit": self.unit, "ours": side(self.ours), "peers": [side(p) for p in self.peers],
                "budget": self.budget, "met": self.met, "note": self.note}

    @property
    def met(self):
        return None if self.budget is None or self.ours.median is None else self.ours.median <= self.budget


class Run:
    """One run of ./bench: its options, its folder, and everything it started, ended in reverse order."""

    def __init__(self, folder, quick, rounds):
        self.folder, self.quick, self.rounds = folder, quick, rounds
        self.deadline = time.monotonic() + 60 * self.few(LIMIT_MIN, LIMIT_QUICK_MIN)
        self.stack = contextlib.ExitStack()
        self.count = 0

    def say(self, text):
        print(f"  {text}", file=sys.stderr, flush=True)

    @property
    def over(self):
        """Whether the whole run has had its time: then what has a value is left at that, and the rest is not measured."""
        return time.monotonic() > self.deadline

    def few(self, many, few):
        return few if self.quick else many

    @contextlib.contextmanager
    def scope(self):
        """What is started inside ends with it."""
        outer, self.stack = self.stack, contextlib.ExitStack()
        try:
            with self.stack:
                yield
        finally:
            self.stack = outer

    def start(self, command, ready=None, ready_s=20, **kw):
        """Starts a process that ends with us; waits for a line that matches `ready` on its standard output."""
        self.count += 1
        log = (self.folder / f"{self.count}-{pathlib.Path(str(command[0])).name}.log").open("wb")
        process = subprocess.Popen([str(c) for c in command], stdin=kw.pop("stdin", subprocess.DEVNULL),
                                   stdout=kw.pop("stdout", subprocess.PIPE if ready else log), stderr=log, **kw)
        process.log = log.name
        self.stack.callback(stop, process)
        if ready:
            line = read_line(process, ready_s)
            process.ready = re.match(ready, line)
            if not process.ready:
                raise Trouble(f"{command[0]} did not start: {line!r} {tail(process.log)}")
        return process

    def myturnd(self, *options):
        """Our server as an operator starts it, without limits for the one address that all the load comes from, and with lives
        long enough for a run that pauses."""
        hour_ms = "3600000"
        process = self.start(
            [BUILD / "myturnd", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--lease-s", "3600", "--first-lease-s", "3600",
             "--idle-ms", hour_ms, "--flow-idle-ms", hour_ms, "--qualify-ms", hour_ms, "--first-byte-ms", hour_ms, *options],
            ready=r"ready http=(\S+) sip=(\S+)(?: https=(\S+))?(?: sips=(\S+))?")
        process.http, process.sip, process.https, process.sips = process.ready.groups()
        return process


def tail(path):
    return pathlib.Path(path).read_text(errors="replace")[-1500:]


def read_line(process, limit_s):
    """A line of a process's standard output, '' at its end; Trouble when none comes in time."""
    if not hasattr(process, "left"):
        process.left = b""
    end = time.monotonic() + limit_s
    while b"\n" not in process.left:
        if not select.select([process.stdout], [], [], max(0, end - time.monotonic()))[0]:
            raise Trouble(f"{process.args[0]} says nothing for {limit_s} s: {tail(process.log)}")
        data = os.read(process.stdout.fileno(), 65536)
        if not data:
            return ""
        process.left += data
    line, process.left = process.left.split(b"\n", 1)
    return line.decode(errors="replace")


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def family(pid):
    """pid and all that descend from it."""
    found = [pid]
    for one in found:
        for task in pathlib.Path(f"/proc/{one}/task").glob("*"):
            found += [int(p) for p in (task / "children").read_text().split()]
    return found


def cpu_s(pids):
    """CPU time of the processes, threads that have ended included, in seconds, to the nanosecond."""
    return sum(time.clock_gettime(((~pid) << 3) | 2) for pid in pids)


def pss_bytes(pids):
    """Memory in proportion: what is shared counts by the number of those who share it."""
    return sum(int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M).group(1)) * 1024
               for pid in pids)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(process, port, limit_s=20):
    end = time.monotonic() + limit_s
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise Trouble(f"{process.args[0]} does not listen: {tail(process.log)}")


def wait_for_sip(process, port):
    """By UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("127.0.0.1", port))
        probe.settimeout(0.3)
        for _ in range(100):
            try:
                probe.send(b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n"
                           b"Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
                probe.recv(4096)
                return
            except OSError:
                if process.poll() is not None:
                    break
                time.sleep(0.1)  # refused: it does not listen yet
    raise Trouble(f"{process.args[0]} does not answer by SIP: {tail(process.log)}")


def need(program):
    path = shutil.which(program)
    if not path:
        raise Trouble(f"{program} is not installed")
    return path


def node_modules():
    """The folder of the peers on Node.js, with what its lock file names installed."""
    folder = PEERS / "ws"
    if not (folder / "node_modules/ws/package.json").is_file():
        done = subprocess.run([need("npm"), "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder, timeout=300, capture_output=True, text=True)
        if done.returncode != 0:
            raise Trouble(f"npm ci: {done.stderr[-500:]}")
    return folder


class Generator:
    """A load generator set up against one server; .round() gives one result."""

    def __init__(self, run, name, processes, *options):
        pids = ",".join(str(pid) for process in processes for pid in family(process.pid))
        measured = ["--pids", pids] if pids else []
        self.process = run.start([BUILD / f"tools/bench/bench-{name}", *measured, *options], ready=r"ready$", ready_s=PATIENCE_S,
                                 stdin=subprocess.PIPE)

    def round(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        line = read_line(self.process, PATIENCE_S)
        if not line:
            raise Trouble(f"{self.process.args[0]}: {tail(self.process.log)}")
        return json.loads(line)


def take_turns(run, figure, generators, scale=1e-3):
    """Rounds in which all sides measure one after the other: ours, the peers, ours again … The first round warms up and does not count.
    scale: from nanoseconds an operation to the figure's unit."""
    sides = [figure.ours, *figure.peers]
    for n in range(run.rounds + 1):
        if run.over and n > 1:
            break
        for side, generator in zip(sides, generators):
            r = generator.round()
            if n > 0:
                side.values.append(r["cpu_ns"] / r["ops"] * scale)
        run.say(f"{figure.what}: round {n} of {run.rounds}")
    return figure
