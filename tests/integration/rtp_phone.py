"""A phone on loopback that hums: SIP by sip_ua, voice as G.711 µ-law over plain RTP (RFC 3551), a tone out, what comes in kept."""

import os
import socket
import struct
import threading
import wave

import numpy

from sip_ua import Ua, Udp

RATE, FRAME = 8000, 160


def ulaw_table():
    """Each code's sample (ITU-T G.711)."""
    code = ~numpy.arange(256, dtype=numpy.int32) & 0xFF
    size = ((((code & 0x0F) << 3) + 0x84) << (code >> 4 & 7)) - 0x84
    return numpy.where(code & 0x80, -size, size)


ULAW = ulaw_table()


def to_ulaw(samples):
    order = numpy.argsort(ULAW, kind="stable")
    at = numpy.clip(numpy.searchsorted(ULAW[order], samples), 0, 255)
    return order[at].astype(numpy.uint8).tobytes()


class Voice:
    """Sends the tone each 20 ms to where the partner's description says, and keeps what arrives."""

    def __init__(self, tone_hz):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.02)
        self.to, self.heard, self.ssrc, self.over = None, [], os.urandom(4), threading.Event()
        self.tone = to_ulaw(12000 * numpy.sin(2 * numpy.pi * tone_hz * numpy.arange(RATE) / RATE))  # a whole second, which repeats
        self.threads = [threading.Thread(target=one) for one in (self.send, self.receive)]
        port = self.socket.getsockname()[1]
        self.sdp = f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"

    def start(self, sdp):
        lines = dict(line.split("=", 1) for line in sdp.split("\r\n") if "=" in line)
        self.to = lines["c"].split()[-1], int(lines["m"].split()[1])
        for thread in self.threads:
            thread.start()

    def send(self):
        number = 0
        while not self.over.wait(0.02):
            at = number * FRAME % RATE
            self.socket.sendto(struct.pack("!BBHI", 0x80, 0, number & 0xFFFF, number * FRAME) + self.ssrc + self.tone[at:at + FRAME], self.to)
            number += 1

    def receive(self):
        while not self.over.is_set():
            try:
                packet = self.socket.recv(2048)
            except TimeoutError:
                continue
            if len(packet) > 12 and packet[1] & 0x7F == 0:
                self.heard.append(packet[12:])

    def seconds(self):
        return len(self.heard) * FRAME / RATE

    def save(self, path):
        samples = ULAW[numpy.frombuffer(b"".join(self.heard), numpy.uint8)].astype("<i2")
        with wave.open(str(path), "wb") as w:
            w.setnchannels(1)
            w.setsampwidth(2)
            w.setframerate(RATE)
            w.writeframes(samples.tobytes())

    def close(self):
        self.over.set()
        for thread in self.threads:
            if thread.ident is not None:
                thread.join()
        self.socket.close()


class Phone:
    """What stands beside user (api.User with device="phone"): registered, and with a voice of this tone. In a call it answers what it is asked."""

    def __init__(self, server, user, tone_hz):
        host, port = server.sip.rsplit(":", 1)
        self.ua = Ua((host, int(port)), user.login, Udp)
        self.voice = Voice(tone_hz)
        self.over, self.hung_up = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.listen)
        self.ua.register()

    def dial(self, exten, limit_s=30):
        call = self.ua.invite(exten, body=self.voice.sdp)
        answer = self.ua.expect(200, limit_s)
        self.ua.ack(call, answer)
        self.voice.start(answer.body.decode())
        self.thread.start()

    def listen(self):
        while not self.over.is_set():
            try:
                message = self.ua.receive(0.1)
            except (TimeoutError, BlockingIOError):
                continue
            if message.method in ("OPTIONS", "BYE"):
                self.ua.reply(message, 200, "OK", tag="o")
            if message.method == "BYE":
                self.hung_up.set()

    def is_hung_up_on(self, limit_s=10):
        return self.hung_up.wait(limit_s)

    def close(self):
        self.over.set()
        if self.thread.ident is not None:
            self.thread.join()
        self.voice.close()
        self.ua.close()
