"""A scripted SIP user agent on asyncio, over UDP, TCP or WebSocket: registers, calls, answers, says things within a call (INFO), hangs up, and goes
without a word where its user does."""

import asyncio
import itertools
import os
import secrets
import struct

from sip_ua import SDP, Message, digest

_numbers = itertools.count(1)
T1_S, TRANSACTION_S = 0.5, 32


def branch_of(message):
    via = message.get("Via")
    return via.partition("branch=")[2].split(";")[0].split(",")[0].strip()


class UdpLink(asyncio.DatagramProtocol):
    name, reliable = "UDP", False

    @classmethod
    async def open(cls, server, on_message, on_close):
        link = cls()
        link.on_message, link.on_close = on_message, on_close
        link.transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: link, local_addr=("127.0.0.1", 0), remote_addr=server)
        link.address = "%s:%d" % link.transport.get_extra_info("sockname")[:2]
        return link

    def datagram_received(self, data, addr):
        if data.strip():
            self.on_message(data)

    def error_received(self, error):
        pass  # the server is away; who waits for an answer sees that none comes

    def send(self, data):
        self.transport.sendto(data)

    def close(self, abrupt):
        self.transport.abort()


class StreamLink:
    name, reliable = "TCP", True

    @classmethod
    async def open(cls, server, on_message, on_close):
        link = cls()
        link.on_message, link.on_close = on_message, on_close
        link.reader, link.writer = await asyncio.open_connection(*server)
        link.address = "%s:%d" % link.writer.get_extra_info("sockname")[:2]
        await link.begin(server)
        link.tasks = [asyncio.ensure_future(link.read_on()), asyncio.ensure_future(link.keep_alive())]
        return link

    async def begin(self, server):
        pass

    async def read_on(self):
        try:
            while True:
                data = await self.read()
                if data.strip():
                    self.on_message(data)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self.on_close(self)

    async def read(self):
        head = await self.reader.readuntil(b"\r\n")
        if not head.strip():
            return b""
        head += await self.reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        return head + await self.reader.readexactly(length)

    async def keep_alive(self):
        while True:
            await asyncio.sleep(15)
            self.send(b"\r\n\r\n")

    def send(self, data):
        self.writer.write(data)

    def close(self, abrupt):
        for task in self.tasks:
            task.cancel()
        self.writer.transport.abort() if abrupt else self.writer.close()


