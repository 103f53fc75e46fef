"""The page's files as the daemon serves them: compressed forms by what the client likes, each with a tag of its own, and what a page may do."""

import re

import pytest
from api import Api

PLAIN, BR, GZ = b"console.log('plain');", b"this is brotli", b"this is gzip"


@pytest.fixture
def page(start_server, tmp_path):
    folder = tmp_path / "web"
    folder.mkdir()
    for name in ("app-3FKQZ2XJ.js", "plain.js"):
        (folder / name).write_bytes(PLAIN)
    (folder / "app-3FKQZ2XJ.js.br").write_bytes(BR)
    (folder / "app-3FKQZ2XJ.js.gz").write_bytes(GZ)
    (folder / "index.html").write_text("<!doctype html><title>t</title>")
    return Api(start_server("--web", str(folder)).url)


@pytest.mark.parametrize("accepts,body,coding", [
    (None, PLAIN, None), ("", PLAIN, None), ("identity", PLAIN, None), ("gzip", GZ, "gzip"), ("br", BR, "br"),
    ("gzip, deflate, br, zstd", BR, "br"), ("GZIP", GZ, "gzip"), ("gzip;q=1.0, br;q=0.5", GZ, "gzip"), ("br;q=0, gzip", GZ, "gzip"),
    ("br;q=0.000, gzip;q=0", PLAIN, None), ("*", BR, "br"), ("*;q=0.1, br;q=0", GZ, "gzip"), ("gzip;q=0.001", GZ, "gzip"),
    ("br;q=0.8,gzip;q=0.80", BR, "br"), ("br;q=x", PLAIN, None), ("br;q=0.1234", PLAIN, None), ("brotli, xgzip", PLAIN, None)])
def test_what_the_client_likes(page, accepts, body, coding):
    answer = page.get("/app-3FKQZ2XJ.js", headers={} if accepts is None else {"Accept-Encoding": accepts})
    assert (answer.status, answer.raw, answer.headers["Content-Encoding"]) == (200, body, coding)
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in answer.headers["Cache-Control"]


def test_each_form_has_its_tag(page):
    tags = {coding: page.get("/app-3FKQZ2XJ.js", headers={"Accept-Encoding": coding}).headers["ETag"] for coding in ("br", "gzip", "identity")}
    assert len(set(tags.values())) == 3
    for coding, tag in tags.items():
        again = page.get("/app-3FKQZ2XJ.js", headers={"Accept-Encoding": coding, "If-None-Match": tag})
        assert again.status == 304 and again.headers["ETag"] == tag and again.headers["Vary"] == "Accept-Encoding" and not again.raw
    assert page.get("/app-3FKQZ2XJ.js", headers={"Accept-Encoding": "br", "If-None-Match": tags["gzip"]}).status == 200


def test_what_has_one_form(page):
    answer = page.get("/plain.js", headers={"Accept-Encoding": "br, gzip"})
    assert answer.raw == PLAIN and answer.headers["Vary"] is None and answer.headers["Content-Encoding"] is None
    assert answer.headers["Cache-Control"] == "no-cache"


def test_what_a_page_may_do(page):
    """Nothing inline, nothing of others; its own scripts, worklets and WebSocket, and sound out of a blob. No text becomes markup or script, and no other site gets anything."""
    policy = dict(p.strip().split(" ", 1) for p in page.get("/").headers["Content-Security-Policy"].split(";"))
    assert "unsafe" not in str(policy) and "*" not in str(policy)
    assert policy["default-src"] == "'self'" and policy["connect-src"] == "'self'" and "blob:" in policy["media-src"]
    assert policy.get("script-src", "'self'") == policy.get("worker-src", "'self'") == policy.get("style-src", "'self'") == "'self'"
    assert policy["require-trusted-types-for"] == "'script'" and policy["trusted-types"] == "'none'"
    for path in ("/", "/plain.js", "/v1/info", "/v1/nowhere"):
        assert page.get(path).headers["Cross-Origin-Resource-Policy"] == "same-origin", path
    assert re.search(r"microphone=\(self\), camera=\(\)", page.get("/").headers["Permissions-Policy"])
