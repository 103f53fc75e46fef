"""What a talk is protected by under each policy (A14), as a wiretap sees it: two terminals, speech and text, a capture on
loopback looked at by tshark on the talk's own ports. The browser's side of it, too."""

import re
import subprocess
import time

import pytest

from browser import Page
from browser import talk as talk_pages
from held import held
from people import Person, everybody, pause, wait
from sound import understood
from wiretap import AEAD_PROFILES, first_bytes, only, payloads, server_hello, udp_ports, voice

CBC_SUITE, ENCRYPT_THEN_MAC, USE_SRTP, SUPPORTED_VERSIONS = 0xc024, 22, 14, 43
GCM_OR_CHACHA = {0xc02c, 0xc02b, 0xcca9}


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
        found = understood(speaker.spoken, listener.heard)
        print(f"{listener.name} heard {speaker.name}: {found:.2f}")
        assert found > 0.7
    return ports


@pytest.mark.parametrize("codec", ["opus", "pcm"])
def test_cbc_to_the_letter(start, capture, codec):
    people = start(*[["--policy", "cbc", "--codec", codec]] * 2)
    ports = talk(people)
    for person in people:
        (how,) = person.find("secure")
        assert (how["policy"], how["encrypted"], how["srtp"]) == ("cbc", True, ""), how
        assert how["dtls"] == "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"
        assert how["codec"] == codec
    path = only(capture(), ports)
    _, suite, extensions, profile = server_hello(path, ports)
    assert suite == CBC_SUITE and ENCRYPT_THEN_MAC in extensions and USE_SRTP not in extensions and profile is None
    seen = first_bytes(path)
    assert len(seen) > 200 and not [b for b in seen if 128 <= b <= 191], "RTP outside DTLS"
    assert sum(20 <= b <= 63 for b in seen) > 200


def test_gcm_has_aead_srtp(start, capture):
    people = start(["--policy", "gcm"], ["--policy", "gcm,cbc"])
    ports = talk(people)
    assert {p.find("secure")[0]["policy"] for p in people} == {"gcm"}
    path = only(capture(), ports)
    _, suite, extensions, profile = server_hello(path, ports)
    assert profile in AEAD_PROFILES, profile
    assert suite == 0xc02c and ENCRYPT_THEN_MAC not in extensions
    assert sum(128 <= b <= 191 for b in first_bytes(path)) > 200


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


def elements(extension):
    """The ids in a packet's header extension (RFC 8285, section 4.2)."""
    found, at = set(), 4
    while at < len(extension):
        padding = extension[at] == 0
        if not padding:
            found.add(extension[at] >> 4)
        at += 1 if padding else 2 + (extension[at] & 15)
    return found


def look_at(path):
    """Nothing but STUN, DTLS and SRTP crosses a browser's ports. The first byte of a frame of Opus says how it is coded and is the same
    for long: one that takes all values is encrypted."""
    packets = payloads(path)
    assert not [p for p in packets if not (p[0] <= 3 or 20 <= p[0] <= 63 or 128 <= p[0] <= 191)]
    frames = list(voice(packets))
    firsts = {frame[0] for _, frame in frames}
    print(len(frames), "voice packets, their first bytes of", len(firsts), "values")
    assert len(frames) > 200 and len(firsts) > 120
    return frames


@pytest.mark.parametrize("caller", ["page", "terminal"])
def test_gcm_with_chromium_has_aead_srtp(chromium, web_server, tmp_path, capture, caller):
    """The caller is the DTLS server, so each of the two chooses once."""
    page = Page(chromium, web_server.url, "anna").log_in()
    person = Person("ola", web_server.url, tmp_path, mic="tone:440", speaker="none")
    try:
        everybody([person], "logged-in")
        first, second = (page.ready, lambda: person.type("")) if caller == "terminal" else (lambda: person.type(""), page.ready)
        first()
        held(web_server, page if caller == "terminal" else person)  # who asks then makes the draw, and calls
        second()
        everybody([person], "secure")
        assert person.find("drawn")[0]["role"] == ("caller" if caller == "terminal" else "callee")
        page.on("convo")
        page.click("mic")
        person.type("m")
        pause([person], 5)
        ports = page.ports | udp_ports(person)
        assert person.find("secure")[0]["srtp"] == "AEAD_AES_256_GCM"
        page.do("click", selector="[data-testid=details] summary")
        page.until("document.querySelector('[data-testid=srtp]').textContent.endsWith('AEAD_AES_256_GCM')")
        assert not page.evaluate("document.querySelector('[data-testid=not-gcm]').checkVisibility()")
        page.hang_up()
        everybody([person], "ended")
    finally:
        person.close()
    path = only(capture(), ports)
    _, suite, extensions, profile = server_hello(path, ports)
    assert USE_SRTP in extensions and SUPPORTED_VERSIONS not in extensions  # that would be DTLS 1.3
    print(hex(suite), hex(profile))
    assert profile in AEAD_PROFILES and suite in GCM_OR_CHACHA
    look_at(path)


def test_cbc_with_chromium_is_no_pair(chromium, web_server, tmp_path):
    page = Page(chromium, web_server.url, "anna").log_in()
    person = Person("ola", web_server.url, tmp_path, ["--policy", "cbc"], "none", "none")
    try:
        everybody([person], "logged-in")
        person.type("")
        page.ready()
        everybody([person], "waiting", ready=2)
        pause([person], 3)
        assert page.page == "wait" and not person.find("drawn")
    finally:
        person.close()


def test_two_chromiums(chromium, web_server, capture):
    """What two browsers take among themselves is theirs to choose; it is encrypted, and the page shows what it is."""
    pages = anna, bob = [Page(chromium, web_server.url, name).log_in() for name in ("anna", "bob")]
    talk_pages(*pages)
    for page in pages:
        page.click("mic")
    time.sleep(5)
    (transport,) = anna.stats("s.type === 'transport'")
    print(transport["tlsVersion"], transport["dtlsCipher"], transport["srtpCipher"])
    assert transport["srtpCipher"]
    anna.do("click", selector="[data-testid=details] summary")
    anna.until(f"document.querySelector('[data-testid=srtp]').textContent === '{transport['srtpCipher']}'")
    aead = "AEAD" in transport["srtpCipher"]
    assert anna.evaluate("document.querySelector('[data-testid=not-gcm]').checkVisibility()") != aead
    ports = anna.ports | bob.ports
    known = dict(re.findall(r"a=extmap:(\d+)\S* (\S+)", anna.evaluate("window.__pcs.at(-1).currentRemoteDescription.sdp")))
    anna.hang_up()
    bob.ended()
    beside = {known[str(e)] for extension, _ in look_at(only(capture(), ports)) for e in elements(extension)}
    print("beside the voice:", beside)
    assert beside and not [uri for uri in beside if "audio-level" in uri]
