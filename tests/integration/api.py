"""The HTTP API as tests use it: one call a request, nothing hidden."""

import http.client
import json
import urllib.parse


class Answer:
    def __init__(self, status, headers, raw):
        self.status, self.headers, self.raw = status, headers, raw

    @property
    def json(self):
        return json.loads(self.raw)

    def __repr__(self):
        return f"<{self.status} {self.raw[:200]!r}>"


class Api:
    """base: http://host:port. Each request on a connection of its own, so that held ones stand beside others."""

    def __init__(self, base, token=None, source="127.0.0.1"):
        self.address = urllib.parse.urlsplit(base)
        self.base, self.token, self.source = base, token, source

    def call(self, method, path, body=None, headers=None, timeout_s=10):
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=timeout_s,
                                                source_address=(self.source, 0))
        try:
            sent = dict(headers or {})
            if self.token:
                sent.setdefault("Authorization", f"Bearer {self.token}")
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
                sent.setdefault("Content-Type", "application/json")
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path, **kw):
        return self.call("GET", path, **kw)

    def put(self, path, **kw):
        return self.call("PUT", path, **kw)

    def post(self, path, body=None, **kw):
        return self.call("POST", path, body, **kw)

    def delete(self, path, **kw):
        return self.call("DELETE", path, **kw)


class User(Api):
    """A logged-in user of /v1; `login` is the answer of POST /v1/users."""

    def __init__(self, base, name, source="127.0.0.1", **wish):
        super().__init__(base, source=source)
        answer = self.post("/v1/users", {"name": name, **wish})
        assert answer.status == 201, answer
        self.login, self.name, self.token = answer.json, name, answer.json["token"]
        self.path = urllib.parse.quote(name)

    @property
    def status(self):
        return self.get(f"/user-status/{self.path}").json

    def wait_turn(self, seconds=10, **body):
        return self.post("/v1/turn", body, headers={"Prefer": f"wait={seconds}"}, timeout_s=seconds + 5)


def pair(caller, callee):
    """Draws the two (the only ones ready) for each other by the specification's routes, callee confirmed."""
    for user in (caller, callee):
        assert user.put(f"/update-status-rdy/{user.path}").status == 200
    answer = caller.get(f"/get-peer/{caller.path}")
    assert answer.status == 202, answer
    assert callee.get(f"/get-peer/{callee.path}").status == 230
    assert callee.put(f"/update-status-rdy-to-talk/{callee.path}").status == 200
    return answer.json
