"""Packets of a talk, captured on loopback: neither text nor voice crosses in the clear (A14). Looked at as a wiretap would."""

import struct
import subprocess

import numpy
import pytest

from people import Person, everybody, pause, wait
from sound import correlation, read_wav
from wiretap import udp_ports

MARKER = "Zażółć-marker-7f3a gęślą jaźń"


def udp_payloads(path):
    """(source port, destination port, payload) of each UDP packet of a pcap file with Ethernet or Linux cooked headers."""
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link = struct.unpack(order + "I", data[20:24])[0]
    skip = {1: 14, 113: 16}[link]
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        packet = data[at + 16 + skip:at + 16 + length]
        at += 16 + length
        if len(packet) > 28 and packet[0] >> 4 == 4 and packet[9] == 17:
            udp = packet[(packet[0] & 15) * 4:]
            yield struct.unpack("!HH", udp[:4]) + (udp[8:],)


@pytest.mark.capture()
@pytest.mark.parametrize("codec", ["opus", "pcm"])
def test_nothing_in_the_clear(server, tmp_path, capture, codec):
    people = [Person(n, server.url, tmp_path, options=["--codec", codec]) for n in ("jeden", "dwa")]
    try:
        for person, text in zip(people, ("This is what nobody else may hear, is it", "And this is the answer to it, listen")):
            raw = tmp_path / "raw.wav"
            subprocess.run(["espeak-ng", "-w", raw, text], check=True)
            subprocess.run(["sox", raw, "-r", "48000", "-c", "1", "-b", "16", person.spoken], check=True)
        everybody(people, "logged-in")
        for person in people:
            person.type("")
        everybody(people, "secure")
        for person in people:
            person.type(MARKER)
            person.type("m")
        wait(people, "messages", lambda: all(p.find("text", body=MARKER) for p in people))
        pause(people, 6)
        ports = {int(port) for p in people for port in udp_ports(p)}  # other talks may cross the capture
        people[0].type("q")
        people[0].type("y")
        everybody(people, "ended")
    finally:
        for person in people:
            person.close()
    path = capture()
    assert MARKER.encode() not in path.read_bytes()
    assert MARKER.split("-")[1].encode() not in path.read_bytes()
    voice, dtls, other = [], 0, []
    for source, target, payload in udp_payloads(path):
        if source not in ports or target not in ports:
            continue
        if 128 <= payload[0] <= 191:
            voice.append((source, payload))
        elif 20 <= payload[0] <= 63:
            dtls += 1
        elif payload[0] > 3:
            other.append(payload)
    assert not other and dtls > 10 and len(voice) > 200, (len(other), dtls, len(voice))
    check_voice(voice, people, codec)


def check_voice(voice, people, codec):
    """The bytes behind the RTP header look random, and read as PCM they are not what was spoken."""
    streams = {}
    for port, payload in voice:
        if not 192 <= payload[1] <= 223:
            streams[port] = streams.get(port, b"") + payload[12:-16]
    assert len(streams) == 2
    for port, stream in streams.items():
        counts = numpy.bincount(numpy.frombuffer(stream, numpy.uint8), minlength=256) / len(stream)
        entropy = -numpy.sum(counts[counts > 0] * numpy.log2(counts[counts > 0]))
        print(f"{codec}: {len(stream)} bytes from port {port}, {entropy:.3f} bits of entropy a byte")
        assert entropy > 7.9
        for kind in ("<i2", ">i2"):
            heard = numpy.frombuffer(stream[:len(stream) // 2 * 2], kind).astype(float) / 32768
            for person in people:
                spoken, _ = read_wav(person.spoken)
                assert correlation(spoken, heard) < 0.2
