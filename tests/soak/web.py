"""One user's HTTP connection: kept between requests, one request at a time, broken off when the user likes."""

import asyncio
import json


class Gone(ConnectionError):
    """The server closed, refused or did not answer."""


class Web:
    def __init__(self, address, token=None):
        self.host, self.port = address
        self.token = token
        self.reader = self.writer = None
        self.dropped = False

    async def call(self, method, path, body=None, wait_s=0, limit_s=30):
        """(status, JSON or text). A kept connection that the server closed meanwhile is opened anew, once."""
        kept = self.writer is not None
        try:
            return await asyncio.wait_for(self._exchange(method, path, body, wait_s), limit_s + wait_s)
        except asyncio.TimeoutError:
            self.close()
            raise Gone(f"{method} {path}: no answer within {limit_s + wait_s} s") from None
        except (OSError, asyncio.IncompleteReadError) as error:
            silent = not (isinstance(error, asyncio.IncompleteReadError) and error.partial)
            self.close()
            if kept and silent and not self.dropped and (method, path) != ("POST", "/v1/users"):
                return await self.call(method, path, body, wait_s, limit_s)
            raise Gone(f"{method} {path}: {error or type(error).__name__}") from None

    async def _exchange(self, method, path, body, wait_s):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        data = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        if wait_s:
            lines.append(f"Prefer: wait={wait_s}")
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + data)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        raw = await self.reader.readexactly(int(fields.get("content-length", 0)))
        if fields.get("connection") == "close":
            self.close()
        kind = fields.get("content-type", "")
        return int(head.split()[1]), json.loads(raw) if raw and "json" in kind else raw.decode()

    def drop(self, abrupt):
        """Closed for good: a request on it that is being cancelled is not tried again."""
        self.dropped = True
        self.close(abrupt)

    def close(self, abrupt=False):
        writer, self.reader, self.writer = self.writer, None, None
        if writer is not None:
            if abrupt:
                writer.transport.abort()
            else:
                writer.close()
