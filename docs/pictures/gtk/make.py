"""Makes the pictures of the graphical client, each page and state in both languages, on a desktop of its own (Xvfb):

    python3 docs/pictures/gtk/make.py [FOLDER [LANGUAGE…]]        (after ./test has installed what it needs and built; default: here, all)
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "demo"), str(ROOT / "tests/integration")]

from api import User  # noqa: E402
from desktop import Desktop, Window  # noqa: E402
from people import Person, Server, everybody  # noqa: E402
from rtp_phone import Phone  # noqa: E402

LANGUAGES = {"en": {}, "pl": {"LANGUAGE": "pl", "LANG": "C.UTF-8"}}
FONT = "[Settings]\ngtk-font-name=Cantarell 11\n"
DARK = {"ADW_DEBUG_COLOR_SCHEME": "prefer-dark"}
CONTRAST = {"ADW_DEBUG_HIGH_CONTRAST": "1"}


class Pictures:
    def __init__(self, desktop, out, language, server, folder):
        self.desktop, self.out, self.language, self.server, self.url, self.folder = desktop, out, language, server, server.url, folder
        self.env = LANGUAGES[language]

    def text(self, english):
        """What the program says in this language."""
        if self.language == "en":
            return english
        done = subprocess.run(["gettext", "-d", "myturn", english], env=self.desktop.env | self.env | {"TEXTDOMAINDIR": str(ROOT / "build/po")},
                              capture_output=True, text=True)
        return done.stdout

    def label(self, english):
        return self.text(english).replace("_", "")

    def shot(self, window, name):
        time.sleep(0.7)  # until what moves has come to rest
        ids = subprocess.run(["xdotool", "search", "--onlyvisible", "--pid", str(window.process.pid)], env=self.desktop.env,
                             capture_output=True, text=True).stdout.split()
        sizes = {}
        for one in ids:
            geometry = subprocess.run(["xdotool", "getwindowgeometry", "--shell", one], env=self.desktop.env, capture_output=True, text=True).stdout
            sizes[one] = {k: int(v) for k, v in re.findall(r"^(X|Y|WIDTH|HEIGHT)=(-?\d+)$", geometry, re.M)}
        front = max(ids, key=lambda one: int(one))  # a dialog is newer than its window
        g = sizes[front]
        path = self.out / f"{self.language}-{name}.png"
        subprocess.run(["import", "-window", "root", "-crop", f"{g['WIDTH']}x{g['HEIGHT']}+{g['X']}+{g['Y']}", "+repage", "+dither", "-colors", "200", "-strip",
                        f"PNG8:{path}"], env=self.desktop.env, check=True, timeout=60)
        print(path.name, flush=True)

    def open(self, name, env=None, mic="tone:440", url=None):
        return Window(self.desktop, url or self.url, mic=mic, env=self.env | (env or {}), name=f"{self.language}-{name}-{time.monotonic_ns()}")

    def main(self, window, name, shots=False):
        window.type_into(window.wait("text", self.text("Your nickname")), name)
        window.press(self.label("_Log In"))
        window.wait("push button", self.label("I am _18 or Older and Agree"))
        if shots:
            self.shot(window, "rules")
        window.press(self.label("I am _18 or Older and Agree"))
        window.wait("push button", self.label("I am _Ready"))

    def talk(self, window, partner, say=True):
        window.press(self.label("I am _Ready"))
        window.wait_text(self.text("Looking for somebody …"))
        partner.type("")
        window.wait("text", self.text("Message"), limit_s=60)
        everybody([partner], "secure")
        if say:
            partner.type({"en": "Hello! Who is there?", "pl": "Cześć! Kto tam?"}[self.language])
            window.until("the message", lambda: any(role == "list item" for _, role, _, _ in window.walk()))
            for text in {"en": ["Somebody who wanted to talk.", "I read this yesterday: https://example.org/turning – what do you think?"],
                         "pl": ["Ktoś, kto chciał porozmawiać.", "Czytałam to wczoraj: https://example.org/obroty – co o tym myślisz?"]}[self.language]:
                window.type_into(window.wait("text", self.text("Message")), text)
                window.press(self.text("Send"))
                window.until("it sent", lambda: any(role == "list item" and name == f"jeden: {text}" for _, role, name, _ in window.walk()))
            partner.type({"en": "Give me a minute, it is a long text, and I would rather read it to the end before I say something foolish.",
                          "pl": "Daj mi chwilę, to długi tekst, a wolę doczytać do końca, zanim palnę jakieś głupstwo."}[self.language])
            partner.type("m")
            time.sleep(1.5)

    def dialog(self, window, keys, name, close="Escape"):
        window.keys(keys)
        window.until("a dialog", lambda: sum(depth == 0 for *_, depth in window.walk()) > 1)
        self.shot(window, name)
        subprocess.run(["xdotool", "key", close], env=self.desktop.env, check=True)
        window.until("its end", lambda: sum(depth == 0 for *_, depth in window.walk()) == 1)

    def tour(self):
        away = self.open("away", url="http://127.0.0.1:1")
        away.type_into(away.wait("text", self.text("Your nickname")), "jeden")
        away.press(self.label("_Log In"))
        away.wait("alert")
        self.shot(away, "server-away")
        away.close()
        window = self.open("jeden")
        self.shot(window, "login")
        self.main(window, "jeden", shots=True)
        self.shot(window, "main")
        for key, name in ("ctrl+comma", "preferences"), ("ctrl+question", "shortcuts"):
            self.dialog(window, key, name)
        window.press(self.text("Test the microphone"), role="check box")
        window.wait("level bar")
        self.shot(window, "test")
        window.press(self.text("Test the microphone"), role="check box")
        partner = Person("dwa", self.url, self.folder, mic="tone:300", speaker="none")
        try:
            everybody([partner], "logged-in")
            window.press(self.label("I am _Ready"))
            window.wait_text(self.text("Looking for somebody …"))
            time.sleep(2.5)
            self.shot(window, "wait")
            window.press(self.label("_Cancel"))
            window.wait("push button", self.label("I am _Ready"))
            self.talk(window, partner)
            window.press(self.text("Microphone off"))
            window.wait("push button", self.text("Microphone on"))
            self.shot(window, "convo")
            window.press(self.text("Microphone on"))
            for key, name in ("ctrl+i", "details"), ("ctrl+e", "hang-up"), ("ctrl+shift+r", "report"):
                self.dialog(window, key, name)
            partner.type("q")
            partner.type("y")
            window.wait("push button", self.label("I am _Ready"))
            self.shot(window, "ended")
        finally:
            partner.close()
        self.phone(window)
        window.close()

    def phone(self, window):
        window.press(self.text("Somebody on a phone will do"), role="check box")
        window.press(self.label("I am _Ready"))
        window.wait_text(self.text("Looking for somebody …"))
        user = User(self.url, "dwa", device="phone")
        phone = Phone(self.server, user, 300)
        try:
            phone.dial(user.wait_turn(20).json["partner"]["exten"])
            window.press(self.text("Microphone off"))
            window.wait("push button", self.text("Microphone on"))
            self.shot(window, "phone")
        finally:
            phone.close()
            user.delete("/v1/me")

    def styles(self):
        """The talk in the other styles: dark, high contrast, text half as large again, as wide as a phone."""
        large = self.folder / "large/gtk-4.0"
        large.mkdir(parents=True, exist_ok=True)
        (large / "settings.ini").write_text(FONT.replace("11", "17"))
        for name, env in ("dark", DARK), ("contrast", CONTRAST), ("large", {"XDG_CONFIG_HOME": str(large.parent)}), ("narrow", {}):
            partner = Person("dwa", self.url, self.folder, mic="tone:300", speaker="none")
            try:
                everybody([partner], "logged-in")
                window = self.open(name, env)
                if name == "narrow":
                    window.xdotool("getwindowfocus", "windowsize", "360", "600")
                elif name != "contrast":
                    self.shot(window, f"login-{name}")
                self.main(window, "jeden")
                self.talk(window, partner)
                self.shot(window, f"convo-{name}")
                window.close()
            finally:
                partner.close()


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else HERE)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        desktop = Desktop(folder)
        settings = folder / "home/.config/gtk-4.0"
        settings.mkdir(parents=True)
        (settings / "settings.ini").write_text(FONT)
        server = Server(folder)
        try:
            for language in sys.argv[2:] or LANGUAGES:
                pictures = Pictures(desktop, out, language, server, folder)
                pictures.tour()
                pictures.styles()
        finally:
            server.close()
            desktop.close()


main()
