"""A whole conversation, watched: starts the server, lets jeden and dwa talk over it by text and voice, and checks all of it.

Called by ./run. Exit status 0 only if both logged in, were drawn for each other, read each other's words and lines, heard each other's speech,
and were back where they began after the hang-up."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile

from people import BUILD, ROOT, Failed, Person, Server, everybody, pause, wait

WEB = ROOT / "web/dist"
HEARD_ENOUGH = 0.5  # normalised cross-correlation of what was spoken and what was heard; unrelated speech gives less than 0.2

LINES = {
    "jeden": ["Cześć! Zażółć gęślą jaźń.", "Słyszysz mnie? 🎙️", "/say q"],
    "dwa": ["Dzień dobry, kto tam? 👋", "Słyszę. Łódź pozdrawia."],
}
SPOKEN = {
    "jeden": "Good evening. This is the first voice, and nobody else can hear it.",
    "dwa": "Hello from the second voice. The answer comes from the other side.",
}


def page_options():
    """Where the page for browsers has been built, the server serves it."""
    return ("--web", str(WEB)) if (WEB / "index.html").is_file() else ()


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


def hold(people, speech_s):
    jeden, dwa = people
    everybody(people, "logged-in")
    say("logged in", "jeden, dwa")
    for person in people:
        person.type("")
    everybody(people, "drawn")
    say("drawn", ", ".join(f"{p.name} is the {p.find('drawn')[0]['role']}" for p in people))
    everybody(people, "secure")
    for number in range(max(map(len, LINES.values()))):
        for person, other in ((jeden, dwa), (dwa, jeden)):
            if number < len(LINES[person.name]):
                line = LINES[person.name][number]
                person.type(line)
                sent = line.removeprefix("/say ")
                wait(people, f"'{sent}' at {other.name}'s", lambda: other.find("text", **{"body": sent, "from": person.name}))
    for person in people:
        person.type("m")
    wait(people, "microphones on", lambda: all(p.find("mic", who="partner", on=True) for p in people))
    say("microphones on", f"speaking for {speech_s:.1f} s")
    pause(people, speech_s + 1.0)
    for person in people:
        person.type("m")
    wait(people, "microphones off", lambda: all(p.find("mic", who="partner", on=False) for p in people))
    dwa.type("q")
    dwa.type("y")
    everybody(people, "ended")
    for person in people:
        person.type("quit")
    for person in people:
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


def check(people):
    """Prints what was measured and returns what is missing."""
    jeden, dwa = people
    missing = []
    for person, other in ((jeden, dwa), (dwa, jeden)):
        transcript(person, other)
    secure = [p.find("secure")[0] for p in people]
    print()
    say("words at jeden's", " ".join(secure[0]["words"]))
    say("words at dwa's", " ".join(secure[1]["words"]))
    if secure[0]["words"] != secure[1]["words"]:
        missing.append("the same four words on both sides")
    say("ciphers", f"{secure[0]['dtls']}, {secure[0]['srtp']}")
    for person in people:
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


def serve(server):
    print(f"""
The server goes on (SIP {server.sip}). Join from a terminal:
    {os.path.relpath(BUILD)}/myturn --server {server.url}
End it with Ctrl-C.""", flush=True)
    if page_options():
        print(f"\nIn the browser: open {server.url}/ in two tabs and talk.", flush=True)
    server.process.wait()


def show_logs(folder):
    for log in sorted(folder.glob("*.log")) + sorted(folder.glob("*.txt")):
        print(f"--- the end of {log.name}", file=sys.stderr)
        print("\n".join(log.read_text(errors="replace").splitlines()[-15:]), file=sys.stderr)


def show(folder, keep, running):
    """The whole demonstration; what it starts it puts into `running`."""
    speech_s = speak(folder)
    usual = keep and free(8080) and free(5060)
    server = Server(folder, *(("127.0.0.1:8080", "127.0.0.1:5060") if usual else ()), options=page_options())
    running.append(server)
    say("serving", f"{server.url}, sip {server.sip}")
    people = [Person(name, server.url, folder) for name in ("jeden", "dwa")]
    running.extend(people)
    hold(people, speech_s)
    missing = check(people)
    if missing:
        raise Failed("missing: " + "; ".join(missing))
    print("\nAll of it worked.", flush=True)
    if keep:
        serve(server)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    running = []
    with tempfile.TemporaryDirectory(prefix="myturn-") as name:
        folder = pathlib.Path(name)
        try:
            show(folder, sys.argv[1:] != ["demo"], running)
            return 0
        except Failed as failed:
            print(f"\nFAILED: {failed}", file=sys.stderr)
            show_logs(folder)
            return 1
        except KeyboardInterrupt:
            print()
            return 0
        finally:
            for one in reversed(running):
                one.close()


sys.exit(main())
