"""A stand-in for Asterisk 20 with chan_sip, as far as myTurn meets it: manager interface, the two files, registrar, and a back-to-back
user agent over UDP. It behaves as the real one was seen to, the awkward ways included:

- `sip reload` answers at once and works a moment later, deaf meanwhile; `dialplan reload` has worked when it answers
- a digest challenge without qop, 401 also for INVITE; OPTIONS to the device before the 200 of its REGISTER
- the registry database outlives both reload and restart and brings a re-used name its old contact
- SDP of its own on both legs; media lines it does not know are answered with port 0, SAVP with 488
- re-INVITEs to both legs after the answer, and to the callee once more before BYE

Files and manager interface are in asterisk_manager.py. It runs in a thread of the test; close() and Asterisk(…, registry=old.registry) make a restart."""

import hashlib
import itertools
import re
import secrets
import selectors
import socket
import threading
import time

from asterisk_manager import Manager, sections  # noqa: F401
from sip_ua import Message

_numbers = itertools.count(1)


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def user_of(uri):
    found = re.search(r"sips?:([^@;>]+)@", uri)
    if not found:
        return ""
    return re.sub(r"(?:%[0-9A-Fa-f]{2})+", lambda m: bytes.fromhex(m.group().replace("%", "")).decode(), found.group(1))


class Leg:
    """One dialog, named like a channel."""

    def __init__(self, peer, call_id, ours, theirs, remote, target):
        self.channel = f"SIP/{peer}-{next(_numbers):08x}"
        self.peer, self.call_id, self.ours, self.theirs, self.remote, self.target = peer, call_id, ours, theirs, remote, target
        self.cseq, self.up, self.over, self.other, self.exten = 100, False, False, None, ""
        self.invite = None  # the request to be answered (incoming)
        self.answers = {}  # by CSeq number: what to do with the answer of our request


