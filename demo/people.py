"""People at terminal clients: drives `myturn` processes by lines on their standard input and follows their event streams."""

import json
import os
import pathlib
import re
import selectors
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("MT_BUILD", ROOT / "build"))


class Failed(Exception):
    """Something a user would miss."""


class Person:
    """One terminal client, driven by lines on its standard input and followed by its event stream."""

    def __init__(self, name, server, folder, options=(), mic=None, speaker=None, before=()):
        """before: a command prefix, such as `ip netns exec NAME`."""
        self.name, self.events, self.left = name, [], b""
        self.spoken, self.heard = folder / f"{name}-spoken.wav", folder / f"{name}-heard.wav"
        self.log = folder / f"{name}.log"
        self.screen = folder / f"{name}.txt"
        read_end, write_end = os.pipe()
        self.process = subprocess.Popen(
            [*before, BUILD / "myturn", "--server", server, "--name", name, "--mic", mic or f"file:{self.spoken}",
             "--speaker", speaker or f"file:{self.heard}", "--events", str(write_end), "--log", self.log, "--agree", *options],
            stdin=subprocess.PIPE, stdout=self.screen.open("wb"), stderr=subprocess.STDOUT, pass_fds=[write_end])
        os.close(write_end)
        os.set_blocking(read_end, False)
        self.pipe = read_end

    def type(self, line):
        self.process.stdin.write((line + "\n").encode())
        self.process.stdin.flush()

    def read(self):
        try:
            data = os.read(self.pipe, 65536)
        except BlockingIOError:
            return True
        self.left += data
        *lines, self.left = self.left.split(b"\n")
        for line in lines:
            event = json.loads(line)
            event["at"] = time.monotonic()
            self.events.append(event)
        return bool(data)

    def close(self):
        """Ends the process if it still runs, politely first."""
        stop(self.process)
        os.close(self.pipe)

    def account(self):
        """The last that is known of it, for whoever asks why something did not come."""
        events = "\n".join(json.dumps(event) for event in self.events[-12:])
        return f"{self.name}: {len(self.events)} events, the last of them\n{events}\n{self.log.read_text(errors='replace')[-3000:] if self.log.exists() else ''}"

    def find(self, kind, **members):
        return [e for e in self.events if e["event"] == kind and all(e.get(k) == v for k, v in members.items())]


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdin:
        process.stdin.close()


class Server:
    """A fresh myturnd on loopback, or elsewhere in a namespace (before: a command prefix)."""

    def __init__(self, folder, http="127.0.0.1:0", sip="127.0.0.1:0", options=(), before=()):
        self.log = folder / "myturnd.log"
        self.process = subprocess.Popen([*before, BUILD / "myturnd", "--http", http, "--sip", sip, *options],
                                        stdout=subprocess.PIPE, stderr=self.log.open("ab"))
        found = re.match(rb"ready http=(\S+) sip=(\S+)(?: https=(\S+))?(?: sips=(\S+))?", self.process.stdout.readline())
        if not found:
            stop(self.process)
            raise Failed("the server did not start:\n" + self.log.read_text())
        self.http, self.sip, self.https, self.sips = (g and g.decode() for g in found.groups())
        self.url = f"http://{self.http}"

    def logged(self, *patterns, limit_s=10):
        """The console, once it has all of these: an answer may be there before the lines about it."""
        end = time.monotonic() + limit_s
        while missing := [p for p in patterns if not re.search(p, self.log.read_text(errors="replace"))]:
            if time.monotonic() > end:
                raise Failed(f"no {missing} on the console within {limit_s} s:\n{self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.02)
        return self.log.read_text(errors="replace")

    def close(self):
        """Ends the server unless it is gone already; it must leave in order, and no sanitizer may have complained."""
        running = self.process.poll() is None
        stop(self.process)
        self.process.stdout.close()
        text = self.log.read_text(errors="replace")
        if re.search(r"Sanitizer|runtime error:", text) or running and self.process.returncode != 0:
            raise Failed(f"the server left with status {self.process.returncode}:\n{text[-4000:]}")


def wait(people, what, done, limit_s=20):
    """Reads everybody's events until done() holds; Failed if it does not in time, or if somebody's event stream ends before."""
    end = time.monotonic() + limit_s
    with selectors.DefaultSelector() as selector:
        for person in people:
            selector.register(person.pipe, selectors.EVENT_READ, person)
        while not done():
            if time.monotonic() > end:
                raise Failed("\n".join([f"no {what} within {limit_s} s, at {end:.1f}", *(p.account() for p in people)]))
            for key, _ in selector.select(0.1):
                if not key.data.read() and not done():
                    raise Failed(f"{key.data.name} ended before: {what}")


def everybody(people, kind, limit_s=20, **members):
    wait(people, kind, lambda: all(p.find(kind, **members) for p in people), limit_s)


def pause(people, seconds):
    """Lets time pass while everybody's events are read: for speech that takes its time."""
    end = time.monotonic() + seconds
    wait(people, "end of the pause", lambda: time.monotonic() > end, seconds + 5)
