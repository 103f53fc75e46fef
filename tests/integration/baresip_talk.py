"""Two baresip phones talk through the daemon; run inside a network namespace of its own (baresip takes no loopback address).

    ip netns exec NAME python3 baresip_talk.py ADDRESS FOLDER

Prints one JSON object: the transports, and for each side how well what it heard matches what was spoken."""

import json
import pathlib
import re
import subprocess
import sys
import time
import wave

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "demo")]

from api import User, pair  # noqa: E402
from people import Failed, Server, stop  # noqa: E402
from sound import read_wav, understood  # noqa: E402

SPOKEN = {"jeden": "One two three four five, this is the first phone speaking.", "dwa": "Good morning from the second phone, can you hear me?"}
MODULES = ["account.so", "aufile.so", "g711.so", "sndfile.so", "menu.so", "stdio.so", "uuid.so"]


class Phone:
    """devices: microphone and loudspeaker as ALSA names them, instead of files."""

    def __init__(self, name, login, address, transport, folder, devices=None):
        self.name, self.folder = name, folder / name
        self.folder.mkdir()
        self.heard = self.folder / "heard"
        self.heard.mkdir()
        spoken = self.folder / "spoken.wav"
        raw = self.folder / "raw.wav"
        subprocess.run(["espeak-ng", "-w", raw, SPOKEN[name]], check=True)
        subprocess.run(["sox", raw, "-r", "8000", "-c", "1", "-b", "16", spoken, "pad", "0", "8"], check=True)
        self.spoken = spoken
        sip = login["sip"]
        mic, speaker = [f"alsa,{d}" for d in devices] if devices else (f"aufile,{spoken}", f"aufile,{self.folder / 'played.wav'}")
        config = [f"sip_listen {address}:0", f"audio_player {speaker}", f"audio_source {mic}", f"audio_alert aufile,{self.folder / 'alert.wav'}",
                  f"snd_path {self.heard}",
                  "module_path /usr/lib/baresip/modules", "ausrc_srate 8000", "auplay_srate 8000", "ausrc_channels 1", "auplay_channels 1"]
        modules = MODULES if not devices else [*(m for m in MODULES if m != "sndfile.so"), "alsa.so"]
        config += [f"module{'_app' if m in ('account.so', 'menu.so') else ''} {m}" for m in modules]
        (self.folder / "config").write_text("\n".join(config) + "\n")
        server = sip[transport]
        (self.folder / "accounts").write_text(
            f"<{sip['uri']};transport={transport}>;auth_user={sip['username']};auth_pass={sip['password']};"
            f"outbound=\"sip:{server};transport={transport}\";answermode=auto;regint=600;audio_codecs=PCMU\n")
        self.log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(["baresip", "-f", self.folder], stdin=subprocess.PIPE, stdout=self.log, stderr=subprocess.STDOUT)

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def text(self):
        return (self.folder / "log").read_text(errors="replace")

    def wait(self, pattern, limit_s=30):
        end = time.monotonic() + limit_s
        while not re.search(pattern, self.text()):
            if time.monotonic() > end or self.process.poll() is not None:
                raise Failed(f"{self.name}: no {pattern}:\n{self.text()[-3000:]}")
            time.sleep(0.05)

    def recording(self, limit_s=20):
        """What it heard, at 8 kHz. The file gets its header when the call's end has reached baresip's player, a little after it was told."""
        end = time.monotonic() + limit_s
        while True:
            files = sorted(self.heard.glob("*dec*.wav"))
            try:
                if files:
                    read_wav(files[0])
                    return files[0]
            except (wave.Error, EOFError) as e:
                if time.monotonic() > end:
                    raise Failed(f"{self.name}: {files[0].name} of {files[0].stat().st_size} bytes: {e}") from e
            if time.monotonic() > end:
                raise Failed(f"{self.name} recorded nothing")
            time.sleep(0.05)

    def score(self, other):
        return understood(other.spoken, self.recording())


def talk(server, transport, folder):
    folder.mkdir()
    users = [User(server.url, name, source=server.http.rsplit(":", 1)[0]) for name in ("jeden", "dwa")]
    phones = [Phone(u.name, u.login, server.http.rsplit(":", 1)[0], transport, folder) for u in users]
    try:
        for phone in phones:
            phone.wait(r"200 OK|registered successfully|All 1 useragent registered")
        drawn = pair(*users)
        jeden, dwa = phones
        jeden.type(f"/dial {drawn['exten']}\n")
        for phone in phones:
            phone.wait(r"Call established|established:")
        time.sleep(5.5)
        statuses = [u.status for u in users]
        dwa.type("/hangup\n")
        jeden.wait(r"session closed|terminated|Call with .* terminated")
        end = time.monotonic() + 10
        while any(u.status != 0 for u in users) and time.monotonic() < end:
            time.sleep(0.05)
        return {"transport": transport, "during": statuses, "after": [u.status for u in users],
                "heard": [phone.score(other) for phone, other in ((jeden, dwa), (dwa, jeden))]}
    finally:
        for phone in phones:
            stop(phone.process)
            phone.log.close()
        for user in users:
            user.delete("/v1/me")


def main():
    address, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    server = Server(folder, f"{address}:0", f"{address}:0", ["--sips", f"{address}:0", "--self-signed"])
    try:
        print(json.dumps([talk(server, transport, folder / transport) for transport in ("udp", "tcp", "tls")]))
    finally:
        server.close()


if __name__ == "__main__":
    main()
