"""The daemon under the soak: starts it, and does to it what the world does to daemons."""

import asyncio
import os
import pathlib
import re
import resource
import signal
import struct
import subprocess

from people import BUILD

# Shorter than the defaults where waiting for them would only cost time; longer where a driver that a loaded machine keeps waiting would be taken for gone.
CONFIG = """[conduct]
reports_dir = {disk}/reports
report_threshold = 0
report_threshold_address = 0
[api]
operator_token_file = {folder}/operator
[login]
lease_s = 15
first_lease_s = 20
[sip]
qualify_ms = 9000
qualify_limit_ms = 8000
[limits]
no_limits = yes
idle_ms = 20000
"""
OPERATOR = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"


class Died(Exception):
    """The daemon is not there although nobody ended it."""


class Daemon:
    """folder: scratch; disk: where it writes what it writes, a small file system of its own where that can be had."""

    def __init__(self, folder, disk):
        self.folder, self.disk = folder, disk
        self.http = self.sip = None
        self.process, self.ended_by_us, self.empty = None, False, None
        (disk / "reports").mkdir(mode=0o700)
        (folder / "operator").write_text(OPERATOR + "\n")
        (folder / "operator").chmod(0o600)
        (folder / "myturnd.conf").write_text(CONFIG.format(folder=folder, disk=disk))
        self.clock = folder / "clock"
        self.set_clock(0)
        shim = BUILD / "tests/soak/clock_shift.so"
        linked = subprocess.run(["ldd", BUILD / "myturnd"], capture_output=True, text=True).stdout
        self.shim = shim if shim.exists() and "san.so" not in linked else None

    @property
    def pid(self):
        return self.process.pid

    async def start(self):
        """On the same ports as before, if there was a before."""
        environment = dict(os.environ, ASAN_OPTIONS="detect_stack_use_after_return=1")
        if self.shim:
            environment |= {"LD_PRELOAD": str(self.shim), "CLOCK_SHIFT_FILE": str(self.clock)}
        command = [BUILD / "myturnd", "--config", self.folder / "myturnd.conf"]
        command += ["--http", "%s:%d" % (self.http or ("127.0.0.1", 0)), "--sip", "%s:%d" % (self.sip or ("127.0.0.1", 0))]
        with (self.disk / "myturnd.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=log, env=environment)
        self.ended_by_us = False
        line = await asyncio.wait_for(self.process.stdout.readline(), 30)
        found = re.match(rb"ready http=(\S+):(\d+) sip=(\S+):(\d+)", line)
        if not found:
            raise Died(f"the daemon did not start; see {self.disk}/myturnd.log")
        self.http, self.sip = (found[1].decode(), int(found[2])), (found[3].decode(), int(found[4]))

    async def end(self, how):
        """Its exit status."""
        self.ended_by_us = True
        if self.process.returncode is None:
            self.process.send_signal(how)
        try:
            return await asyncio.wait_for(self.process.wait(), 20)
        except asyncio.TimeoutError:
            self.process.kill()
            await self.process.wait()
            return "none within 20 s of SIGTERM"

    def check(self):
        if self.process.returncode is not None and not self.ended_by_us:
            raise Died(f"the daemon left with status {self.process.returncode}; see its log")

    # -- what it takes
    def rss_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text())[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def remember_empty(self):
        """Before the first user: a later process has its users back before it can be looked at."""
        self.empty, self.open_at_first = (self.rss_kib(), self.descriptors()), self.open_files()

    def open_files(self):
        """What its descriptors are, without the numbers of sockets."""
        folder = pathlib.Path(f"/proc/{self.pid}/fd")
        return sorted(os.readlink(f).split("[")[0] for f in folder.iterdir())

    def connections(self):
        """What is open, as the kernel sees it."""
        ports = subprocess.run(["ss", "-tanH", f"sport = {self.http[1]} or sport = {self.sip[1]}"], capture_output=True, text=True).stdout
        return f"{self.open_files()}, at first {self.open_at_first}\n{ports}"

    def size(self):
        try:
            return f"{self.rss_kib()} KiB, {self.descriptors()} descriptors"
        except (OSError, TypeError):
            return "the daemon is away"

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # -- what is done to it
    def limit_descriptors(self, count):
        """The soft limit before."""
        soft, hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (min(count, hard), hard))
        return soft

    def set_clock(self, shift_s):
        if self.clock.exists():
            with self.clock.open("r+b") as file:
                file.write(struct.pack("=q", shift_s))
        else:
            self.clock.write_bytes(struct.pack("=q", shift_s))

    def cut_log(self, limit_kib):
        """An hour's log does not fit: only its end is kept."""
        log = self.disk / "myturnd.log"
        if log.stat().st_size > limit_kib * 1024:
            os.truncate(log, 0)

    def log_text(self):
        return (self.disk / "myturnd.log").read_text(errors="replace")

    def fill_disk(self):
        """How many bytes went in before it was full."""
        written = 0
        with (self.disk / "filler").open("wb", buffering=0) as file:
            try:
                while True:
                    written += file.write(b"\0" * 4096)
            except OSError:
                return written

    def empty_disk(self):
        (self.disk / "filler").unlink(missing_ok=True)

    async def stop(self):
        if self.process is not None and self.process.returncode is None:
            return await self.end(signal.SIGTERM)
        return 0
