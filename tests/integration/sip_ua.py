"""A small scripted SIP user agent for tests: says exactly what a test tells it to, over UDP, TCP, TLS or WebSocket, from any loopback address.

It is no peer to prove interoperation with (sipp, baresip, JsSIP and sofia-sip do that) but a pair of hands for races and forgeries."""

import hashlib
import itertools
import os
import re
import secrets
import socket
import ssl
import struct
import time

SDP = ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n")
LIMIT_S = 10.0  # for what comes within milliseconds, where the machine does not stand still
_numbers = itertools.count(1)


class Message:
    def __init__(self, raw):
        self.raw = raw
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("utf-8", "surrogateescape").split("\r\n")
        self.start = lines[0]
        self.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if ":" in line]
        self.status = int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else None
        self.method = None if self.status else self.start.split()[0]

    def all(self, name):
        return [v for k, v in self.headers if k.lower() == name.lower()]

    def get(self, name, default=""):
        return (self.all(name) or [default])[0]

    @property
    def cseq(self):
        number, method = self.get("CSeq").split()
        return int(number), method

    def tag(self, name):
        found = re.search(r";tag=([^;>\s]+)", self.get(name))
        return found.group(1) if found else None

    def contact_uri(self):
        return re.search(r"<([^>]+)>", self.get("Contact")).group(1)

    def __repr__(self):
        return f"<{self.start}>"


def digest(challenge, method, uri, user, password, nc=1):
    """The value of Authorization for the first (MD5) challenge."""
    field = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))

    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()
    ha1, ha2 = md5(f"{user}:{field['realm']}:{password}"), md5(f"{method}:{uri}")
    out = f'Digest username="{user}", realm="{field["realm"]}", nonce="{field["nonce"]}", uri="{uri}", algorithm=MD5'
    if "qop" in field:
        cnonce = secrets.token_hex(8)
        answer = md5(f"{ha1}:{field['nonce']}:{nc:08x}:{cnonce}:auth:{ha2}")
        out += f', qop=auth, nc={nc:08x}, cnonce="{cnonce}"'
    else:
        answer = md5(f"{ha1}:{field['nonce']}:{ha2}")
    return out + f', response="{answer}"' + (f', opaque="{field["opaque"]}"' if "opaque" in field else "")


