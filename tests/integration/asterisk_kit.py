"""What the tests with Asterisk, and with what stands in for it, have in common."""

import os
import socket
import threading
import time

from api import User
from asterisk_peer import sections
from people import wait
from sip_ua import Message, digest


def until(what, done, limit_s=10):
    end = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < end, f"no {what} within {limit_s} s"
        time.sleep(0.02)


def names(folder):
    """Who is in the marked part of sip.conf."""
    text = (folder / "sip.conf").read_text()
    return [name for name, pairs in sections(text) if ("context", "phones") in pairs]


def talk(people, nth=1):
    for person in people:
        person.type("")
    wait(people, "talk", lambda: all(len(p.find("secure")) >= nth for p in people))


def log_in_at_once(url, count):
    """Those who got in, and how many seconds it took."""
    users = []
    threads = [threading.Thread(target=lambda n=n: users.append(User(url, f"user{n}"))) for n in range(count)]
    since = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return users, time.monotonic() - since


class Phone:
    """Just enough to register and to dial whom one likes."""

    def __init__(self, asterisk, user):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(20)
        self.at, self.user, self.cseq = asterisk.sip, user, 0

    def ask(self, method, number, call_id, body=""):
        sip, authorization = self.user.login["sip"], ""
        uri = f"sip:{number}@myturn.invalid"
        for _ in range(2):
            self.cseq += 1
            own = "%s:%d" % self.socket.getsockname()
            content = "Content-Type: application/sdp\r\n" if body else ""
            self.socket.sendto((f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{os.urandom(6).hex()};rport\r\nMax-Forwards: 70\r\n"
                                f"From: <{sip['uri']}>;tag=a\r\nTo: <{uri if method == 'INVITE' else sip['uri']}>\r\nCall-ID: {call_id}\r\n"
                                f"CSeq: {self.cseq} {method}\r\nContact: <sip:x@{own}>\r\n{authorization}{content}"
                                f"Content-Length: {len(body)}\r\n\r\n{body}").encode(), self.at)
            while True:
                answer = Message(self.socket.recvfrom(65536)[0])
                if answer.status and answer.status >= 200:
                    break
            if answer.status != 401:
                break
            authorization = f"Authorization: {digest(answer.get('WWW-Authenticate'), method, uri, sip['username'], sip['password'])}\r\n"
        return answer.status

    def register(self):
        assert self.ask("REGISTER", "x", os.urandom(6).hex()) == 200

    def invite(self, number):
        return self.ask("INVITE", number, os.urandom(6).hex(), "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0 8\r\n")
