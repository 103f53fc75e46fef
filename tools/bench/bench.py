"""./bench: measures ours and peers in turn, prints one table. See the head of ./bench for how to call it."""

import argparse
import datetime
import json
import pathlib
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "demo"), str(ROOT / "tests/integration"), str(ROOT / "tools")]

from people import Failed  # noqa: E402

import rows_asterisk  # noqa: E402
import rows_client  # noqa: E402
import rows_server  # noqa: E402
from tools import Figure, Run, Sample, Trouble  # noqa: E402

ROWS = {**rows_server.ROWS, **rows_asterisk.ROWS, **rows_client.ROWS}
MARK_BEGIN, MARK_END = "<!-- figures: begin -->", "<!-- figures: end -->"


def parse():
    p = argparse.ArgumentParser(prog="./bench", description="Measures myTurn and its peers in turn. Without rows: all of them.")
    p.add_argument("rows", nargs="*", metavar="ROW", help="one of: " + " ".join(ROWS))
    p.add_argument("--quick", action="store_true", help="fewer operations and rounds: five minutes instead of twenty-five")
    p.add_argument("--rounds", type=int, help="rounds of each figure (default 5, quick 3)")
    p.add_argument("--json", action="store_true", help="the figures as JSON on standard output instead of a table")
    p.add_argument("--write", action="store_true", help="put the table into docs/bench.md")
    args = p.parse_args()
    unknown = [r for r in args.rows if r not in ROWS]
    if unknown:
        p.error(f"no row {', '.join(unknown)}; there are: {' '.join(ROWS)}")
    return args


def machine():
    cpu = re.search(r"^model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    memory = int(re.search(r"^MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M).group(1)) // 1024
    system = re.search(r'^PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text(), re.M)
    cores = len(re.findall(r"^processor", pathlib.Path("/proc/cpuinfo").read_text(), re.M))
    return {"cpu": cpu.group(1) if cpu else platform.machine(), "cores": cores, "memory_mib": memory, "system": system.group(1) if system else "",
            "kernel": platform.release().split("-")[0], "load_before": round(float(pathlib.Path("/proc/loadavg").read_text().split()[0]), 2),
            "when": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "versions": versions()}


def versions():
    """Of the peers, as their packages name them."""
    names = {"nginx": ["nginx", "-v"], "Kamailio": ["kamailio", "-v"], "Node.js": ["node", "--version"], "sipp": ["sipp", "-v"],
             "Flask": ["/usr/bin/python3", "-c", "import importlib.metadata as m; print(m.version('flask'))"],
             "baresip": ["dpkg-query", "-W", "-f", "${Version}", "baresip-core"], "Chromium": ["dpkg-query", "-W", "-f", "${Version}", "chromium"]}
    found = {}
    for name, command in names.items():
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            continue
        number = re.search(r"\d+\.\d+[\w.]*", done.stdout + done.stderr)
        if number:
            found[name] = number.group(0)
    return found


def number(v):
    if v is None:
        return "–"
    return f"{v:.2f}" if v < 10 else f"{v:.1f}" if v < 100 else f"{v:,.0f}"


def cell(sample, unit):
    if sample.median is None:
        return "–"
    low, high = sample.spread
    return f"{number(sample.median)} {unit} ({number(low)}–{number(high)})"


def lines_of(figure):
    """Cells of the table: one line a peer, the first with our own."""
    budget = "–" if figure.budget is None else f"≤ {number(figure.budget)} {figure.unit}"
    verdict = {None: "", True: " met", False: " **not met**"}[figure.met]
    first = True
    for peer in figure.peers or [None]:
        ratio = peer and peer.median and figure.ours.median
        yield [figure.what if first else "", cell(figure.ours, figure.unit) if first else "",
               f"{peer.who}: {cell(peer, figure.unit)}" if peer else "–",
               f"{peer.median / figure.ours.median:.2f}" if ratio else "–", budget + verdict if first else "", figure.note if first else ""]
        first = False


HEAD = ["figure", "ours", "peer", "peer / ours", "budget", "note"]


def table(figures):
    rows = [HEAD] + [line for f in figures for line in lines_of(f)]
    width = [max(len(r[i]) for r in rows) for i in range(len(HEAD))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, width)).rstrip() for r in rows)


def markdown(figures, about):
    text = [f"Measured {about['when']} on {about['cpu']}, {about['cores']} cores, {about['memory_mib']:,} MiB, {about['system']}, Linux "
            f"{about['kernel']}, load {about['load_before']} before the run; "
            f"{about['rounds']} rounds{', quick' if about['quick'] else ''}, {about['minutes']} minutes.",
            "Peers: " + ", ".join(f"{k} {v}" for k, v in about["versions"].items()) + ".", "",
            "| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    text += ["| " + " | ".join(line) + " |" for f in figures for line in lines_of(f)]
    return "\n".join(text)


def write(figures, about):
    path = ROOT / "docs/bench.md"
    page = path.read_text()
    before, rest = page.split(MARK_BEGIN)
    after = rest.split(MARK_END)[1]
    path.write_text(f"{before}{MARK_BEGIN}\n{markdown(figures, about)}\n{MARK_END}{after}")
    print(f"wrote {path.relative_to(ROOT)}", file=sys.stderr)


def measure(run, names):
    figures = []
    for name in names:
        print(f"{name}: {(ROWS[name].__doc__ or '').strip()}", file=sys.stderr, flush=True)
        with run.scope():
            try:
                if run.over:
                    raise Trouble("the time for the whole run is over")
                for figure in ROWS[name](run):
                    figures.append(figure)
            except (Trouble, Failed, OSError, subprocess.SubprocessError) as trouble:
                run.say(f"not measured: {trouble}")
                figures.append(Figure(name, name, "", Sample("myturn"), note=f"not measured: {' '.join(str(trouble).split())[:160]}"))
    return figures


def interrupted(signum, frame):
    raise KeyboardInterrupt


def main():
    args = parse()
    signal.signal(signal.SIGTERM, interrupted)
    about = machine()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="myturn-bench-") as folder:
        run = Run(pathlib.Path(folder), args.quick, args.rounds or (3 if args.quick else 5))
        figures = measure(run, args.rows or list(ROWS))
    about |= {"rounds": run.rounds, "quick": args.quick, "minutes": round((time.monotonic() - began) / 60, 1)}
    if args.json:
        print(json.dumps({"machine": about, "figures": [f.as_json() for f in figures]}, indent=2, ensure_ascii=False))
    else:
        print(f"{about['cpu']}, {about['cores']} cores, {about['system']}, Linux {about['kernel']}; {run.rounds} rounds, {about['minutes']} minutes")
        print(table(figures))
        print("Medians, in brackets the least and the greatest. CPU time of the measured processes.")
    if args.write:
        write(figures, about)
    return 1 if any(f.note.startswith("not measured:") and f.ours.median is None for f in figures) else 0


try:
    sys.exit(main())
except KeyboardInterrupt:
    print("stopped", file=sys.stderr)
    sys.exit(130)