class Asterisk(Manager):
    def __init__(self, folder, user="myturn", secret="manager-secret", registry=None, sip_port=0, ami_port=0):
        self.folder, self.user, self.secret = folder, user, secret
        self.registry = registry if registry is not None else {}  # the database on disk: name -> contact URI
        self.peers, self.dialplan = {}, {}
        self.bound = {}  # name -> (address, contact URI)
        self.legs, self.nonces, self.done = {}, {}, {}
        self.commands, self.seen, self.later = [], [], []
        self.sdp_in, self.reinvites = [], 0
        self.loaded = 0
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", sip_port))
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", ami_port))
        self.listener.listen()
        self.sip = self.udp.getsockname()
        self.ami = self.listener.getsockname()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.udp, selectors.EVENT_READ, self._datagram)
        self.selector.register(self.listener, selectors.EVENT_READ, self._accept)
        self.managers = {}  # socket -> [buffer, logged in]
        self.load_sip()
        self.load_dialplan()
        self.running, self.failure = True, None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        """As if the process were killed."""
        self.running = False
        self.thread.join(5)
        for s in [self.udp, self.listener, *self.managers]:
            s.close()
        self.selector.close()
        if self.failure:
            raise self.failure

    def count(self, command):
        return sum(1 for c in self.commands if c.startswith(command))

    # the loop

    def _run(self):
        try:
            while self.running:
                now = time.monotonic()
                due = [job for job in self.later if job[0] <= now]
                self.later = [job for job in self.later if job[0] > now]
                for _, work in due:
                    work()
                for key, _ in self.selector.select(0.01):
                    key.data(key.fileobj)
        except BaseException as failure:  # the test is to see it
            self.failure = failure

    def _after(self, seconds, work):
        self.later.append((time.monotonic() + seconds, work))

    # SIP

    def _send(self, address, start, headers, body=""):
        lines = [start] + [f"{k}: {v}" for k, v in headers] + [f"Content-Length: {len(body.encode())}", "", body]
        self.udp.sendto("\r\n".join(lines).encode(), address)

    def _answer(self, request, status, headers=(), body="", tag=None):
        address = request.source
        via = request.all("Via")
        via[0] = re.sub(r";rport(?!=)", f";received={address[0]};rport={address[1]}", via[0])
        to = request.get("To")
        if tag and ";tag=" not in to:
            to += f";tag={tag}"
        head = [("Via", v) for v in via] + [("From", request.get("From")), ("To", to), ("Call-ID", request.get("Call-ID")),
                                            ("CSeq", request.get("CSeq")), ("Server", "Asterisk PBX 20"), *headers]
        if body:
            head.append(("Content-Type", "application/sdp"))
        self._send(address, f"SIP/2.0 {status} Any", head, body)
        if status >= 200 and request.method != "ACK":
            self.done[(via[0].split("branch=")[-1].split(";")[0], request.method)] = (address, status, list(headers), body, tag, request)

    def _datagram(self, udp):
        data, source = udp.recvfrom(65536)
        message = Message(data)
        message.source = source
        if message.status:
            self._response(message)
            return
        branch = message.all("Via")[0].split("branch=")[-1].split(";")[0]
        if (branch, message.method) in self.done:  # repeated
            _, status, headers, body, tag, request = self.done[(branch, message.method)]
            self._answer(request, status, headers, body, tag)
            return
        self.seen.append(message)
        {"REGISTER": self._register, "INVITE": self._invite, "ACK": self._ack, "BYE": self._bye, "CANCEL": self._cancel,
         "OPTIONS": lambda m: self._answer(m, 200)}.get(message.method, lambda m: self._answer(m, 501))(message)

    def _challenge(self, request):
        nonce = secrets.token_hex(4)
        self.nonces[nonce] = True
        self._answer(request, 401, [("WWW-Authenticate", f'Digest algorithm=MD5, realm="asterisk", nonce="{nonce}"')], tag=secrets.token_hex(4))

    def _authenticated(self, request, name):
        """True, or it has been challenged or refused."""
        given = request.get("Authorization")
        if not given:
            self._challenge(request)
            return False
        field = dict(re.findall(r'(\w+)="?([^",]+)"?', given))
        peer = self.peers.get(name)
        if not self.nonces.pop(field.get("nonce"), None):
            self._challenge(request)
            return False
        ha1 = md5(f"{name}:asterisk:{peer['secret']}") if peer else ""
        expected = md5(f"{ha1}:{field['nonce']}:{md5(request.method + ':' + field['uri'])}")
        if not peer or field.get("username") != name or field.get("response") != expected:
            self._answer(request, 403, tag=secrets.token_hex(4))
            return False
        return True

    def _register(self, request):
        name = user_of(request.get("To"))
        if not self._authenticated(request, name):
            return
        contact = request.get("Contact")
        asked = re.search(r"expires=(\d+)", contact)
        expires = int(asked.group(1)) if asked else int(request.get("Expires", "120"))
        if expires == 0 or contact == "*":
            self.bound.pop(name, None)
            self.registry.pop(name, None)
            self._answer(request, 200, tag=secrets.token_hex(4))
            self._event("PeerStatus", ChannelType="SIP", Peer=f"SIP/{name}", PeerStatus="Unregistered")
            return
        expires = min(3600, max(60, expires))
        uri = re.search(r"<([^>]+)>", contact).group(1)
        self.bound[name] = self.registry[name] = (request.source, uri)
        self._request_out(request.source, "OPTIONS", uri, f"<sip:{name}@{self.sip[0]}>", secrets.token_hex(8), 102)
        self._answer(request, 200, [("Expires", expires), ("Contact", f"<{uri}>;expires={expires}")], tag=secrets.token_hex(4))
        self._event("PeerStatus", ChannelType="SIP", Peer=f"SIP/{name}", PeerStatus="Registered",
                    Address="%s:%d" % request.source)
        self._event("PeerStatus", ChannelType="SIP", Peer=f"SIP/{name}", PeerStatus="Reachable", Time="1")

    def _request_out(self, address, method, uri, to, call_id, cseq, from_=None, headers=(), body="", branch=None):
        branch = branch or "z9hG4bK" + secrets.token_hex(6)
        from_ = from_ or f'"asterisk" <sip:asterisk@{self.sip[0]}:{self.sip[1]}>;tag={secrets.token_hex(4)}'
        head = [("Via", f"SIP/2.0/UDP {self.sip[0]}:{self.sip[1]};branch={branch};rport"), ("Max-Forwards", "70"), ("From", from_), ("To", to),
                ("Contact", f"<sip:asterisk@{self.sip[0]}:{self.sip[1]}>"), ("Call-ID", call_id), ("CSeq", f"{cseq} {method}"), *headers]
        if body:
            head.append(("Content-Type", "application/sdp"))
        self._send(address, f"{method} {uri} SIP/2.0", head, body)
        return branch

    def _own_sdp(self, port=None, host=None):
        host = host or self.sip[0]
        return (f"v=0\r\no=root {secrets.randbelow(10**9)} 1 IN IP4 {host}\r\ns=Asterisk PBX 20\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
                f"m=audio {port or 10000 + 2 * secrets.randbelow(5000)} RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n")

    # calls

    def _sdp_is_good(self, body):
        """What it can talk: an audio line in the clear with G.711. Others would be answered with port 0, SAVP is refused."""
        text = body.decode()
        self.sdp_in.append(text)
        return bool(re.search(r"^m=audio \d+ RTP/AVP(?: \d+)* ?", text, re.M) and re.search(r"^m=audio \d+ RTP/AVP.* [08]\b", text, re.M))

    def _invite(self, request):
        if request.tag("To"):  # within a dialog
            leg = self.legs.get(request.get("Call-ID"))
            self._answer(request, 200 if leg else 481, [("Contact", f"<sip:asterisk@{self.sip[0]}:{self.sip[1]}>")] if leg else [],
                         self._own_sdp() if leg else "")
            return
        name = user_of(request.get("From"))
        if not self._authenticated(request, name):
            return
        if not self._sdp_is_good(request.body):
            self._answer(request, 488, tag=secrets.token_hex(4))
            return
        number = user_of(request.start.split()[1])
        plan = self.dialplan.get(self.peers[name].get("context"), {}).get(number)
        leg = Leg(name, request.get("Call-ID"), secrets.token_hex(4), request.tag("From"), request.source, request.contact_uri())
        leg.invite, leg.exten = request, number
        leg.from_, leg.to = f"{request.get('To')};tag={leg.ours}", request.get("From")
        self.legs[leg.call_id] = leg
        self._answer(request, 100)
        self._event("Newchannel", Channel=leg.channel, ChannelState="0", ChannelStateDesc="Down", CallerIDNum=name, Context="phones",
                    Exten=number, Priority="1", Uniqueid=str(next(_numbers)))
        if not plan:
            self._finish(leg, 404)
            return
        for priority in sorted(plan):
            found = re.match(r"dial\(sip/(.+)\)$", plan[priority], re.I)
            if found:
                self._dial(leg, found.group(1))
                return
        self._finish(leg, 603)

    def _dial(self, leg, name):
        at = self.bound.get(name)
        if not at:
            self._event("DialEnd", Channel=leg.channel, DialStatus="CHANUNAVAIL")
            self._finish(leg, 503)
            return
        other = Leg(name, secrets.token_hex(8) + "@asterisk", secrets.token_hex(4), None, at[0], at[1])
        leg.other, other.other = other, leg
        self.legs[other.call_id] = other
        caller = re.search(r"sip:([^@]+)@", leg.invite.get("From")).group(1)
        other.from_ = f'"{caller}" <sip:{caller}@{self.sip[0]}>;tag={other.ours}'
        other.to = f"<{at[1]}>"
        self._event("Newchannel", Channel=other.channel, ChannelState="0", ChannelStateDesc="Down", Context="phones", Exten="", Priority="1")
        self._event("DialBegin", Channel=leg.channel, DestChannel=other.channel, DialString=name, CallerIDNum=leg.peer)
        other.branch = self._ask(other, "INVITE", self._own_sdp(), self._dialled)

    def _ask(self, leg, method, body="", then=None):
        leg.cseq += 1
        leg.answers[leg.cseq] = then
        return self._request_out(leg.remote, method, leg.target, leg.to, leg.call_id, leg.cseq, leg.from_, body=body)

    def _response(self, message):
        leg = self.legs.get(message.get("Call-ID"))
        if not leg:
            return  # of an OPTIONS, or late
        number, method = message.cseq
        if message.status >= 200 and method == "INVITE":
            if message.status < 300:
                leg.to = message.get("To")
                if message.get("Contact"):
                    leg.target = message.contact_uri()
            branch = None if message.status < 300 else message.all("Via")[0].split("branch=")[-1].split(";")[0]
            self._request_out(leg.remote, "ACK", leg.target, message.get("To"), leg.call_id, number, leg.from_, branch=branch)
        then = leg.answers.get(number)
        if message.status >= 200:
            leg.answers[number] = None
        if then:
            then(leg, message)

    def _dialled(self, leg, message):
        caller = leg.other
        if message.status < 180:
            return
        if message.status < 200:
            self._event("Newstate", Channel=leg.channel, ChannelState="5", ChannelStateDesc="Ringing")
            if not caller.over:
                self._answer(caller.invite, 180, tag=caller.ours)
            return
        if message.status >= 300:
            status = {486: "BUSY", 600: "BUSY", 480: "NOANSWER", 487: "CANCEL"}.get(message.status, "CONGESTION")
            self._event("DialEnd", Channel=caller.channel, DestChannel=leg.channel, DialStatus=status)
            self._gone(leg)
            if not caller.over:
                self._finish(caller, {"BUSY": 486, "NOANSWER": 480}.get(status, 603))
            return
        leg.up = True
        if caller.over:  # it crossed a CANCEL
            self._ask(leg, "BYE")
            self._gone(leg)
            return
        assert self._sdp_is_good(message.body), "the callee's SDP"
        self._event("Newstate", Channel=leg.channel, ChannelState="6", ChannelStateDesc="Up")
        self._event("DialEnd", Channel=caller.channel, DestChannel=leg.channel, DialStatus="ANSWER")
        self._answer(caller.invite, 200, [("Contact", f"<sip:{caller.exten}@{self.sip[0]}:{self.sip[1]}>")], self._own_sdp(), caller.ours)
        caller.up = True

    def _ack(self, request):
        leg = self.legs.get(request.get("Call-ID"))
        if leg and leg.up and leg.invite and leg.other and not leg.other.over and not getattr(leg, "direct", False):
            leg.direct = True
            leg.remote = request.source
            for one in (leg, leg.other):  # directmedia: each is shown the other
                self._ask(one, "INVITE", self._own_sdp(9, "127.0.0.1"), self._reinvited)

    def _reinvited(self, leg, message):
        if message.status >= 200:
            assert message.status == 200 and self._sdp_is_good(message.body), f"re-INVITE answered {message.start}"
            self.reinvites += 1

    def _finish(self, leg, status):
        """The caller's INVITE is refused."""
        if leg.over:
            return
        self._answer(leg.invite, status, tag=leg.ours)
        self._gone(leg)

    def _gone(self, leg):
        if leg.over:
            return
        leg.over = True
        self._event("Hangup", Channel=leg.channel, Cause="16", **{"Cause-txt": "Normal Clearing"})

    def _end(self, leg):
        """Both legs, with whatever each of them needs now."""
        for one in (leg, leg.other):
            if not one or one.over:
                continue
            if one.up:
                if not one.invite:
                    self._ask(one, "INVITE", self._own_sdp())  # the callee is taken back first
                self._ask(one, "BYE")
                self._gone(one)
            elif one.invite:
                self._finish(one, 480)
            else:
                self._request_out(one.remote, "CANCEL", one.target, one.to, one.call_id, one.cseq, one.from_, branch=one.branch)
                self._event("DialEnd", Channel=one.other.channel, DestChannel=one.channel, DialStatus="CANCEL")

    def _bye(self, request):
        leg = self.legs.get(request.get("Call-ID"))
        if not leg or leg.over:
            self._answer(request, 481 if not leg else 200)
            return
        self._answer(request, 200)
        other = leg.other
        self._gone(leg)
        if other:
            self._end(other)

    def _cancel(self, request):
        leg = self.legs.get(request.get("Call-ID"))
        self._answer(request, 200 if leg else 481)
        if leg and not leg.up and not leg.over:
            other = leg.other
            self._finish(leg, 487)
            if other:
                self._end(other)
