"""Fixtures of the integration tests: a fresh daemon a test, on free loopback ports, ended by its pid."""

import fcntl
import os
import pathlib
import subprocess
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "demo")]

import browser as browsers  # noqa: E402
from desktop import Desktop, Sound, Window  # noqa: E402
from people import BUILD, Server  # noqa: E402
from ports import lasting  # noqa: E402
from wiretap import Capture  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "daemon(*options): what the server fixture's daemon is started with")
    config.addinivalue_line("markers", "comes_back: the server goes, and another one takes its ports")
    config.addinivalue_line("markers", "tour: of the graphical client, run under ASan, too (./test windows)")
    config.addinivalue_line("markers", "capture(*filter): what the capture fixture's tcpdump looks for")


@pytest.fixture
def server(request, tmp_path):
    """myturnd as most operators start it, or with @pytest.mark.daemon("--option", …). server.url, server.sip, server.process, server.log (its console)."""
    marker = request.node.get_closest_marker("daemon")
    one = Server(tmp_path, options=marker.args if marker else (), **(lasting() if request.node.get_closest_marker("comes_back") else {}))
    yield one
    one.close()


@pytest.fixture
def start_server(tmp_path):
    """start_server("--open-api", …) for a daemon with options."""
    running = []

    def start(*options, **kw):
        running.append(Server(tmp_path, options=options, **kw))
        return running[-1]
    yield start
    for one in running:
        one.close()


@pytest.fixture(scope="session")
def jssip():
    """Installs JsSIP from the lock file, once however many workers want it."""
    folder = HERE / "js"
    with (folder / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "node_modules/jssip/package.json").is_file():
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True, timeout=300)


@pytest.fixture(scope="session")
def page_built():
    """The page in web/dist, and what drives a browser."""
    if browsers.executable() is None:
        pytest.skip("there is no Chromium")
    browsers.prepare()


@pytest.fixture(scope="session")
def chromium_of_worker(page_built):
    one = browsers.Browser()
    yield one
    one.close()


@pytest.fixture
def chromium(chromium_of_worker):
    """A browser without pages; no page may have thrown or broken the policy when the test is over."""
    chromium_of_worker.reset()
    yield chromium_of_worker
    assert chromium_of_worker.reset() == []


@pytest.fixture
def web_server(request, page_built, start_server):
    return start_server("--web", str(browsers.DIST), **(lasting() if request.node.get_closest_marker("comes_back") else {}))


@pytest.fixture
def sound(tmp_path):
    one = Sound(tmp_path / "sound")
    yield one
    one.close()


@pytest.fixture
def sound_server(sound):
    return sound.env["PULSE_SERVER"]


@pytest.fixture(scope="module")
def desktop(tmp_path_factory):
    one = Desktop(tmp_path_factory.mktemp("desktop"))
    yield one
    one.close()


@pytest.fixture
def polish():
    """Skips where the C library takes no LANGUAGE in C.UTF-8, as Debian 13's does: without a locale of its own a language is not to be had there."""
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "LANGUAGE": "pl", "TEXTDOMAINDIR": str(BUILD / "po")}
    if subprocess.run(["gettext", "myturn", "_Cancel"], env=env, capture_output=True, text=True, check=True).stdout == "_Cancel":
        pytest.skip("the C library gives no translations in C.UTF-8, and a Polish locale is not asked for")


@pytest.fixture
def window(desktop, server):
    """window(NAME, …) -> a window at the server; all are closed at the end, which must go well."""
    opened = []

    def start(name, *options, url=None, **kw):
        opened.append(Window(desktop, server.url if url is None else url, *options, name=f"{name}-{len(opened)}-{time.monotonic_ns()}", **kw))
        return opened[-1]
    yield start
    for one in opened:
        one.close()


@pytest.fixture
def capture(request, tmp_path):
    """Captures UDP on loopback, or what @pytest.mark.capture("filter") says; call it to end that, for the file."""
    marker = request.node.get_closest_marker("capture")
    one = Capture(tmp_path / "talk.pcap", *(marker.args if marker else ["udp"]))
    yield one.stop
    one.close()
