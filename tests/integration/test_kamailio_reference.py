"""Kamailio, the proxy that most operators know, beside ours: both get the same requests, and where their answers differ it is by intent.

RFC 3261 leaves room in many answers; where it does, ours is to be no surprise to anybody who knows Kamailio, but for the table
DIFFERENCES, which gives the section where there is one."""

import itertools
import secrets
import shutil
import socket
import subprocess
import time

import pytest

from api import User
from ports import free_port
from sip_ua import Message, digest

DOMAIN, PASSWORD, SILENCE = "myturn.invalid", "secret", 0

CONFIG = """#!KAMAILIO
debug=0
log_stderror=yes
children=1
tcp_children=1
listen=udp:127.0.0.1:{port}
disable_tcp=yes
alias="myturn.invalid"
dns=no
rev_dns=no
use_dns_cache=off
server_signature=no
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "sanity.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("registrar", "min_expires", 60)
modparam("registrar", "max_expires", 3600)
request_route {{
    if (!mf_process_maxfwd_header("70")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (!sanity_check()) {{ exit; }}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("myturn.invalid", "secret", "0")) {{ www_challenge("myturn.invalid", "1"); exit; }}
        save("location");
        exit;
    }}
    if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
    if (is_method("ACK")) {{ exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); else sl_send_reply("481", "Call/Transaction Does Not Exist"); exit; }}
    if (has_totag() || is_method("BYE|INFO|UPDATE|PRACK")) {{ sl_send_reply("481", "Call/Transaction Does Not Exist"); exit; }}
    if (!is_method("INVITE")) {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
    if (!pv_proxy_authenticate("myturn.invalid", "secret", "0")) {{ proxy_challenge("myturn.invalid", "1"); exit; }}
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    t_relay();
}}
"""

_cseq = itertools.count(1)


class Client:
    """One socket; sends what it is told and tells the status that comes back."""

    def __init__(self, server, user, password):
        host, port = server.rsplit(":", 1)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect((host, int(port)))
        self.at = "%s:%d" % self.socket.getsockname()
        self.user, self.password = user, password

    def text(self, method, uri=None, version="SIP/2.0", body="", without=(), more=(), **other):
        """A request; other: headers by name (- as _) in place of the usual ones."""
        headers = {"Via": f"SIP/2.0/UDP {self.at};rport;branch=z9hG4bK{secrets.token_hex(6)}", "Max-Forwards": "70",
                   "From": f"<sip:{self.user}@{DOMAIN}>;tag=a", "To": f"<sip:{self.user}@{DOMAIN}>", "Call-ID": secrets.token_hex(8),
                   "CSeq": f"{next(_cseq)} {method}", "Contact": f"<sip:{self.user}@{self.at}>", "Content-Length": str(len(body))}
        headers.update({k.replace("_", "-"): v for k, v in other.items()})
        lines = [f"{k}: {v}" for k, v in headers.items() if k not in without] + list(more)
        return "\r\n".join([f"{method} {uri or 'sip:' + DOMAIN} {version}", *lines, "", body])

    def ask(self, text, wait_s=20):
        """The final answer; a message with status 0 for none, which is known when a question that came after it has been answered."""
        probe = secrets.token_hex(8)
        self.socket.send(text.encode())
        self.socket.send(self.text("OPTIONS", Call_ID=probe).encode())
        self.socket.settimeout(wait_s)
        found = Message(b"SIP/2.0 0 Silence\r\n\r\n")
        while True:
            answer = Message(self.socket.recv(65536))
            if answer.get("Call-ID") == probe:
                return found
            if answer.status is not None and answer.status >= 200 and not found.status:
                found = answer

    def status(self, *args, **kw):
        return self.ask(self.text(*args, **kw)).status

    def register(self, password=None, **kw):
        uri = "sip:" + DOMAIN
        first = self.ask(self.text("REGISTER", **kw))
        if first.status != 401:
            return first.status
        credentials = digest(first.get("WWW-Authenticate"), "REGISTER", uri, self.user, password or self.password)
        return self.ask(self.text("REGISTER", Authorization=credentials, **kw)).status


def cancel(c):
    return c.status("CANCEL", "sip:999999@" + DOMAIN)