class WsLink(StreamLink):
    name = "WS"

    async def begin(self, server):
        self.send = self.writer.write
        self.send((f"GET /sip HTTP/1.1\r\nHost: {server[0]}:{server[1]}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n").encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head:
            raise ConnectionError(head.decode())
        del self.send
        self.address = f"{secrets.token_hex(4)}.invalid"

    async def read(self):
        first, second = await self.reader.readexactly(2)
        length = second & 127
        if length == 126:
            length = struct.unpack("!H", await self.reader.readexactly(2))[0]
        data = await self.reader.readexactly(length)
        if first & 15 == 9:
            self.frame(10, data)
        elif first & 15 == 8:
            raise ConnectionError("closed")
        return data if first & 15 in (1, 2) else b""

    def frame(self, opcode, data):
        mask = os.urandom(4)
        size = struct.pack("!B", 0x80 | len(data)) if len(data) < 126 else struct.pack("!BH", 0x80 | 126, len(data))
        whole = int.from_bytes(data, "big") ^ int.from_bytes((mask * (len(data) // 4 + 1))[:len(data)], "big")
        self.writer.write(struct.pack("!B", 0x80 | opcode) + size + mask + whole.to_bytes(len(data), "big"))

    def send(self, data):
        self.frame(1, data)


class Refused(Exception):
    """A final answer that is no success; status 0: none came."""

    def __init__(self, status):
        super().__init__(str(status))
        self.status = status


class Call:
    """One side of a dialog, or of what is to become one."""

    def __init__(self, number, uri, remote, local):
        self.id, self.uri, self.remote, self.local = number, uri, remote, local
        self.tag = secrets.token_hex(4)
        self.cseq, self.route, self.invite_branch = next(_numbers), [], None
        self.acked, self.over, self.cancelled = asyncio.Event(), asyncio.Event(), False
        self.invite = self.answer = None


class Agent:
    """login: the answer of POST /v1/users. on_invite(call) is told of each new call; on_text(call, text) of what is said in one."""

    def __init__(self, login, on_invite, on_text):
        sip = login["sip"]
        self.uri, self.user, self.password = sip["uri"], sip["username"], sip["password"]
        self.host = self.uri.split("@")[1]
        self.on_invite, self.on_text = on_invite, on_text
        self.link, self.lost = None, asyncio.Event()
        self.waiting, self.calls, self.answered = {}, {}, {}

    async def open(self, kind, server):
        """Also a second time: then the flow is a new one."""
        old = self.link
        self.lost = asyncio.Event()
        self.link = await kind.open(server, self.on_message, self.on_lost)
        if old is not None:
            old.close(abrupt=True)

    def on_lost(self, link):
        if link is self.link:
            self.lost.set()

    def close(self, abrupt=False):
        if self.link is not None:
            self.link.close(abrupt)
            self.link = None

    # -- sending
    def send(self, start, headers, body=""):
        data = body.encode()
        if self.link is not None:
            self.link.send("\r\n".join([start, *(f"{k}: {v}" for k, v in headers), f"Content-Length: {len(data)}", "", ""]).encode() + data)

    def contact(self):
        return f"<sip:{self.user}@{self.link.address};transport={self.link.name.lower()}>"

    def request(self, method, call, branch, extra=(), body="", cseq=None):
        name = self.link.name if self.link is not None else "TCP"
        address = self.link.address if self.link is not None else "gone.invalid"
        self.send(f"{method} {call.uri} SIP/2.0", [
            ("Via", f"SIP/2.0/{name} {address};rport;branch={branch}"), ("Max-Forwards", "70"), ("From", f"<{call.local}>;tag={call.tag}"),
            ("To", call.remote), ("Call-ID", call.id), ("CSeq", f"{cseq or call.cseq} {method}"), *(("Route", r) for r in call.route), *extra], body)

    async def transact(self, method, call, extra=(), body="", branch=None, limit_s=TRANSACTION_S):
        """The final answer. Repeats over UDP as RFC 3261 has it."""
        branch = branch or "z9hG4bK" + secrets.token_hex(8)
        queue = self.waiting[branch + method] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        end, pause, heard = loop.time() + limit_s, T1_S, False
        cseq = call.cseq  # another request of the same call may follow before this one is answered
        try:
            self.request(method, call, branch, extra, body, cseq)
            while loop.time() < end:
                quiet = self.link is None or self.link.reliable or heard and method == "INVITE"
                try:
                    answer = await asyncio.wait_for(queue.get(), end - loop.time() if quiet else min(pause, end - loop.time()))
                except asyncio.TimeoutError:
                    pause = min(2 * pause, 4)
                    if not quiet:
                        self.request(method, call, branch, extra, body, cseq)
                    continue
                heard = True
                if answer.status >= 200:
                    return answer
            raise Refused(0)
        finally:
            del self.waiting[branch + method]

    def reply(self, request, status, tag, extra=(), body=""):
        to = request.get("To")
        if ";tag=" not in to:
            to += f";tag={tag}"
        headers = [("Via", v) for v in request.all("Via")] + [("From", request.get("From")), ("To", to), ("Call-ID", request.get("Call-ID")),
                   ("CSeq", request.get("CSeq"))] + [("Record-Route", r) for r in request.all("Record-Route")] + list(extra)
        self.answered[branch_of(request) + request.method] = (status, headers, body)
        while len(self.answered) > 64:
            self.answered.pop(next(iter(self.answered)))
        self.send(f"SIP/2.0 {status} -", headers, body)

    # -- what comes
    def on_message(self, raw):
        message = Message(raw)
        if message.status:
            queue = self.waiting.get(branch_of(message) + message.cseq[1])
            call = self.calls.get(message.get("Call-ID"))
            if queue is not None:
                queue.put_nowait(message)
            elif call is not None and message.status == 200 and message.cseq[1] == "INVITE":
                self.ack(call)  # the first one was lost
            return
        before = self.answered.get(branch_of(message) + message.method)
        if before is not None:
            self.send(f"SIP/2.0 {before[0]} -", before[1], before[2])
        else:
            self.on_request(message)

    def on_request(self, m):
        call = self.calls.get(m.get("Call-ID"))
        if m.method == "OPTIONS":
            if f"sip:{self.user}@" in m.start:  # else it asks for whoever had this port before, and is gone
                self.reply(m, 200, "o")
        elif m.method == "INVITE" and call is None:
            call = Call(m.get("Call-ID"), m.contact_uri(), m.get("From"), m.get("To").split("<")[1].split(">")[0])
            call.route, call.invite = m.all("Record-Route"), m
            self.calls[call.id] = call
            self.on_invite(call)
        elif m.method == "INVITE" and call.answer is None:
            pass  # repeated over UDP; it is thought about
        elif m.method == "ACK":
            if call is not None:
                call.acked.set()
        elif call is None:
            self.reply(m, 481, "x")
        elif m.method == "CANCEL":
            self.reply(m, 200, call.tag)
            self.on_cancel(call)
        elif m.method in ("BYE", "INFO"):
            self.reply(m, 200, call.tag)
            call.over.set() if m.method == "BYE" else self.on_text(call, m.body.decode())
        else:
            self.reply(m, 501, call.tag)

    def on_cancel(self, call):
        call.cancelled = True
        if call.answer is None:
            self.reject(call, 487)

    def forget(self, call):
        self.calls.pop(call.id, None)

    # -- the usual ways
    async def register(self, expires=600):
        call = Call(secrets.token_hex(8), f"sip:{self.host}", f"<{self.uri}>", self.uri)
        extra = [("Contact", self.contact()), ("Expires", str(expires))]
        answer = await self.transact("REGISTER", call, extra)
        while answer.status == 401:
            proof = digest(answer.get("WWW-Authenticate"), "REGISTER", call.uri, self.user, self.password)
            call.cseq = next(_numbers)
            answer = await self.transact("REGISTER", call, [*extra, ("Authorization", proof)])
            if answer.status == 401 and "stale=true" not in answer.get("WWW-Authenticate").lower():
                break
        if answer.status != 200:
            raise Refused(answer.status)

    def dial(self, exten):
        uri = f"sip:{exten}@{self.host}"
        return Call(secrets.token_hex(8), uri, f"<{uri}>", self.uri)

    async def invite(self, call):
        """Returns when the call is up; Refused with the status else."""
        extra = [("Contact", self.contact()), ("Content-Type", "application/sdp")]
        proof = []
        while True:
            call.invite_branch = "z9hG4bK" + secrets.token_hex(8)
            answer = await self.transact("INVITE", call, extra + proof, SDP, call.invite_branch, limit_s=60)
            if answer.status >= 300:
                call.remote = answer.get("To")
                self.request("ACK", call, call.invite_branch)
            if answer.status != 407 or proof and "stale=true" not in answer.get("Proxy-Authenticate").lower():
                break
            call.remote, call.cseq = f"<{call.uri}>", next(_numbers)
            proof = [("Proxy-Authorization", digest(answer.get("Proxy-Authenticate"), "INVITE", call.uri, self.user, self.password))]
        if answer.status >= 300:
            raise Refused(answer.status)
        call.remote, call.uri, call.route = answer.get("To"), answer.contact_uri(), list(reversed(answer.all("Record-Route")))
        call.invite_cseq = call.cseq
        self.calls[call.id] = call
        self.ack(call)

    def ack(self, call):
        self.request("ACK", call, "z9hG4bK" + secrets.token_hex(8), cseq=call.invite_cseq)

    async def cancel(self, call):
        try:
            await self.transact("CANCEL", call, branch=call.invite_branch, limit_s=5)
        except Refused:
            pass  # answered by the INVITE itself

    def ring(self, call):
        self.reply(call.invite, 180, call.tag, [("Contact", self.contact())])

    def reject(self, call, status):
        call.answer = status
        self.reply(call.invite, status, call.tag)
        self.forget(call)

    async def accept(self, call, limit_s=10):
        """200, repeated until the ACK; whether that came."""
        call.answer = 200
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + limit_s, T1_S
        while loop.time() < end and not call.over.is_set() and self.link is not None:
            self.reply(call.invite, 200, call.tag, [("Contact", self.contact()), ("Content-Type", "application/sdp")], SDP)
            try:
                await asyncio.wait_for(call.acked.wait(), pause)
                return True
            except asyncio.TimeoutError:
                pause = min(2 * pause, 4)
        return call.acked.is_set()

    async def within(self, call, method, body=""):
        """A request within the call; its status, 0 if none came."""
        call.cseq = next(_numbers)
        extra = [("Content-Type", "text/plain")] if body else []
        try:
            return (await self.transact(method, call, extra, body, limit_s=20)).status
        except Refused as refused:
            return refused.status
