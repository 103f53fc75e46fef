"""The torture messages of RFC 4475 against the running daemon: over UDP, TCP and WebSocket, the answers that the files name and no other."""

import pathlib
import re
import socket

import pytest

from sip_ua import Message, Tcp, Udp, Ws

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "conformance" / "rfc4475"


def read(path):
    """The message, and the status of its answer or None. The form is told in tests/conformance/torture.h."""
    head, _, text = path.read_text(encoding="utf-8").partition("----\n")
    status = re.search(r"^answer: (\w+)$", head, re.M).group(1)
    out, at = bytearray(), 0
    for found in re.finditer(r"\\(?:x([0-9A-F]{2})|\{(\d+)\*([^}]*)\}|(\\)|(\n))|\n", text):
        out += text[at:found.start()].encode()
        octet, times, again, backslash, joined = found.groups()
        if octet:
            out.append(int(octet, 16))
        elif times:
            out += again.encode() * int(times)
        elif backslash:
            out += b"\\"
        elif not joined:
            out += b"\r\n"
        at = found.end()
    return bytes(out + text[at:].encode()), None if status == "none" else int(status)


FILES = sorted(FOLDER.glob("*.txt"))


def probe(number):
    return (f"OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/TCP probe;branch=z9hG4bKprobe{number};rport\r\nFrom: <sip:p@example.com>;tag=1\r\n"
            f"To: <sip:example.com>\r\nCall-ID: probe{number}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n").encode()


def is_utf8(message):
    try:
        return bool(message.decode())
    except UnicodeDecodeError:
        return False


def answers(transport, message, number):
    """Statuses of all answers to the message: those before that of a probe, which must come."""
    if transport.name == "WS" and not is_utf8(message):
        transport._frame(2, message)  # RFC 7118 section 5: not a text frame
    else:
        transport.send(message)
    transport.send(probe(number))
    got = []
    while True:
        one = Message(transport.receive(10))
        if one.get("Call-ID") == f"probe{number}":
            assert one.status == 200
            return got
        assert one.status and one.all("Via"), one.raw
        got.append(one.status)


def whole_on_a_stream(message):
    """Ends where it says, so that another one may follow."""
    head, _, body = message.partition(b"\r\n\r\n")
    lengths = re.findall(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(.*?)[ \t]*$", head.replace(b"\r\n", b"\n"))
    return len(lengths) == 1 and lengths[0].isdigit() and int(lengths[0]) == len(body)


def test_all_are_here():
    assert len({re.search(r"^section: (\S+)", f.read_text(encoding="utf-8"), re.M).group(1) for f in FILES}) == 49


@pytest.mark.parametrize("kind", [Udp, Tcp, Ws])
def test_torture(server, kind):
    host, port = (server.http if kind is Ws else server.sip).rsplit(":", 1)
    transport = kind((host, int(port)), "127.0.0.1")
    tried = 0
    for number, file in enumerate(FILES):
        message, status = read(file)
        if kind is not Udp and not whole_on_a_stream(message):
            continue
        got = answers(transport, message, number)
        assert got == ([status] if status else []), file.name
        tried += 1
    assert tried == len(FILES) if kind is Udp else tried > 35
    assert not re.search(r"Sanitizer|runtime error", server.log.read_text(errors="replace"))


def test_what_cannot_be_cut_ends_a_stream(server):
    """A length that is wrong, negative, huge or double: where the next message begins is unknown, so the connection is closed."""
    host, port = server.sip.rsplit(":", 1)
    for name in ("ncl", "mcl01", "inv2543"):
        message, _ = read(FOLDER / f"{name}.txt")
        with socket.create_connection((host, int(port)), timeout=10) as s:
            s.sendall(message + probe(0))
            got = b""
            while chunk := s.recv(65536):
                got += chunk
        assert got == b"", name
