"""linphonec (Debian's linphone-cli) as a phone of tests, driven by its command line; it speaks from one WAV file and records into another.

It wants a default route, a home folder of its own, and no sound card."""

import os
import re
import subprocess
import time

import numpy

from people import Failed
from sound import correlation, read_wav


class Linphone:
    def __init__(self, user, transport, folder, say):
        self.name, self.folder = user.name, folder / user.name
        for part in (".local/share/linphone", ".config/linphone"):
            (self.folder / part).mkdir(parents=True)
        self.spoken, self.heard = self.folder / "spoken.wav", self.folder / "heard.wav"
        raw = self.folder / "raw.wav"
        subprocess.run(["espeak-ng", "-w", raw, say], check=True)
        subprocess.run(["sox", raw, "-r", "8000", "-c", "1", "-b", "16", self.spoken, "pad", "0", "8"], check=True)
        sip, exten = user.login["sip"], user.login["exten"]
        port = {"udp": "sip_port=-1\nsip_tcp_port=0", "tcp": "sip_port=0\nsip_tcp_port=-1"}[transport]
        self.realm, server = sip["realm"], f"sip:{sip[transport]};transport={transport}"
        (self.folder / "rc").write_text(
            f"[sip]\n{port}\nsip_tls_port=0\ndefault_proxy=0\n[proxy_0]\nreg_proxy=<{server}>\nreg_route=<{server};lr>\n"
            f"reg_identity=<sip:{exten}@{self.realm}>\nreg_expires=600\nreg_sendregister=1\npublish=0\n"
            f"[auth_info_0]\nusername={exten}\nuserid={exten}\npasswd={sip['password']}\nrealm={self.realm}\n"
            "[rtp]\naudio_rtp_port=-1\naudio_adaptive_jitt_comp_enabled=0\naudio_jitt_comp=60\n[sound]\nechocancellation=0\n"
            + "".join(f"[audio_codec_{i}]\nmime={mime}\nrate={rate}\nchannels={channels}\nenabled={on}\n"
                      for i, (mime, rate, channels, on) in enumerate([("PCMU", 8000, 1, 1), ("PCMA", 8000, 1, 1), ("opus", 48000, 2, 0),
                                                                      ("speex", 8000, 1, 0), ("speex", 16000, 1, 0)])))
        self.log = (self.folder / "log").open("wb")
        (self.folder / "details").touch()
        self.process = subprocess.Popen(["linphonec", "-c", self.folder / "rc", "-d", "6", "-l", self.folder / "details"], stdin=subprocess.PIPE,
                                        stdout=self.log, stderr=subprocess.STDOUT, cwd=self.folder, env={**os.environ, "HOME": str(self.folder)})
        for count, order in enumerate(("soundcard use files", f"record {self.heard}", f"play {self.spoken}"), 1):
            self.wait(rf"(?s)(linphonec> .*){{{count}}}")  # 5.3 forgets what comes before its prompt
            self.type(f"{order}\n")

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def text(self):
        return (self.folder / "log").read_text(errors="replace") + (self.folder / "details").read_text(errors="replace")

    def wait(self, pattern, limit_s=30):
        end = time.monotonic() + limit_s
        while not re.search(pattern, self.text()):
            if time.monotonic() > end or self.process.poll() is not None:
                raise Failed(f"{self.name}: no {pattern}:\n{(self.folder / 'log').read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)

    def registered(self):
        self.wait(r"Register refresher \[200\]")

    def dial(self, exten):
        self.type(f"call sip:{exten}@{self.realm}\n")

    def answer(self):
        self.wait(r"(?i)is contacting you|incoming call|Receiving new incoming")
        self.type("answer\n")

    def talking(self):
        self.wait(r"(?i)Media streams established")

    def hang_up(self):
        self.type("terminate\n")

    def over(self):
        self.wait(r"(?i)Call \d+ .* ended|CallSession.*LinphoneCallEnd|\[LinphoneCallStateEnd\]|moving from.* to (state )?\S*End")

    def quit(self):
        """The end of its input, too: 5.3 goes on reading after `quit`, and does not end before it is there."""
        self.type("quit\n")
        self.process.stdin.close()
        self.process.wait(20)

    def score(self, spoken):
        voice, rate = read_wav(spoken)
        heard, heard_rate = read_wav(self.heard)
        assert rate == heard_rate == 8000, (rate, heard_rate)
        # Piece by piece: its ticker has no device to follow and slips by a packet now and then.
        pieces = [voice[i:i + rate // 2] for i in range(0, rate * 3, rate // 2)]
        return float(numpy.median([correlation(piece, heard) for piece in pieces if numpy.abs(piece).max() > 0.05]))
