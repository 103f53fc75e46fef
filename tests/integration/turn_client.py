"""As much of a TURN client (RFC 8656) as it takes to hold an allocation: one UDP socket, long-term credentials by MD5."""

import hashlib
import hmac
import secrets
import socket
import struct

COOKIE = b"\x21\x12\xa4\x42"
ALLOCATE, REFRESH = 3, 4
USERNAME, INTEGRITY, ERROR, LIFETIME, REALM, NONCE, TRANSPORT = 0x06, 0x08, 0x09, 0x0d, 0x14, 0x15, 0x19


class TurnClient:
    def __init__(self, address, user, password):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(address)
        self.socket.settimeout(10)
        self.user, self.password, self.realm, self.nonce = user, password, b"", b""

    def allocate(self, lifetime_s):
        """Seconds granted, or the error's code."""
        return self._authorised(ALLOCATE, [(TRANSPORT, b"\x11\0\0\0"), (LIFETIME, struct.pack("!I", lifetime_s))])

    def refresh(self, lifetime_s):
        return self._authorised(REFRESH, [(LIFETIME, struct.pack("!I", lifetime_s))])

    def close(self):
        self.socket.close()

    def _authorised(self, method, attributes):
        """Asked again with the nonce of a first refusal, as clients do."""
        for _ in range(2):
            found = self._ask(method, attributes)
            code = found[ERROR][2] * 100 + found[ERROR][3] if ERROR in found else 0
            if code not in (401, 438) or self.nonce == found[NONCE]:
                break
            self.realm, self.nonce = found[REALM], found[NONCE]
        return code or struct.unpack("!I", found[LIFETIME])[0]

    def _ask(self, method, attributes):
        number, body = secrets.token_bytes(12), b""
        if self.nonce:
            attributes = [*attributes, (USERNAME, self.user.encode()), (REALM, self.realm), (NONCE, self.nonce)]
        for kind, value in attributes:
            body += struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)
        if self.nonce:
            key = hashlib.md5(b":".join((self.user.encode(), self.realm, self.password.encode()))).digest()
            head = struct.pack("!HH", method, len(body) + 24) + COOKIE + number
            body += struct.pack("!HH", INTEGRITY, 20) + hmac.new(key, head + body, hashlib.sha1).digest()
        self.socket.send(struct.pack("!HH", method, len(body)) + COOKIE + number + body)
        while (answer := self.socket.recv(2000))[8:20] != number:
            pass
        found, at = {}, 20
        while at + 4 <= len(answer):
            kind, size = struct.unpack("!HH", answer[at:at + 4])
            found[kind] = answer[at + 4:at + 4 + size]
            at += 4 + size + -size % 4
        return found
