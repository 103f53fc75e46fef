"""A whole conversation, watched: starts the server, lets jeden and dwa talk over it by text and voice, and checks all of it.

Called by ./run. Exit status 0 only if both logged in, were drawn for each other, read each other's words and lines, heard each other's speech,
and were back where they began after the hang-up."""

import json
import os
import pathlib
import re
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("MT_BUILD", ROOT / "build"))
HEARD_ENOUGH = 0.5  # normalised cross-correlation of what was spoken and what was heard; unrelated speech gives less than 0.2

LINES = {
    "jeden": ["Cześć! Zażółć gęślą jaźń.", "Słyszysz mnie? 🎙️", "/say q"],
    "dwa": ["Dzień dobry, kto tam? 👋", "Słyszę. Łódź pozdrawia."],
}
SPOKEN = {
    "jeden": "Good evening. This is the first voice, and nobody else can hear it.",
    "dwa": "Hello from the second voice. The answer comes from the other side.",
}


class Failed(Exception):
    """Something a user would miss."""


class Person:
    """One terminal client, driven by lines on its standard input and followed by its event stream."""

    def __init__(self, name, server, folder):
        self.name, self.events, self.left = name, [], b""
        self.spoken, self.heard = folder / f"{name}-spoken.wav", folder / f"{name}-heard.wav"
        self.log = folder / f"{name}.log"
        self.screen = folder / f"{name}.txt"
        read_end, write_end = os.pipe()
        self.process = subprocess.Popen(
            [BUILD / "apps/myturn/myturn", "--server", server, "--name", name, "--mic", f"file:{self.spoken}",
             "--speaker", f"file:{self.heard}", "--events", str(write_end), "--log", self.log],
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

    def find(self, kind, **members):
        return [e for e in self.events if e["event"] == kind and all(e.get(k) == v for k, v in members.items())]


class Talk:
    def __init__(self, folder):
        self.folder, self.people, self.daemon = folder, [], None

    def start_server(self, serve):
        http, sip = ("127.0.0.1:8080", "127.0.0.1:5060") if serve and free(8080) and free(5060) else ("127.0.0.1:0",) * 2
        self.daemon = subprocess.Popen([BUILD / "apps/myturnd/myturnd", "--http", http, "--sip", sip], stdout=subprocess.PIPE,
                                       stderr=(self.folder / "myturnd.log").open("wb"))
        found = re.match(rb"ready http=(\S+) sip=(\S+)", self.daemon.stdout.readline())
        if not found:
            raise Failed("the server did not start:\n" + (self.folder / "myturnd.log").read_text())
        self.http, self.sip = found.group(1).decode(), found.group(2).decode()

    def wait(self, what, done, limit_s=20):
        """Reads everybody's events until done() holds."""
        end = time.monotonic() + limit_s
        with selectors.DefaultSelector() as selector:
            for person in self.people:
                selector.register(person.pipe, selectors.EVENT_READ, person)
            while not done():
                if time.monotonic() > end:
                    raise Failed(f"no {what} within {limit_s} s")
                for key, _ in selector.select(0.1):
                    if not key.data.read():
                        raise Failed(f"{key.data.name} ended before: {what}")

    def everybody(self, kind, limit_s=20, **members):
        self.wait(kind, lambda: all(p.find(kind, **members) for p in self.people), limit_s)

    def pause(self, seconds):
        end = time.monotonic() + seconds
        try:
            self.wait("", lambda: time.monotonic() > end, seconds + 5)
        except Failed as failed:
            raise Failed(f"during the talk: {failed}") from None

    def end(self):
        for process in [p.process for p in self.people] + [self.daemon]:
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def free(port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def say(step, detail=""):
    print(f"{step:<26}{detail}", flush=True)


def speak(folder):
    """Speech for both sides; returns the longer one's seconds."""
    longest = 0.0
    for name, text in SPOKEN.items():
        path = folder / f"{name}-spoken.wav"
        voice = "en+f3" if name == "dwa" else "en"
        subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", path, text], check=True)
        longest = max(longest, (path.stat().st_size - 44) / 2 / 22050)
    return longest


def hold(talk, speech_s):
    jeden, dwa = talk.people
    talk.everybody("logged-in")
    say("logged in", "jeden, dwa")
    for person in talk.people:
        person.type("")
    talk.everybody("drawn")
    say("drawn", ", ".join(f"{p.name} is the {p.find('drawn')[0]['role']}" for p in talk.people))
    talk.everybody("secure")
    for number in range(max(map(len, LINES.values()))):
        for person, other in ((jeden, dwa), (dwa, jeden)):
            if number < len(LINES[person.name]):
                line = LINES[person.name][number]
                person.type(line)
                sent = line.removeprefix("/say ")
                talk.wait(f"'{sent}' at {other.name}'s", lambda: other.find("text", **{"body": sent, "from": person.name}))
    for person in talk.people:
        person.type("m")
    talk.wait("microphones on", lambda: all(p.find("mic", who="partner", on=True) for p in talk.people))
    say("microphones on", f"speaking for {speech_s:.1f} s")
    talk.pause(speech_s + 1.0)
    for person in talk.people:
        person.type("m")
    talk.wait("microphones off", lambda: all(p.find("mic", who="partner", on=False) for p in talk.people))
    dwa.type("q")
    dwa.type("y")
    talk.everybody("ended")
    for person in talk.people:
        person.type("quit")
    for person in talk.people:
        if (status := person.process.wait(10)) != 0:
            raise Failed(f"{person.name} left with exit status {status}")


def transcript(person, other):
    print(f"\nWhat {person.name} saw:")
    for event in person.events:
        shown = {"drawn": lambda e: f"drawn: {e['partner']}", "text": lambda e: f"{e['from']}: {e['body']}",
                 "mic": lambda e: f"{'own' if e['who'] == 'own' else other.name + chr(39) + 's'} microphone {'on' if e['on'] else 'off'}",
                 "ended": lambda e: f"ended: {e['reason']}"}.get(event["event"])
        if shown:
            print("  " + shown(event))


def check(talk):
    """Prints what was measured and returns what is missing."""
    jeden, dwa = talk.people
    missing = []
    for person, other in ((jeden, dwa), (dwa, jeden)):
        transcript(person, other)
    secure = [p.find("secure")[0] for p in talk.people]
    print()
    say("words at jeden's", " ".join(secure[0]["words"]))
    say("words at dwa's", " ".join(secure[1]["words"]))
    if secure[0]["words"] != secure[1]["words"]:
        missing.append("the same four words on both sides")
    say("ciphers", f"{secure[0]['dtls']}, {secure[0]['srtp']}")
    for person in talk.people:
        drawn, up, done = (person.find(k)[0]["at"] for k in ("drawn", "call-up", "secure"))
        say(f"set-up at {person.name}'s", f"drawn to call up {1000 * (up - drawn):.0f} ms, to secure {1000 * (done - drawn):.0f} ms")
    for person, other in ((jeden, dwa), (dwa, jeden)):
        result = subprocess.run([BUILD / "tools/voicematch", other.spoken, person.heard], capture_output=True, text=True)
        found = re.search(r"correlation=([\d.]+)", result.stdout)
        value = float(found.group(1)) if found else 0.0
        say(f"{person.name} heard {other.name}", (result.stdout or result.stderr).strip())
        if value < HEARD_ENOUGH:
            missing.append(f"{other.name}'s speech at {person.name}'s")
        if person.find("ended")[0]["reason"] not in ("hung_up", "partner_left"):
            missing.append(f"a plain end at {person.name}'s")
    return missing


def serve(talk):
    print(f"""
The server goes on: http://{talk.http} (SIP {talk.sip}). Join from two terminals:
    {os.path.relpath(BUILD)}/apps/myturn/myturn --server http://{talk.http}
End it with Ctrl-C.""", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    talk.daemon.wait()


def main():
    keep = sys.argv[1:] != ["demo"]
    with tempfile.TemporaryDirectory(prefix="myturn-") as name:
        talk = Talk(pathlib.Path(name))
        try:
            speech_s = speak(talk.folder)
            talk.start_server(keep)
            say("serving", f"http {talk.http}, sip {talk.sip}")
            talk.people = [Person(n, f"http://{talk.http}", talk.folder) for n in ("jeden", "dwa")]
            hold(talk, speech_s)
            missing = check(talk)
            if missing:
                raise Failed("missing: " + "; ".join(missing))
            print("\nAll of it worked.", flush=True)
            if keep:
                serve(talk)
            return 0
        except Failed as failed:
            print(f"\nFAILED: {failed}", file=sys.stderr)
            for log in sorted(talk.folder.glob("*.log")) + sorted(talk.folder.glob("*.txt")):
                print(f"--- the end of {log.name}", file=sys.stderr)
                print("\n".join(log.read_text(errors="replace").splitlines()[-15:]), file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print()
            return 0
        finally:
            talk.end()


sys.exit(main())
