"""A desktop of its own for graphical tests: Xvfb, a session bus, accessibility, and windows that are driven through the
accessibility tree, as a screen reader would: by role and label. Nothing of the user's desktop is touched.

The tree is read by AT-SPI's own messages, a level at a time, all questions of a level at once: on a loaded machine a client
that asks and waits node by node is slower than what it watches."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from lateness import Lateness
from people import BUILD, Failed, stop

# Within these a window that is told to must have left: two seconds, and more on a loaded machine. A sanitizer looks for leaks at the end.
LEAVES_S = 60 if "ASAN_OPTIONS" in os.environ else 5
NEEDED = ("Xvfb", "dbus-daemon", "gdbus", "xdotool")


class Desktop:
    """Windows of several users stand on it."""

    def __init__(self, folder, size="1360x960"):
        missing = [name for name in NEEDED if not shutil.which(name)]
        if missing:
            raise Failed("needed for graphical tests: " + " ".join(missing))
        self.folder, self.running = folder, []
        for name in ("home", "run"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("DBUS_", "XDG_", "AT_SPI_", "GTK_", "GDK_", "WAYLAND_", "PULSE_"))}
        self.env |= {"HOME": str(folder / "home"), "XDG_RUNTIME_DIR": str(folder / "run"), "XDG_CONFIG_HOME": str(folder / "home/.config"),
                     "XDG_DATA_DIRS": "/usr/local/share:/usr/share", "GDK_BACKEND": "x11", "GDK_DEBUG": "gl-disable", "GDK_DISABLE": "gl", "GSK_RENDERER": "cairo", "GIO_USE_VFS": "local",
                     "GTK_USE_PORTAL": "0", "ADW_DISABLE_PORTAL": "1", "GSETTINGS_BACKEND": "keyfile", "NO_AT_BRIDGE": "0", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
                     "GSETTINGS_SCHEMA_DIR": str(BUILD / "apps/myturn-gtk"), "LIBGL_ALWAYS_SOFTWARE": "1"}
        try:
            self.start(size)
        except BaseException:
            self.close()
            raise

    def start(self, size):
        read_end, write_end = os.pipe()
        self.spawn(["Xvfb", "-displayfd", str(write_end), "-screen", "0", f"{size}x24", "-nolisten", "tcp", "-noreset"], pass_fds=[write_end])
        os.close(write_end)
        with os.fdopen(read_end) as answer:
            number = answer.readline().strip()
        if not number:
            raise Failed("Xvfb did not start")
        self.env["DISPLAY"] = ":" + number
        bus = self.spawn(["dbus-daemon", "--session", "--nofork", "--print-address=1"], stdout=subprocess.PIPE)
        self.env["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().decode().strip()
        answer = subprocess.run(["gdbus", "call", "--session", "-d", "org.a11y.Bus", "-o", "/org/a11y/bus", "-m", "org.a11y.Bus.GetAddress"],
                                env=self.env, capture_output=True, text=True, timeout=60)
        found = re.search(r"'(unix:[^']+)'", answer.stdout)
        if not found:
            raise Failed("no accessibility bus: " + answer.stderr)
        self.env["AT_SPI_BUS_ADDRESS"] = found.group(1)
        import gi
        gi.require_version("Atspi", "2.0")
        from gi.repository import Atspi, Gio, GLib
        self.atspi, self.gio, self.glib, self.context = Atspi, Gio, GLib, GLib.MainContext.default()
        self.bus = self.connect(self.env["AT_SPI_BUS_ADDRESS"])
        self.notifications = Notifications(self)

    def connect(self, address):
        flags = self.gio.DBusConnectionFlags
        return self.gio.DBusConnection.new_for_address_sync(address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)

    def ask(self, questions):
        """questions: (bus name, path, interface, method, arguments or None), all at once. Answers in their order; None: refused or gone."""
        answers, left = [None] * len(questions), len(questions)

        def on_answer(bus, result, at):
            nonlocal left
            left -= 1
            with contextlib.suppress(self.glib.Error):
                answers[at] = bus.call_finish(result).unpack()
        for at, (name, path, interface, method, args) in enumerate(questions):
            self.bus.call(name, path, interface, method, args, None, self.gio.DBusCallFlags.NONE, 20000, None, on_answer, at)
        while left > 0:
            self.context.iteration(True)
        return answers

    def spawn(self, command, **kw):
        self.running.append(subprocess.Popen(command, env=self.env, stderr=(self.folder / "desktop.log").open("ab"), **kw))
        return self.running[-1]

    def iterate(self):
        while self.context.iteration(False):
            pass

    def close(self):
        for process in reversed(self.running):
            stop(process)


ACCESSIBLE = "org.a11y.atspi.Accessible"
OLDER_ROLES = {"button": "push button", "toggle button": "push button"}  # since at-spi2-core 2.55; since GTK 4.10
LABELLED_BY = 2
OF_ADWAITA = r".*Gtk-WARNING \*\*: \S+ Trying to measure GtkLabel .* but it needs at least .*"  # AdwMessageDialog with GTK 4.18, which draws well all the same


class Node:
    """Something in the accessibility tree, as it was when it was read."""

    def __init__(self, desktop, bus, path):
        self.desktop, self.bus, self.path = desktop, bus, path
        self.role, self.name, self.states, self.visible, self.below = "", "", 0, False, []

    def take(self, states, role, name):
        if None in (states, role, name):
            return
        self.states = sum(word << 32 * at for at, word in enumerate(states[0]))
        self.role, self.name = self.desktop.atspi.role_get_name(role[0]), name[0]
        self.role = OLDER_ROLES.get(self.role, self.role)
        self.visible = self.has("VISIBLE")

    def has(self, state):
        return bool(self.states >> int(getattr(self.desktop.atspi.StateType, state)) & 1)

    def call(self, interface, method, signature=None, *args):
        variant = self.desktop.glib.Variant(signature, args) if signature else None
        return self.desktop.ask([(self.bus, self.path, f"org.a11y.atspi.{interface}", method, variant)])[0]

    def children(self):
        return (self.call("Accessible", "GetChildren") or ([],))[0]

    def press(self):
        """False: it is gone. Of a button with a menu, GTK 4.18 has only the one within it pressed."""
        done = self.call("Action", "DoAction", "(i)", 0)
        inner = next((n for n in self.below if (n.role, n.name) == (self.role, self.name)), None)
        return inner.press() if inner and done != (True,) else done is not None

    def label(self):
        """The text of what it is labelled by: items of menus have no other name in GTK 4.18."""
        for kind, others in (self.call("Accessible", "GetRelationSet") or ([],))[0]:
            if kind == LABELLED_BY:
                return (Node(self.desktop, *others[0]).call("Text", "GetText", "(ii)", 0, -1) or ("",))[0]
        return ""

    def text(self):
        return self.call("Text", "GetText", "(ii)", 0, -1)[0]

    def value(self):
        wanted = self.desktop.glib.Variant("(ss)", ("org.a11y.atspi.Value", "CurrentValue"))
        return self.desktop.ask([(self.bus, self.path, "org.freedesktop.DBus.Properties", "Get", wanted)])[0][0]


class Window:
    """One myturn-gtk, found and pressed through the accessibility tree."""

    def __init__(self, desktop, server, *options, mic="none", speaker="none", env=None, name="window"):
        self.desktop, self.name = desktop, name
        self.log = desktop.folder / f"{name}.log"
        self.out = desktop.folder / f"{name}.txt"
        command = [BUILD / "myturn-gtk", "--new", "--log", str(self.log)]
        command += ["--server", server] if server else []
        command += ["--mic", mic] if mic else []
        command += ["--speaker", speaker] if speaker else []
        self.process = subprocess.Popen([*command, *options], env=desktop.env | (env or {}), stdout=self.out.open("ab"), stderr=subprocess.STDOUT)
        try:
            self.app = self.until("its window in the accessibility tree", self.find_app, limit_s=60)
        except BaseException:
            stop(self.process)
            raise

    def find_app(self):
        """The name on the accessibility bus by which the process has registered."""
        root = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")
        children = self.desktop.ask([(*root, ACCESSIBLE, "GetChildren", None)])[0] or ([],)
        pid = self.desktop.glib.Variant
        owners = self.desktop.ask([("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixProcessID", pid("(s)", (name,)))
                                   for name, _ in children[0]])
        for (name, path), owner in zip(children[0], owners):
            if owner == (self.process.pid,):
                app = Node(self.desktop, name, path)
                if app.children():
                    return app
        return None

    def until(self, what, done, limit_s=60):
        end = time.monotonic() + limit_s
        while True:
            self.desktop.iterate()
            found = done()
            if found:
                return found
            if self.process.poll() is not None:
                raise Failed(f"{self.name} ended ({self.process.returncode}) before: {what}\n{self.out.read_text()[-3000:]}")
            if time.monotonic() > end:
                raise Failed(f"{self.name}: no {what} within {limit_s} s; shown:\n{self.dump()}\n{self.out.read_text()[-2000:]}")
            time.sleep(0.05)

    # The tree

    def walk(self, node=None):
        """Everything that is shown, as (node, role, name, depth), in the order of reading."""
        top = node or self.app
        level, depth = [top], 0
        while level:
            children = self.desktop.ask([(n.bus, n.path, ACCESSIBLE, "GetChildren", None) for n in level])
            below = []
            for parent, answer in zip(level, children):
                parent.below = [Node(self.desktop, *ref) for ref in (answer or ([],))[0]]
                below += parent.below
            text = self.desktop.glib.Variant("(ss)", (ACCESSIBLE, "Name"))
            told = self.desktop.ask([q for n in below for q in ((n.bus, n.path, ACCESSIBLE, "GetState", None), (n.bus, n.path, ACCESSIBLE, "GetRole", None),
                                                                (n.bus, n.path, "org.freedesktop.DBus.Properties", "Get", text))])
            for at, n in enumerate(below):
                n.take(*told[3 * at:3 * at + 3])
                if n.role == "menu item" and not n.name:
                    n.name = n.label()
            for parent in level:
                parent.below = [n for n in parent.below if n.visible]
            level, depth = [n for parent in level for n in parent.below], depth + 1
        yield from self.in_order(top, 0)

    def in_order(self, node, depth):
        for child in node.below:
            yield child, child.role, child.name, depth
            yield from self.in_order(child, depth + 1)

    def find(self, role, name=None):
        """The first node of this role whose label is `name` (or matches it, if a pattern)."""
        for node, its_role, its_name, _ in self.walk():
            if its_role != role:
                continue
            if name is None or its_name == name or hasattr(name, "search") and name.search(its_name):
                return node
        return None

    def texts(self):
        return [name for _, _, name, _ in self.walk() if name]

    def shows(self, text):
        return any(text in one for one in self.texts())

    def dump(self):
        return "\n".join(f"{'  ' * depth}{role}: {name}" for _, role, name, depth in self.walk())

    def wait(self, role, name=None, limit_s=60):
        return self.until(f"{role} {name!r}", lambda: self.find(role, name), limit_s)

    def wait_text(self, text, limit_s=60):
        self.until(f"text {text!r}", lambda: self.shows(text), limit_s)

    # What a user does

    def press(self, name, role="push button", limit_s=60):
        self.until(f"{role} {name!r} that can be pressed",
                   lambda: (n := self.find(role, name)) and n.has("SENSITIVE") and n.press(), limit_s)

    def type_into(self, node, text):
        done = node.call("EditableText", "SetTextContents", "(s)", text)
        if done != (True,):
            raise Failed(f"{self.name}: cannot type into {node.name!r}: {done}\n{self.dump()}")

    def xdotool(self, *args):
        """Keyboard and mouse, after the focus has gone to this window."""
        def focus():  # a dialog that is being closed may be gone between the two
            ids = subprocess.run(["xdotool", "search", "--onlyvisible", "--pid", str(self.process.pid)], env=self.desktop.env,
                                 capture_output=True, text=True).stdout.split()
            return ids and subprocess.run(["xdotool", "windowfocus", "--sync", ids[-1]], env=self.desktop.env, timeout=30).returncode == 0
        self.until("keyboard focus", focus)
        subprocess.run(["xdotool", *args], env=self.desktop.env, check=True, timeout=30)

    def keys(self, *keys):
        self.xdotool("key", "--delay", "30", *keys)

    def hold(self, key, meanwhile):
        self.xdotool("keydown", key)
        try:
            meanwhile()
        finally:
            self.xdotool("keyup", key)

    def close(self):
        """Ends it as a session manager would; it must leave in order, within its two seconds, and no sanitizer may have complained."""
        running = self.process.poll() is None
        if running:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(3 * LEAVES_S)
        killed = self.process.poll() is None
        stop(self.process)
        text = re.sub(OF_ADWAITA, "", self.out.read_text(errors="replace"))
        if re.search(r"Sanitizer|runtime error:|CRITICAL|WARNING \*\*", text) or killed or running and self.process.returncode != 0:
            raise Failed(f"{self.name} left with status {self.process.returncode}:\n{text[-6000:]}")

    # Pages of myturn-gtk

    def log_in(self, name, agree=True):
        self.user = name
        self.type_into(self.wait("text", "Your nickname"), name)
        self.press("Log In")
        if agree:
            self.press("I am 18 or Older and Agree")
            self.wait_text(f"Hello, {name}")
        return self

    def ready(self):
        self.press("I am Ready")
        self.wait_text("Looking for somebody")

    def in_talk(self, partner):
        self.wait("text", "Message", limit_s=60)
        self.wait_text(partner)
        return self.wait("push button", re.compile("^The four words: ")).name.removeprefix("The four words: ")

    def writes_until(self, seen):
        """Types into its message, and on as long as the partner has not seen that it does: that is told for five seconds."""
        field, typed, last = self.wait("text", "Message"), 0, 0

        def is_seen():
            nonlocal typed, last
            if time.monotonic() > last + 3:
                typed, last = typed + 1, time.monotonic()
                self.type_into(field, "half a sentence"[:typed + 5])
            return seen()
        self.until("sign of its writing at the partner's", is_seen)

    def say(self, text):
        self.type_into(self.wait("text", "Message"), text)
        self.press("Send")  # a button is pressed for a quarter of a second before it acts
        self.until("the message sent", lambda: not self.find("text", "Message").text())

    def hears(self, who, text):
        self.wait("list item", f"{who}: {text}")

    def hang_up(self):
        self.press("Hang Up")
        self.answer("Hang Up")
        self.wait("push button", "I am Ready")

    def dialog_button(self, label):
        """A button of the dialog in front. GTK before 4.10 has its label twice, once with the mnemonic's mark: "_Stay Stay"."""
        def button():
            dialog = next((n for n, role, _, _ in self.walk() if role == "dialog"), None)
            return dialog and next((n for n, role, name, _ in self.walk(dialog) if role == "push button" and name.endswith(label)), None)
        return self.until(f"button {label!r} in a dialog", button)

    def answer(self, label):
        self.until(f"button {label!r} that can be pressed", lambda: (n := self.dialog_button(label)).has("SENSITIVE") and n.press())
        self.until("the dialog's end", lambda: all(role != "dialog" for _, role, _, _ in self.walk()))

    def choose(self, label):
        """From the main menu, by keys and what is read out."""
        self.keys("F10")
        self.press(label, role="menu item")

    def ask_to_close(self):
        """By the button in the corner."""
        self.press("Close")