ASKED = {
    "OPTIONS": lambda c: c.status("OPTIONS"),
    "OPTIONS that may go no further": lambda c: c.status("OPTIONS", Max_Forwards="0"),
    "INVITE that may go no further": lambda c: c.status("INVITE", "sip:999999@" + DOMAIN, Max_Forwards="0"),
    "INVITE without credentials": lambda c: c.status("INVITE", "sip:999999@" + DOMAIN),
    "unknown method": lambda c: c.status("FOO"),
    "SUBSCRIBE": lambda c: c.status("SUBSCRIBE", Event="presence"),
    "MESSAGE": lambda c: c.status("MESSAGE", "sip:999999@" + DOMAIN),
    "Proxy-Require": lambda c: c.status("INVITE", "sip:999999@" + DOMAIN, Proxy_Require="nothing-known"),
    "another version": lambda c: c.status("OPTIONS", version="SIP/7.0"),
    "no From": lambda c: c.status("OPTIONS", without=["From"]),
    "no To": lambda c: c.status("OPTIONS", without=["To"]),
    "no Call-ID": lambda c: c.status("OPTIONS", without=["Call-ID"]),
    "no CSeq": lambda c: c.status("OPTIONS", without=["CSeq"]),
    "no Via": lambda c: c.status("OPTIONS", without=["Via"]),
    "no Max-Forwards": lambda c: c.status("OPTIONS", without=["Max-Forwards"]),
    "CSeq of another method": lambda c: c.status("OPTIONS", CSeq="1 INVITE"),
    "CSeq beyond all bounds": lambda c: c.status("OPTIONS", CSeq="99999999999 OPTIONS"),
    "Content-Length too large": lambda c: c.status("OPTIONS", Content_Length="100"),
    "Content-Length too small": lambda c: c.status("INFO", body="abcdef", Content_Length="3"),
    "negative Content-Length": lambda c: c.status("OPTIONS", Content_Length="-1"),
    "Request-URI of another scheme": lambda c: c.status("OPTIONS", "http://example.invalid"),
    "Request-URI that is none": lambda c: c.status("OPTIONS", "::::"),
    "BYE of no dialog": lambda c: c.status("BYE", To=f"<sip:x@{DOMAIN}>;tag=b"),
    "re-INVITE of no dialog": lambda c: c.status("INVITE", To=f"<sip:x@{DOMAIN}>;tag=b"),
    "CANCEL of nothing": cancel,
    "ACK of nothing": lambda c: c.status("ACK"),
    "an answer to nothing": lambda c: c.ask("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKq\r\nFrom: <sip:a@b>;tag=1\r\n"
                                            "To: <sip:a@b>;tag=2\r\nCall-ID: q\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n").status,
    "noise": lambda c: c.ask("\x01\x02 noise that is no message at all\r\n\r\n").status,
    "keep-alive": lambda c: c.ask("\r\n\r\n").status,
    "REGISTER without credentials": lambda c: c.status("REGISTER"),
    "REGISTER": lambda c: c.register(),
    "REGISTER, a question": lambda c: c.register(without=["Contact"]),
    "REGISTER for a short time": lambda c: c.register(Expires="10"),
    "REGISTER for years": lambda c: c.register(Expires="999999999"),
    "REGISTER with a wrong password": lambda c: c.register(password="wrong"),
    "REGISTER of *, without Expires": lambda c: c.register(Contact="*"),
    "REGISTER of *, Expires 0": lambda c: c.register(Contact="*", Expires="0"),
    "REGISTER, Expires 0": lambda c: c.register(Expires="0"),
    "REGISTER, Require": lambda c: c.register(Require="nothing-known"),
}

# What is asked: our answer, Kamailio's, and why ours is another. 0 is silence.
UNREAD = "Kamailio's parser drops what it cannot read; RFC 3261 16.3 wants a 400, and the sender a reason"
DIFFERENCES = {
    "OPTIONS that may go no further": (200, 483, "either is allowed (16.3, 3.): we are its target at any rate, and it goes nowhere"),
    "MESSAGE": (403, 405, "the method is known and refused by policy: no clear text through the server"),
    "another version": (505, SILENCE, "Kamailio's parser drops it before its sanity check can answer; 505 is made for this (21.5.6)"),
    "no From": (400, SILENCE, UNREAD),
    "no To": (400, SILENCE, UNREAD),
    "no Call-ID": (400, SILENCE, UNREAD),
    "no CSeq": (400, SILENCE, UNREAD),
    "negative Content-Length": (400, SILENCE, UNREAD),
    "Request-URI of another scheme": (416, 400, "416 is made for this (8.2.2.1); Kamailio knows no http: at all"),
    "REGISTER for a short time": (423, 200, "Kamailio lengthens the time in silence; 10.3 has 423, so that the agent knows"),
    "REGISTER with a wrong password": (403, 401, "a new challenge makes agents try for ever; chan_sip answers 403 too"),
    "REGISTER, Require": (420, 200, "8.2.2.3 wants 420 of a registrar; Kamailio's leaves that to its script"),
}


@pytest.fixture(scope="module")
def kamailio(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kamailio")
    assert shutil.which("kamailio")
    port = free_port()
    (folder / "kamailio.cfg").write_text(CONFIG.format(port=port))
    log = (folder / "log").open("wb")
    process = subprocess.Popen(["kamailio", "-f", folder / "kamailio.cfg", "-DD", "-E", "-Y", folder, "-w", folder, "-m", "64", "-M", "8"],
                               stdout=log, stderr=log)
    probe = Client(f"127.0.0.1:{port}", "jeden", PASSWORD)
    end = time.monotonic() + 60
    while True:
        try:
            if probe.ask(probe.text("OPTIONS"), 1).status == 200:
                break
        except (ConnectionRefusedError, TimeoutError):
            time.sleep(0.1)
        assert time.monotonic() < end and process.poll() is None, (folder / "log").read_text()[-3000:]
    yield f"127.0.0.1:{port}"
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    log.close()


def both(server, kamailio, what):
    user = User(server.url, "jeden")
    ours = ASKED[what](Client(server.sip, "jeden", user.login["sip"]["password"]))
    theirs = ASKED[what](Client(kamailio, "jeden", PASSWORD))
    return ours, theirs


@pytest.mark.parametrize("what", ASKED)
def test_answers_are_kamailios(server, kamailio, what):
    ours, theirs = both(server, kamailio, what)
    assert (ours, theirs) == (DIFFERENCES[what][:2] if what in DIFFERENCES else (ours, ours))


def test_every_difference_is_still_one():
    assert set(DIFFERENCES) <= set(ASKED)
    assert all(ours != theirs and why for ours, theirs, why in DIFFERENCES.values())
