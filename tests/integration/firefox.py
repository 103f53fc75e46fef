"""Firefox, driven by Marionette, which it has built in: length-prefixed JSON over a socket."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

PREFS = {
    "media.navigator.permission.disabled": True, "media.navigator.streams.fake": True, "media.autoplay.default": 0, "media.peerconnection.ice.loopback": True,
    "marionette.port": 0, "app.update.auto": False, "datareporting.policy.dataSubmissionEnabled": False, "toolkit.telemetry.enabled": False,
    "browser.shell.checkDefaultBrowser": False, "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,", "extensions.update.enabled": False, "intl.accept_languages": "en-GB",
}


def executable():
    return next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)


class Failed(AssertionError):
    pass


class Firefox:
    def __init__(self, folder: pathlib.Path, sound_server):
        """sound_server: PULSE_SERVER; without one Firefox plays nothing, and its meters stand still."""
        profile = folder / "firefox"
        profile.mkdir()
        (profile / "user.js").write_text("".join(f'user_pref("{k}", {json.dumps(v)});\n' for k, v in PREFS.items()))
        self.process = subprocess.Popen([executable(), "--headless", "--no-remote", "--marionette", "--profile", str(profile)], stdout=subprocess.DEVNULL,
                                        stderr=(folder / "firefox.log").open("wb"), env={**os.environ, "HOME": str(folder), "MOZ_HEADLESS": "1", "PULSE_SERVER": sound_server})
        self.next = 0
        self.buffer = b""
        end = time.monotonic() + 90
        port = profile / "MarionetteActivePort"
        while not (port.is_file() and port.read_text()):
            if self.process.poll() is not None or time.monotonic() > end:
                self.close()
                raise Failed("Firefox did not start: " + (folder / "firefox.log").read_text(errors="replace")[-2000:])
            time.sleep(0.1)
        self.socket = socket.create_connection(("127.0.0.1", int(port.read_text())), timeout=90)
        self.read()  # its greeting
        self.do("WebDriver:NewSession")

    def read(self):
        while b":" not in self.buffer:
            self.more()
        length, self.buffer = self.buffer.split(b":", 1)
        while len(self.buffer) < int(length):
            self.more()
        message, self.buffer = self.buffer[:int(length)], self.buffer[int(length):]
        return json.loads(message)

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise Failed("Firefox is gone")
        self.buffer += data

    def do(self, command, **parameters):
        self.next += 1
        message = json.dumps([0, self.next, command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self.read()
        if error:
            raise Failed(f"{command}: {error.get('message')}")
        return result

    def goto(self, url):
        self.do("WebDriver:Navigate", url=url)

    def evaluate(self, script):
        return self.do("WebDriver:ExecuteScript", script=f"return {script};", args=[], sandbox=None)["value"]

    def until(self, script, limit_s=30):
        end = time.monotonic() + limit_s
        while not self.evaluate(script):
            if time.monotonic() > end:
                raise Failed(f"not within {limit_s} s: {script}; the page says: " + self.evaluate("document.body.innerText"))
            time.sleep(0.1)

    def element(self, testid):
        return next(iter(self.do("WebDriver:FindElement", using="css selector", value=f"[data-testid={testid}]")["value"].values()))

    def click(self, testid):
        self.do("WebDriver:ElementClick", id=self.element(testid))

    def fill(self, testid, text):
        self.do("WebDriver:ElementSendKeys", id=self.element(testid), text=text)

    def on(self, page, limit_s=30):
        self.until(f"document.body.dataset.page === '{page}'", limit_s)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
