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
from people import Server  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "daemon(*options): what the server fixture's daemon is started with")


@pytest.fixture
def server(request, tmp_path):
    """myturnd as most operators start it, or with @pytest.mark.daemon("--option", …). server.url, server.sip, server.process, server.log (its console)."""
    marker = request.node.get_closest_marker("daemon")
    one = Server(tmp_path, options=marker.args if marker else ())
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
def web_server(page_built, start_server):
    return start_server("--web", str(browsers.DIST))


@pytest.fixture
def sound_server(tmp_path):
    """A private PulseAudio with two null sinks: what is played into `mouth` is what the source `mic` hears."""
    script, socket = tmp_path / "sound.pa", tmp_path / "native"
    script.write_text(f"""load-module module-native-protocol-unix socket={socket} auth-anonymous=1
load-module module-null-sink sink_name=ear rate=48000 channels=1
load-module module-null-sink sink_name=mouth rate=48000 channels=1
load-module module-remap-source source_name=mic master=mouth.monitor channels=1
""")
    env = dict(os.environ, HOME=str(tmp_path), XDG_RUNTIME_DIR=str(tmp_path), PULSE_RUNTIME_PATH=str(tmp_path))
    process = subprocess.Popen(["pulseaudio", "-n", "-F", script, "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1",
                                "--disable-shm=yes"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while not socket.exists():
        assert process.poll() is None and time.monotonic() < end, "PulseAudio did not start"
        time.sleep(0.05)
    yield f"unix:{socket}"
    process.terminate()
    process.wait()
