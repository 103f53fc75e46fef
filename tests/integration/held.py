"""Who of two calls: the one who asks while the other's request is held."""

import time

from api import Api
from browser import Page
from people import wait


def held(server, who, source="127.0.0.1"):
    """Waits until the long-held request of the only one who waits is up, a page's or a terminal's: the first one is short, and between the two
    nobody is drawn. Whoever asks then makes the draw, and calls."""
    if isinstance(who, Page):
        who.until("performance.getEntriesByType('resource').some(e => /\\/v1\\/turn$/.test(e.name))")
    else:
        wait([who], "the second request", lambda: any(e["elapsed_s"] >= 2 for e in who.find("waiting")))
    end = time.monotonic() + 20
    while Api(server.url, source=source).get("/v1/stats").json["waiting"] != 1:
        assert time.monotonic() < end, "nobody waits"
        time.sleep(0.05)
