"""Runs the simulation over crowds and settings, and writes the figures into docs/simulation.md and the plots beside it.

    tools/sim/report.py [BUILD]     BUILD: a built folder (default build)"""

import html
import json
import math
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MARK_BEGIN, MARK_END = "<!-- figures: begin -->", "<!-- figures: end -->"
COLOURS = ["#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df"]


def simulate(program, **options):
    words = [w for key, value in options.items() for w in (f"--{key}", str(value))]
    print("  " + " ".join(words), file=sys.stderr, flush=True)
    return json.loads(subprocess.run([program, *words], check=True, capture_output=True, text=True, timeout=900).stdout)


def seconds(users):
    """Virtual time enough for some ten thousand draws, and for the crowd to find its pace."""
    return max(240, min(40000, 2000000 // users))


class Plot:
    """A small chart with a logarithmic x axis, as SVG."""
    WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 64, 150, 44, 48

    def __init__(self, title, x_label, y_label, y_max):
        self.title, self.x_label, self.y_label, self.y_max, self.series = title, x_label, y_label, y_max, []

    def add(self, name, points):
        self.series.append((name, points))

    def place(self, x, y, low, high):
        across = (math.log10(x) - low) / (high - low)
        return (self.LEFT + across * (self.WIDTH - self.LEFT - self.RIGHT),
                self.HEIGHT - self.BOTTOM - min(y, self.y_max) / self.y_max * (self.HEIGHT - self.TOP - self.BOTTOM))

    def svg(self):
        xs = sorted({x for _, points in self.series for x, _ in points})
        low, high = math.log10(xs[0]), math.log10(xs[-1])
        out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.WIDTH} {self.HEIGHT}" font-family="sans-serif" font-size="12" role="img">',
               f"<title>{html.escape(self.title)}</title>", f'<rect width="{self.WIDTH}" height="{self.HEIGHT}" fill="#ffffff"/>',
               f'<text x="{self.LEFT}" y="24" font-size="15" fill="#1f2328">{html.escape(self.title)}</text>']
        for i in range(5):
            value = self.y_max * i / 4
            x, y = self.place(xs[0], value, low, high)
            out.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{self.WIDTH - self.RIGHT}" y2="{y:.1f}" stroke="#d0d7de"/>')
            out.append(f'<text x="{x - 8:.1f}" y="{y + 4:.1f}" text-anchor="end" fill="#59636e">{value:g}</text>')
        for x in xs:
            if math.log10(x) % 1 < 1e-9 or len(xs) <= 8:
                at, y = self.place(x, 0, low, high)
                out.append(f'<text x="{at:.1f}" y="{y + 18:.1f}" text-anchor="middle" fill="#59636e">{x:,}</text>')
        out.append(f'<text x="{(self.LEFT + self.WIDTH - self.RIGHT) / 2}" y="{self.HEIGHT - 8}" text-anchor="middle" fill="#1f2328">'
                   f"{html.escape(self.x_label)}</text>")
        out.append(f'<text transform="translate(16 {self.HEIGHT / 2}) rotate(-90)" text-anchor="middle" fill="#1f2328">{html.escape(self.y_label)}</text>')
        for i, (name, points) in enumerate(self.series):
            colour = COLOURS[i % len(COLOURS)]
            at = [self.place(x, y, low, high) for x, y in points]
            out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in at)}"/>')
            out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in at]
            y = self.TOP + 14 + 20 * i
            out.append(f'<rect x="{self.WIDTH - self.RIGHT + 14}" y="{y - 9}" width="12" height="4" fill="{colour}"/>')
            out.append(f'<text x="{self.WIDTH - self.RIGHT + 32}" y="{y - 3}" fill="#1f2328">{html.escape(name)}</text>')
        return "\n".join(out + ["</svg>", ""])

    def write(self, name):
        (ROOT / f"docs/pictures/{name}.svg").write_text(self.svg())


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(r) + " |" for r in rows)])


def percent(v):
    return "0" if v == 0 else f"{100 * v:.2f} %" if v < 0.01 else f"{100 * v:.1f} %"


