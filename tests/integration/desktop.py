"""A desktop of its own for graphical tests: Xvfb, a session bus, accessibility, and windows that are driven through the
accessibility tree, as a screen reader would: by role and label. Nothing of the user's desktop is touched.

Importing this is cheap; gi and AT-SPI are loaded when a Desktop starts, because they read the environment only once."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from people import BUILD, Failed, stop

NEEDED = ("Xvfb", "dbus-daemon", "gdbus", "xdotool")


class Desktop:
    """One a process: AT-SPI cannot change its bus. Windows of several users stand side by side on it."""

    def __init__(self, folder, size="1360x960", runtime=None):
        missing = [name for name in NEEDED if not shutil.which(name)]
        if missing:
            raise Failed("needed for graphical tests: " + " ".join(missing))
        self.folder, self.running = folder, []
        for name in ("home", "run"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("DBUS_", "XDG_", "AT_SPI_", "GTK_", "GDK_", "WAYLAND_", "PULSE_"))}
        self.env |= {"HOME": str(folder / "home"), "XDG_RUNTIME_DIR": str(folder / "run"), "XDG_CONFIG_HOME": str(folder / "home/.config"),
                     "XDG_DATA_DIRS": "/usr/local/share:/usr/share", "GDK_BACKEND": "x11", "GSK_RENDERER": "cairo", "GIO_USE_VFS": "local",
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
        for name in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "AT_SPI_BUS_ADDRESS", "XDG_RUNTIME_DIR"):
            os.environ[name] = self.env[name]
        import gi
        gi.require_version("Atspi", "2.0")
        from gi.repository import Atspi, GLib
        self.atspi, self.context = Atspi, GLib.MainContext.default()
        Atspi.init()
        Atspi.set_timeout(20000, 20000)

    def spawn(self, command, **kw):
        self.running.append(subprocess.Popen(command, env=self.env, stderr=(self.folder / "desktop.log").open("ab"), **kw))
        return self.running[-1]

    def iterate(self):
        while self.context.iteration(False):
            pass

    def close(self):
        for process in reversed(self.running):
            stop(process)


class Window:
    """One myturn-gtk, found and pressed through the accessibility tree."""

    def __init__(self, desktop, server, *options, mic="none", speaker="none", env=None, name="window"):
        self.desktop, self.name = desktop, name
        self.log = desktop.folder / f"{name}.log"
        self.out = desktop.folder / f"{name}.txt"
        command = [BUILD / "myturn-gtk", "--new", "--log", self.log]
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
        root = self.desktop.atspi.get_desktop(0)
        root.set_cache_mask(self.desktop.atspi.Cache.NONE)
        for at in range(root.get_child_count()):
            with contextlib.suppress(Exception):
                child = root.get_child_at_index(at)
                if child is not None and child.get_process_id() == self.process.pid and child.get_child_count() > 0:
                    return child
        return None

    def until(self, what, done, limit_s=30):
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

    def walk(self, node=None, depth=0, showing=True):
        """Everything that is shown (or all), as (node, role, name, depth)."""
        node = node or self.app
        try:
            count = node.get_child_count()
        except Exception:  # gone meanwhile
            return
        for at in range(count):
            try:
                child = node.get_child_at_index(at)
                states = child.get_state_set()
                role, name = child.get_role_name(), child.get_name() or ""
            except Exception:
                continue
            if showing and not states.contains(self.desktop.atspi.StateType.VISIBLE):
                continue
            yield child, role, name, depth
            yield from self.walk(child, depth + 1, showing)

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

    def wait(self, role, name=None, limit_s=30):
        return self.until(f"{role} {name!r}", lambda: self.find(role, name), limit_s)

    def wait_text(self, text, limit_s=30):
        self.until(f"text {text!r}", lambda: self.shows(text), limit_s)

    # What a user does

    def has(self, node, state):
        return node.get_state_set().contains(getattr(self.desktop.atspi.StateType, state))

    def press(self, name, role="push button", limit_s=30):
        node = self.until(f"{role} {name!r} that can be pressed",
                          lambda: (n := self.find(role, name)) and self.has(n, "SENSITIVE") and n, limit_s)
        node.do_action(0)

    def type_into(self, node, text):
        node.set_text_contents(text)

    def keys(self, *keys):
        """Keys as from a keyboard, to this window."""
        ids = subprocess.run(["xdotool", "search", "--onlyvisible", "--pid", str(self.process.pid)], env=self.desktop.env,
                             capture_output=True, text=True).stdout.split()
        subprocess.run(["xdotool", "windowfocus", "--sync", ids[-1], "key", *keys], env=self.desktop.env, check=True, timeout=20)

    def close(self):
        """Ends it as a session manager would; it must leave in order, within its two seconds, and no sanitizer may have complained."""
        running = self.process.poll() is None
        if running:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        killed = self.process.poll() is None
        stop(self.process)
        text = self.out.read_text(errors="replace")
        if re.search(r"Sanitizer|runtime error:|CRITICAL|WARNING \*\*", text) or killed or running and self.process.returncode != 0:
            raise Failed(f"{self.name} left with status {self.process.returncode}:\n{text[-6000:]}")
