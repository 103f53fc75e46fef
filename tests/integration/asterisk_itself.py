"""Asterisk itself, with chan_sip: from the root that scripts/asterisk-root.sh makes, with the files of deploy/asterisk, in the network namespace of whoever
starts it (it binds to all addresses). Its data are in a folder of the test's."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

from people import stop

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy/asterisk"
SECRET = "manager-secret"
# All that is not in /etc/asterisk is below /mnt/data; both are the test's.
PLACES = "".join(f"{key} => {value}\n" for key, value in {
    "astetcdir": "/mnt/etc", "astmoddir": "/usr/lib/asterisk/modules", "astdatadir": "/usr/share/asterisk", "astagidir": "/usr/share/asterisk/agi-bin",
    **dict.fromkeys(("astvarlibdir", "astdbdir", "astkeydir", "astspooldir", "astrundir", "astlogdir"), "/mnt/data")}.items())


def make_root():
    """The root of its file system, and None; or None and why there is none."""
    made = subprocess.run([ROOT / "scripts/asterisk-root.sh"], capture_output=True, text=True)
    if made.returncode != 0:
        return None, "no Asterisk from Debian 11: " + (made.stderr.strip().splitlines() or ["no reason given"])[-1]
    return pathlib.Path(made.stdout.strip()), None


class Manager:
    """The manager interface, with the rights that deploy/asterisk/manager.conf gives."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, 10)
        self.file = self.socket.makefile("rb")
        self.file.readline()
        assert self.ask(Action="Login", Username="myturn", Secret=SECRET)["Response"] == "Success"

    def ask(self, **fields):
        self.socket.sendall(("".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "ActionID: 1\r\n\r\n").encode())
        while True:
            answer = {}
            while line := self.file.readline().decode().rstrip("\r\n"):
                key, _, value = line.partition(": ")
                answer[key] = answer[key] + "\n" + value if key in answer else value
            assert answer, "the manager interface has closed"
            if answer.get("ActionID") == "1":
                return answer

    def close(self):
        self.file.close()
        self.socket.close()


class Asterisk:
    sip, ami = ("127.0.0.1", 5060), ("127.0.0.1", 5038)

    def __init__(self, root, folder, own_general=True):
        """own_general: [general] is the operator's, from deploy/asterisk; else it is what myturnd writes, the specification's."""
        self.root, self.folder = root, folder
        self.etc = folder / "etc"
        (folder / "data").mkdir(parents=True)
        self.etc.mkdir()
        for path in DEPLOY.glob("*.conf"):
            shutil.copy(path, self.etc)
        if not own_general:
            (self.etc / "sip.conf").write_text("; nothing of the operator's\n")
        manager = self.etc / "manager.conf"
        manager.write_text(manager.read_text().replace("CHANGE-ME", SECRET))
        (self.etc / "asterisk.conf").write_text("[directories]\n" + PLACES)
        (self.etc / "modules.conf").write_text("[modules]\nautoload=yes\nnoload => chan_pjsip.so\nload => chan_sip.so\n")
        (self.etc / "logger.conf").write_text("[general]\n[logfiles]\nmessages.log => notice,warning,error\n")
        self.start()

    def start(self):
        """In a mount namespace of its own: what is mounted goes with it."""
        (self.folder / "data/asterisk.ctl").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-ec", 'mount --bind "$1" "$2/mnt"\nexec chroot "$2" asterisk -f -C /mnt/etc/asterisk.conf',
             "sh", self.folder, self.root], stdin=subprocess.DEVNULL, stdout=(self.folder / "console").open("ab"), stderr=subprocess.STDOUT)
        end = time.monotonic() + 60
        while not self.is_up():
            if self.process.poll() is not None or time.monotonic() > end:
                stop(self.process)
                raise AssertionError("Asterisk did not start:\n" + (self.folder / "console").read_text(errors="replace")[-3000:])
            time.sleep(0.1)

    def is_up(self):
        try:
            return "fully booted" in self.command("core waitfullybooted")
        except (OSError, AssertionError):
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        """It must still be there."""
        ended = self.process.poll()
        stop(self.process)
        assert ended is None, f"Asterisk ended by itself with status {ended}:\n{self.log()[-3000:]}"

    def log(self):
        return (self.folder / "data/messages.log").read_text(errors="replace")

    def command(self, text):
        manager = Manager(self.ami)
        try:
            return manager.ask(Action="Command", Command=text).get("Output", "")
        finally:
            manager.close()

    def peers(self):
        """Name -> address or None."""
        rows = re.findall(r"^(\S+?)(?:/\S+)? +(\S+) +D ", self.command("sip show peers"), re.M)
        return {name: None if address == "(Unspecified)" else address for name, address in rows}

    def registry(self):
        """Who has a contact in the database on disk."""
        return set(re.findall(r"^/SIP/Registry/(\S+)", self.command("database show SIP/Registry"), re.M))

    def channels(self):
        return int(re.search(r"(\d+) active channel", self.command("core show channels")).group(1))


def options(asterisk, folder):
    for name, text in (("ami-secret", SECRET), ("operator", "operator-token-of-the-test")):
        (folder / name).write_text(text + "\n")
        os.chmod(folder / name, 0o600)
    return ("--sip-server", "asterisk", "--asterisk-dir", str(asterisk.etc), "--asterisk-host", "%s:%d" % asterisk.sip, "--ami", "%s:%d" % asterisk.ami,
            "--ami-secret-file", str(folder / "ami-secret"), "--operator-token-file", str(folder / "operator"), "--no-limits")
