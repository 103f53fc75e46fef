"""A capture of a talk as tshark reads it: what the DTLS handshake agreed on, and what crosses the talk's own ports."""

import os
import shutil
import signal
import subprocess
import time

import pytest

AEAD_PROFILES = {0x0007, 0x0008}


class Capture:
    """tcpdump on loopback until stop(), which gives the file."""

    def __init__(self, path, *condition):
        if os.geteuid() != 0 or not shutil.which("tcpdump"):
            pytest.skip("capturing needs tcpdump and root")
        self.path = path
        self.process = subprocess.Popen(["tcpdump", "--immediate-mode", "-i", "lo", "-U", "-s", "0", "-B", "16384", "-w", path, *condition],
                                        stderr=subprocess.PIPE)
        assert any(b"listening" in line for line in iter(self.process.stderr.readline, b""))

    def stop(self):
        time.sleep(1)  # the kernel hands over what it still buffers
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        return self.path

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def only(path, ports):
    """A smaller file with what went between these ports: a port of the talk's alone may be another's on another address, and tshark
    takes its time over what others send meanwhile."""
    out = path.with_suffix(".own.pcap")
    sides = (" or ".join(f"udp {side} port {p}" for p in ports) for side in ("src", "dst"))
    subprocess.run(["tcpdump", "-r", path, "-w", out, " and ".join(f"({side})" for side in sides)], check=True, capture_output=True)
    return out


def fields(path, port, display, *names):
    """What tshark reads in the packets of that port that pass the filter: a list of lists of strings."""
    out = subprocess.run(["tshark", "-r", path, "-d", f"udp.port=={port},dtls", "-Y", f"udp.port=={port} && {display}",
                          "-T", "fields", *(a for n in names for a in ("-e", n))], capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in out.splitlines()]


def udp_ports(person):
    """Those that this client has open: other talks of the machine are none of ours."""
    out = subprocess.run(["ss", "-Hunap"], capture_output=True, text=True, check=True).stdout
    return {line.split()[3].rsplit(":", 1)[1] for line in out.splitlines() if f"pid={person.process.pid}," in line}


def server_hello(path, own):
    """Port, suite, extension types and SRTP profile of the talk's DTLS 1.2 ServerHello. own: the talk's ports."""
    out = subprocess.run(["tshark", "-r", path, "-Y", "udp", "-T", "fields", "-e", "udp.srcport", "-e", "udp.payload"],
                         capture_output=True, text=True, check=True).stdout
    ports = [p for p, payload in (line.split("\t") for line in out.splitlines()) if payload.startswith("16fe") and p in own]
    assert ports, "no DTLS handshake was captured"
    for port in dict.fromkeys(ports):
        hellos = fields(path, port, "dtls.handshake.type == 2", "dtls.handshake.ciphersuite", "dtls.handshake.extension.type",
                        "dtls.use_srtp.protection_profile")
        if hellos:
            suite, extensions, profile = hellos[0]
            return port, int(suite, 0), {int(e, 0) for e in extensions.split(",")}, int(profile, 0) if profile else None
    raise AssertionError("no ServerHello was captured")


def payloads(path):
    """Of the UDP packets."""
    out = subprocess.run(["tshark", "-r", path, "-Y", "udp", "-T", "fields", "-e", "udp.payload"],
                         capture_output=True, text=True, check=True).stdout
    return [bytes.fromhex(line) for line in out.splitlines() if line]


def first_bytes(path):
    """Of a capture with nothing but the talk's own: its path may move from one of its ports to another."""
    return [p[0] for p in payloads(path)]


def voice(packets):
    """Of each RTP packet, the header extension and what follows the header."""
    for packet in packets:
        if 128 <= packet[0] <= 191 and not 192 <= packet[1] <= 223:
            end = 12 + 4 * (packet[0] & 15)
            begin = end
            if packet[0] & 16:
                end += 4 + 4 * int.from_bytes(packet[end + 2:end + 4], "big")
            yield packet[begin:end], packet[end:]