def trusting():
    """A TLS context that takes any certificate: tests that are about certificates bring their own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Udp:
    name = "UDP"

    def __init__(self, server, bind_ip):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((bind_ip, 0))
        self.server = server

    def send(self, data):
        self.socket.sendto(data, self.server)

    def receive(self, timeout_s):
        self.socket.settimeout(timeout_s)
        return self.socket.recvfrom(65536)[0]


class Tcp:
    name = "TCP"

    def __init__(self, server, bind_ip):
        self.socket = socket.create_connection(server, 5, source_address=(bind_ip, 0))
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, timeout_s):
        end = time.monotonic() + timeout_s
        while True:
            self.buffer = self.buffer.lstrip(b"\r\n")
            head, mark, rest = self.buffer.partition(b"\r\n\r\n")
            if mark:
                length = int(re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head).group(1))
                if len(rest) >= length:
                    self.buffer = rest[length:]
                    return head + mark + rest[:length]
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            self.buffer += data


class Tls(Tcp):
    name = "TLS"

    def __init__(self, server, bind_ip):
        super().__init__(server, bind_ip)
        context = trusting()
        context.set_alpn_protocols(["sip/2"])
        self.socket = context.wrap_socket(self.socket)


class Ws:
    name = "WS"

    def connect(self, server, bind_ip):
        return socket.create_connection(server, 5, source_address=(bind_ip, 0))

    def __init__(self, server, bind_ip, headers=""):
        self.socket = self.connect(server, bind_ip)
        self.socket.sendall((f"GET /sip HTTP/1.1\r\nHost: {server[0]}:{server[1]}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                             f"Sec-WebSocket-Protocol: sip\r\n{headers}\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            data = self.socket.recv(4096)
            if not data:
                raise ConnectionError("refused")
            self.buffer += data
        self.answer, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        if b" 101 " not in self.answer.split(b"\r\n")[0]:
            raise ConnectionError(self.answer.decode())

    def _frame(self, opcode, data):
        mask = os.urandom(4)
        if len(data) < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | len(data))
        else:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, len(data))
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def send(self, data):
        self._frame(1, data)

    def _take(self, count, end):
        while len(self.buffer) < count:
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            self.buffer += data
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def receive(self, timeout_s):
        end = time.monotonic() + timeout_s
        while True:
            first, second = self._take(2, end)
            length = second & 127
            if length == 126:
                length = struct.unpack("!H", self._take(2, end))[0]
            data = self._take(length, end)
            if first & 15 == 9:
                self._frame(10, data)
            elif first & 15 == 8:
                raise ConnectionError("the server closed the WebSocket")
            elif data.strip(b"\r\n"):
                return data


class Wss(Ws):
    name = "WSS"

    def connect(self, server, bind_ip):
        return trusting().wrap_socket(super().connect(server, bind_ip))


class Ua:
    """One user agent of a logged-in user. `login` is the answer of POST /v1/users."""

    def __init__(self, server, login, transport=Udp, bind_ip="127.0.0.1"):
        self.link = transport(server, bind_ip)
        self.sip, self.exten = login["sip"], login["exten"]
        self.user, self.password, self.realm = self.sip["username"], self.sip["password"], self.sip["realm"]
        self.uri = self.sip["uri"]
        self.host = self.uri.split("@")[1]
        ip, port = self.link.socket.getsockname()[:2]
        self.address = f"{ip}:{port}" if not issubclass(transport, Ws) else f"{secrets.token_hex(4)}.invalid"
        self.nc, self.challenge, self.inbox = 0, None, []
        self.seen = set()  # of each transaction, what has come already: over UDP it comes again if we are slow to answer

    # -- sending
    def via(self, branch=None):
        return f"SIP/2.0/{self.link.name} {self.address};rport;branch={branch or 'z9hG4bK' + secrets.token_hex(8)}"

    def contact(self):
        return f"<sip:{self.user}@{self.address};transport={self.link.name.lower().replace('wss', 'ws')}>"

    def send(self, start, headers, body=""):
        payload = body.encode()
        lines = [start] + [f"{k}: {v}" for k, v in headers] + [f"Content-Length: {len(payload)}", "", ""]
        self.link.send("\r\n".join(lines).encode() + payload)

    def request(self, method, uri, call, extra=(), body="", branch=None):
        """call: dict with id, local tag, remote (URI plus tag) and cseq; returns the Via branch."""
        branch = branch or "z9hG4bK" + secrets.token_hex(8)
        self.send(f"{method} {uri} SIP/2.0", [
            ("Via", self.via(branch)), ("Max-Forwards", "70"), ("From", f"<{call.get('from', self.uri)}>;tag={call['tag']}"),
            ("To", call["to"]), ("Call-ID", call["id"]), ("CSeq", f"{call['cseq']} {call.get('cseq_method', method)}"), *extra], body)
        return branch

    def reply(self, request, status, reason="-", extra=(), body="", tag=None):
        to = request.get("To")
        if tag and ";tag=" not in to:
            to += f";tag={tag}"
        self.send(f"SIP/2.0 {status} {reason}", [("Via", v) for v in request.all("Via")] + [
            ("From", request.get("From")), ("To", to), ("Call-ID", request.get("Call-ID")), ("CSeq", request.get("CSeq"))]
            + [("Record-Route", v) for v in request.all("Record-Route")] + list(extra), body)

    # -- receiving
    def receive(self, timeout_s=LIMIT_S):
        end = time.monotonic() + timeout_s
        while True:
            message = Message(self.link.receive(max(0.001, end - time.monotonic())))
            key = message.get("Via"), message.method or message.status
            if self.link.name != "UDP" or key not in self.seen:
                self.seen.add(key)
                return message

    def expect(self, what, timeout_s=LIMIT_S):
        """The next message that is status `what` (number) or request `what` (method); others wait in the inbox. OPTIONS is answered meanwhile."""
        end = time.monotonic() + timeout_s
        for message in self.inbox:
            if what in (message.status, message.method):
                self.inbox.remove(message)
                return message
        seen = []
        while True:
            try:
                message = self.receive(max(0.001, end - time.monotonic()))
            except (socket.timeout, BlockingIOError):
                raise AssertionError(f"no {what} within {timeout_s} s; there was {seen}") from None
            seen.append(message)
            if what in (message.status, message.method):
                return message
            if message.method == "OPTIONS":
                self.reply(message, 200, "OK", tag="o")
            elif message.status != 100:
                self.inbox.append(message)

    def nothing(self, timeout_s=0.4, but=(100,)):
        """Asserts that nothing more comes."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            try:
                message = self.receive(max(0.001, end - time.monotonic()))
            except (socket.timeout, BlockingIOError):
                return
            assert message.status in but or message.method in but, f"unexpected {message!r}"

    # -- the usual ways
    def register(self, expires=600, user=None, password=None, expect=200):
        user, password = user or self.user, password or self.password
        uri = f"sip:{self.host}"
        call = {"id": secrets.token_hex(8), "tag": secrets.token_hex(4), "to": f"<{self.uri}>", "cseq": next(_numbers)}
        extra = [("Contact", self.contact()), ("Expires", str(expires))]
        self.request("REGISTER", uri, call, extra)
        self.challenge = self.expect(401).get("WWW-Authenticate")
        call["cseq"] = next(_numbers)
        self.request("REGISTER", uri, call, extra + [("Authorization", digest(self.challenge, "REGISTER", uri, user, password))])
        return self.expect(expect)

    def invite(self, target, body=SDP, extra=(), from_uri=None):
        """Sends an INVITE, answers the 407, and returns the call without waiting for more."""
        uri = f"sip:{target}@{self.host}"
        call = {"id": secrets.token_hex(8) + "@" + self.address, "tag": secrets.token_hex(4), "to": f"<{uri}>", "cseq": next(_numbers),
                "uri": uri, "body": body}
        if from_uri:
            call["from"] = from_uri
        base = [("Contact", self.contact()), ("Content-Type", "application/sdp"), *extra]
        branch = self.request("INVITE", uri, call, base, body)
        challenge = self.expect(407)
        self.ack(call, challenge, branch)
        call["cseq"] = next(_numbers)
        auth = ("Proxy-Authorization", digest(challenge.get("Proxy-Authenticate"), "INVITE", uri, self.user, self.password))
        call["branch"] = self.request("INVITE", uri, call, [*base, auth], body)
        return call

    def ack(self, call, final, branch=None):
        """ACK: in the same transaction for a failure, to the Contact and along the route for a 2xx."""
        number = final.cseq[0]
        if final.status >= 300:
            self.request("ACK", call["uri"], dict(call, to=final.get("To"), cseq=number), branch=branch or call["branch"])
            return
        call["to"], call["target"] = final.get("To"), final.contact_uri()
        call["route"] = list(reversed(final.all("Record-Route")))
        self.request("ACK", call["target"], dict(call, cseq=number), [("Route", r) for r in call["route"]])

    def answer(self, invite, body=SDP):
        """180 and 200; returns this side's view of the call for later requests."""
        tag = secrets.token_hex(4)
        self.reply(invite, 180, "Ringing", [("Contact", self.contact())], tag=tag)
        self.reply(invite, 200, "OK", [("Contact", self.contact()), ("Content-Type", "application/sdp")], body, tag=tag)
        return self.callee_call(invite, tag)

    def callee_call(self, invite, tag):
        return {"id": invite.get("Call-ID"), "tag": tag, "to": invite.get("From"), "cseq": next(_numbers),
                "from": re.search(r"<([^>]+)>", invite.get("To")).group(1), "target": invite.contact_uri(),
                "route": invite.all("Record-Route")}

    def bye(self, call):
        call["cseq"] = next(_numbers)
        return self.request("BYE", call["target"], call, [("Route", r) for r in call["route"]])

    def cancel(self, call):
        self.request("CANCEL", call["uri"], call, branch=call["branch"])

    def close(self):
        self.link.socket.close()
