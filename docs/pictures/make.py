"""Draws docs/pictures/talk.svg: two terminal clients in a real talk over a fresh server, as tmux shows them.

    python3 docs/pictures/make.py        (after ./run has built; needs tmux)
"""

import html
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "demo"))

from people import BUILD, Server  # noqa: E402

COLUMNS, ROWS, CELL, LINE, PAD = 84, 18, 7.3, 16, 14
SCRIPT = [("jeden", "", 1.2), ("dwa", "", 1.5), ("jeden", "Cześć! Kto tam?", 0.6), ("dwa", "Somebody who wanted to talk.", 0.6),
          ("jeden", "m", 0.8), ("dwa", "I hear you.", 0.8)]


class Terminal:
    def __init__(self, socket, name, url):
        self.base = ["tmux", "-L", socket]
        self.name = name
        command = f"{BUILD}/myturn --server {url} --name {name} --mic tone:440 --speaker none"
        subprocess.run([*self.base, "new-session", "-d", "-s", name, "-x", str(COLUMNS), "-y", str(ROWS), command], check=True)

    def type(self, text):
        for keys in ([text] if text else []), ["Enter"]:
            if keys:
                subprocess.run([*self.base, "send-keys", "-t", self.name, *keys], check=True)

    def lines(self):
        out = subprocess.run([*self.base, "capture-pane", "-p", "-t", self.name], check=True, capture_output=True, text=True)
        return out.stdout.split("\n")[:ROWS]


def window(terminal, x):
    width, height = COLUMNS * CELL + 2 * PAD, ROWS * LINE + 2 * PAD + 24
    rows = [f'<g transform="translate({x},0)"><rect width="{width:.0f}" height="{height}" rx="8" fill="#1e2030"/>',
            f'<text x="{width / 2:.0f}" y="17" text-anchor="middle" fill="#a5adcb" font-size="12">{terminal.name}</text>']
    for number, line in enumerate(terminal.lines()):
        colour = "#eed49f" if "four words" in line else "#8bd5ca" if ": " in line and line.split(":")[0] in ("jeden", "dwa") else "#cad3f5"
        rows.append(f'<text x="{PAD}" y="{24 + PAD + LINE * (number + 0.7):.0f}" fill="{colour}" xml:space="preserve">{html.escape(line)}</text>')
    return "\n".join(rows + ["</g>"]), width, height


def main():
    with tempfile.TemporaryDirectory() as name:
        server = Server(pathlib.Path(name))
        socket = "myturn-picture"
        try:
            people = {who: Terminal(socket, who, server.url) for who in ("jeden", "dwa")}
            time.sleep(1.0)
            for who, text, seconds in SCRIPT:
                people[who].type(text)
                time.sleep(seconds)
            left, width, height = window(people["jeden"], 0)
            right, _, _ = window(people["dwa"], width + 12)
        finally:
            subprocess.run(["tmux", "-L", socket, "kill-server"], check=False)
            server.close()
    (HERE / "talk.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * width + 12:.0f} {height}" font-family="DejaVu Sans Mono, monospace" '
        f'font-size="12" role="img" aria-label="Two terminals in a talk: the same four words, messages, a microphone switched on">\n'
        f"{left}\n{right}\n</svg>\n")


main()
