"""What a talk is protected by under each policy (A14), as a wiretap sees it: two terminals, speech and text, a capture on
loopback looked at by tshark on the talk's own ports."""

import os
import shutil
import signal
import subprocess
import time

import numpy
import pytest

from people import Person, everybody, pause, wait
from sound import correlation, read_wav

CBC_SUITE, ENCRYPT_THEN_MAC, USE_SRTP = 0xc024, 22, 14
AEAD_PROFILES = {0x0007, 0x0008}


@pytest.fixture
def capture(tmp_path):
    if os.geteuid() != 0 or not shutil.which("tcpdump"):
        pytest.skip("capturing needs tcpdump and root")
    path = tmp_path / "talk.pcap"
    process = subprocess.Popen(["tcpdump", "--immediate-mode", "-i", "lo", "-U", "-s", "0", "-B", "16384", "-w", path, "udp"],
                               stderr=subprocess.PIPE)
    assert any(b"listening" in line for line in iter(process.stderr.readline, b""))

    def stop():
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        process.wait(10)
        return path
    yield stop
    if process.poll() is None:
        process.kill()
        process.wait()


@pytest.fixture
def start(server, tmp_path):
    people = []

    def talkers(*options, names=("jeden", "dwa")):
        new = [Person(n, server.url, tmp_path, [*o, "--raw-voice"]) for n, o in zip(names, options)]
        people.extend(new)
        return new
    yield talkers
    for person in people:
        person.close()


def make_speech(person, text):
    raw = person.spoken.with_suffix(".raw.wav")
    subprocess.run(["espeak-ng", "-w", raw, text], check=True)
    subprocess.run(["sox", raw, "-r", "48000", "-c", "1", "-b", "16", person.spoken], check=True)


def talk(people):
    """Text and speech both ways, then the end. Returns the UDP ports that were used."""
    for person, text in zip(people, ("The quick brown fox jumps over the lazy dog", "Sphinx of black quartz, judge my vow, she said")):
        make_speech(person, text)
    everybody(people, "logged-in")
    for person in people:
        person.type("")
    everybody(people, "secure")
    for person in people:
        person.type(f"hello from {person.name}")
        person.type("m")
    wait(people, "messages", lambda: all(p.find("text") for p in people))
    pause(people, 5)
    ports = udp_ports(people[0]) | udp_ports(people[1])
    people[0].type("q")
    people[0].type("y")
    everybody(people, "ended")
    for listener, speaker in (people, people[::-1]):
        spoken, heard = read_wav(speaker.spoken)[0], read_wav(listener.heard)[0]
        # By thirds: on a machine that stands still now and then, PCM inside SCTP loses what comes too late.
        thirds = [correlation(part, heard) for part in numpy.array_split(numpy.trim_zeros(spoken), 3)]
        print(f"{listener.name} heard {speaker.name}: {correlation(spoken, heard):.2f}, by thirds {thirds}")
        assert max(thirds) > 0.7
    return ports


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
    """Port, suite, extension types and SRTP profile of the talk's DTLS ServerHello. own: the talk's ports."""
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


def first_bytes(path, port):
    out = subprocess.run(["tshark", "-r", path, "-Y", f"udp.port=={port}", "-T", "fields", "-e", "udp.payload"],
                         capture_output=True, text=True, check=True).stdout
    return [int(line[:2], 16) for line in out.splitlines() if line]


@pytest.mark.parametrize("codec", ["opus", "pcm"])
def test_cbc_to_the_letter(start, capture, codec):
    people = start(*[["--policy", "cbc", "--codec", codec]] * 2)
    ports = talk(people)
    for person in people:
        (how,) = person.find("secure")
        assert (how["policy"], how["encrypted"], how["srtp"]) == ("cbc", True, ""), how
        assert how["dtls"] == "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"
        assert how["codec"] == codec
    path = capture()
    port, suite, extensions, profile = server_hello(path, ports)
    assert suite == CBC_SUITE and ENCRYPT_THEN_MAC in extensions and USE_SRTP not in extensions and profile is None
    seen = first_bytes(path, port)
    assert len(seen) > 200 and not [b for b in seen if 128 <= b <= 191], "RTP outside DTLS"
    assert sum(20 <= b <= 63 for b in seen) > 200


def test_gcm_has_aead_srtp(start, capture):
    people = start(["--policy", "gcm"], ["--policy", "gcm,cbc"])
    ports = talk(people)
    assert {p.find("secure")[0]["policy"] for p in people} == {"gcm"}
    path = capture()
    port, suite, extensions, profile = server_hello(path, ports)
    assert profile in AEAD_PROFILES, profile
    assert suite == 0xc02c and ENCRYPT_THEN_MAC not in extensions
    assert sum(128 <= b <= 191 for b in first_bytes(path, port)) > 200


def test_no_common_policy_is_no_pair(start):
    jeden, dwa = people = start(["--policy", "gcm"], ["--policy", "cbc"])
    everybody(people, "logged-in")
    for person in people:
        person.type("")
    everybody(people, "waiting")
    pause(people, 3)
    assert not jeden.find("drawn") and not dwa.find("drawn")
    trzy, = start(["--policy", "cbc,gcm"], names=["trzy"])
    everybody([trzy], "logged-in")
    trzy.type("")
    everybody([trzy], "secure")
    assert trzy.find("secure")[0]["policy"] in ("gcm", "cbc")