def crowds(program):
    runs = [simulate(program, users=n, seconds=seconds(n)) for n in (2, 3, 4, 6, 10, 30, 100, 1000, 10000, 100000, 1000000)]
    wait = Plot("How long one waits", "users online", "seconds", 10)
    for name, key in (("99 of 100", "wait_p99_s"), ("9 of 10", "wait_p90_s"), ("half", "wait_p50_s")):
        wait.add(name + " wait less", [(r["users"], r[key]) for r in runs])
    wait.write("simulation-wait")
    again = Plot("Whom one meets again", "users online", "share of draws, %", 100)
    again.add("the last partner", [(r["users"], 100 * r["again_last"]) for r in runs])
    again.add("one of the last five", [(r["users"], 100 * r["again_recent"]) for r in runs])
    again.write("simulation-again")
    return table(["users online", "draws", "mean wait", "half wait less than", "9 of 10", "99 of 100", "the last partner again", "one of the last five again"],
                 [[f"{r['users']:,}", f"{r['draws']:,}", f"{r['wait_mean_s']:.3f} s", f"{r['wait_p50_s']:.2f} s", f"{r['wait_p90_s']:.2f} s",
                   f"{r['wait_p99_s']:.2f} s", percent(r["again_last"]), percent(r["again_recent"])] for r in runs])


def windows(program):
    sizes, rows = (4, 10, 30, 100, 1000), []
    wait = Plot("What a window costs", "users online", "mean wait, seconds", 4)
    again = Plot("What a window brings", "users online", "one of the last five again, %", 100)
    for window in (0, 200, 500, 1000, 2000):
        runs = [simulate(program, users=n, seconds=seconds(n), window=window) for n in sizes]
        wait.add(f"{window} ms", [(r["users"], r["wait_mean_s"]) for r in runs])
        again.add(f"{window} ms", [(r["users"], 100 * r["again_recent"]) for r in runs])
        rows.append([f"{window} ms", *(f"{r['wait_mean_s']:.2f} s · {percent(r['again_recent'])}" for r in runs)])
    wait.write("simulation-window-wait")
    again.write("simulation-window-again")
    return table(["draw_window_ms", *(f"{n:,} users" for n in sizes)], rows)


def repeats(program):
    sizes, rows = (2, 3, 4, 6, 10, 30), []
    again = Plot("How long last partners are kept apart", "users online", "the last partner again, %", 100)
    for repeat in (0, 1000, 3000, 10000, 30000):
        runs = [simulate(program, users=n, seconds=seconds(n), repeat=repeat) for n in sizes]
        again.add(f"{repeat / 1000:g} s", [(r["users"], 100 * r["again_last"]) for r in runs])
        rows.append([f"{repeat:,} ms", *(f"{r['wait_mean_s']:.1f} s · {percent(r['again_last'])}" for r in runs)])
    again.write("simulation-repeat")
    return table(["repeat_after_ms", *(f"{n:,} users" for n in sizes)], rows)


def main():
    program = ROOT / (sys.argv[1] if len(sys.argv) > 1 else "build") / "tools/sim/simulate"
    text = "\n\n".join([
        "## The crowd's size\n\n![Waiting times](pictures/simulation-wait.svg)\n![Partners met again](pictures/simulation-again.svg)", crowds(program),
        "## A window before the draw\n\nMean wait · chance that the partner is one of the last five.\n\n![Its cost](pictures/simulation-window-wait.svg)\n"
        "![Its use](pictures/simulation-window-again.svg)", windows(program),
        "## How long last partners are kept apart\n\nMean wait · chance that the partner is the last one again.\n\n"
        "![Last partners](pictures/simulation-repeat.svg)", repeats(program)])
    path = ROOT / "docs/simulation.md"
    before, rest = path.read_text().split(MARK_BEGIN)
    path.write_text(f"{before}{MARK_BEGIN}\n{text}\n{MARK_END}{rest.split(MARK_END)[1]}")


main()