def closing_s(window):
    """How long it takes after it was asked to by the button in the corner, but for what the machine took for others."""
    with Lateness() as late:
        begin = time.monotonic()
        window.ask_to_close()
        assert window.process.wait(2 * LEAVES_S + 20) == 0
        return time.monotonic() - begin - late.total_s


def together(a, b):
    """Both in a talk with each other; the four words, which must be the same."""
    a.ready()
    b.press("I am Ready")
    words = [a.in_talk(b.user), b.in_talk(a.user)]
    assert words[0] == words[1] and len(words[0].split()) == 4
    return words[0]


EAR = "module-null-sink sink_name=ear rate=48000 channels=1"
MOUTH_AND_MIC = ("module-null-sink sink_name=mouth rate=48000 channels=1",
                 "module-remap-source source_name=mic master=mouth.monitor channels=1")


class Sound:
    """A private PulseAudio: what is played into `mouth` is what the source `mic` hears, and `ear` is a speaker that is recorded; or other modules.
    cookie: who has not that file is denied."""

    def __init__(self, folder, source=True, denied=False, modules=None):
        folder.mkdir(exist_ok=True)
        self.socket = folder / "native"
        script = folder / "sound.pa"
        cookie = folder / "cookie"
        cookie.write_bytes(os.urandom(256))
        access = f"auth-anonymous=0 auth-cookie={cookie}" if denied else "auth-anonymous=1"
        if modules is None:
            modules = (EAR, *(MOUTH_AND_MIC if source else ()))
        script.write_text("".join(f"load-module {m}\n" for m in (f"module-native-protocol-unix socket={self.socket} {access}", *modules)))
        (folder / "daemon.conf").write_text("default-sample-rate = 48000\nalternate-sample-rate = 48000\n")
        env = dict(os.environ, HOME=str(folder), XDG_RUNTIME_DIR=str(folder), PULSE_RUNTIME_PATH=str(folder), PULSE_CONFIG_PATH=str(folder))
        self.process = subprocess.Popen(["pulseaudio", "-n", "-F", script, "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1",
                                         "--disable-shm=yes"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while not self.socket.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failed("PulseAudio did not start")
            time.sleep(0.05)
        self.env = {"PULSE_SERVER": f"unix:{self.socket}"}

    def pactl(self, *args):
        return subprocess.run(["pactl", *args], env=os.environ | self.env, check=True, capture_output=True, text=True).stdout.strip()

    def close(self):
        stop(self.process)


def play(env, file, hz):
    """A minute of a tone into the microphone of Sound; the process that plays it."""
    subprocess.run(["sox", "-n", "-r", "48000", "-c", "1", "-b", "16", file, "synth", "60", "sine", str(hz), "gain", "-6"], check=True)
    return subprocess.Popen(["paplay", "-d", "mouth", file], env=env)


def record(env, file):
    """The speaker of Sound into a WAV file, whose header is right when the process, which is returned, has ended."""
    return subprocess.Popen(["parec", "-d", "ear.monitor", "--file-format=wav", "--format=s16le", "--rate=48000", "--channels=1", file], env=env)


class Notifications:
    """The desktop's notifications, as a service on its session bus: what was shown, as (summary, body)."""

    XML = """<node><interface name="org.freedesktop.Notifications">
      <method name="Notify"><arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
        <arg type="s" direction="in"/><arg type="as" direction="in"/><arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/></method>
      <method name="CloseNotification"><arg type="u" direction="in"/></method>
      <method name="GetCapabilities"><arg type="as" direction="out"/></method>
      <method name="GetServerInformation"><arg type="s" direction="out"/><arg type="s" direction="out"/><arg type="s" direction="out"/><arg type="s" direction="out"/></method>
    </interface></node>"""

    def __init__(self, desktop):
        Gio = desktop.gio
        self.shown, self.glib = [], desktop.glib
        self.bus = desktop.connect(desktop.env["DBUS_SESSION_BUS_ADDRESS"])
        self.bus.register_object("/org/freedesktop/Notifications", Gio.DBusNodeInfo.new_for_xml(self.XML).interfaces[0], self.on_call)
        Gio.bus_own_name_on_connection(self.bus, "org.freedesktop.Notifications", Gio.BusNameOwnerFlags.NONE, None, None)

    def on_call(self, bus, sender, path, interface, method, args, invocation):
        if method == "Notify":
            self.shown.append((args.unpack()[3], args.unpack()[4]))
        answers = {"Notify": ("(u)", (len(self.shown),)), "GetCapabilities": ("(as)", (["body", "actions"],)),
                   "GetServerInformation": ("(ssss)", ("test", "test", "1", "1.2"))}
        invocation.return_value(self.glib.Variant(*answers[method]) if method in answers else None)
