"""The soak: the real daemon, hundreds of scripted users and a few real terminals, faults, and an oracle. See ./soak."""

import argparse
import asyncio
import pathlib
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(ROOT / "tests/integration"), str(ROOT / "demo")]

from daemon import Daemon, Died  # noqa: E402
from faults import Faults  # noqa: E402
from oracle import GHOST_S, Oracle  # noqa: E402
from terminal import Terminal  # noqa: E402
from user import User  # noqa: E402
from world import World  # noqa: E402

SAY_EACH_S = 10
DISK_KIB = 8192
LOG_KIB = 2048         # more of the daemon's log is not kept
GROWTH = 0.10          # of the daemon's memory over its last life, once warm
GROWTH_KIB = 2048      # less is no growth: a short run is never quite warm


class Soak:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.world = World(args.seed)
        self.disk = folder / "disk"
        self.disk.mkdir()
        self.own_disk = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k", "soak", self.disk], capture_output=True).returncode == 0
        self.daemon = Daemon(folder, self.disk)
        self.faults = Faults(self.world, self.daemon, self.say)
        self.faults.disk_is_own = self.own_disk
        self.oracle, self.samples, self.tasks = None, [], []
        self.end = time.monotonic() + args.minutes * 60
        self.dice = random.Random(args.seed)
        self.done_faults, self.last_draws = [], 0

    def elapsed(self):
        return time.monotonic() - self.world.started

    def say(self, text):
        print(f"{self.elapsed():7.1f} s  {text}", flush=True)

    # -- in the background
    async def each_second(self):
        while True:
            before = time.monotonic()
            await asyncio.sleep(1)
            late_s = time.monotonic() - before - 1
            self.world.late(max(late_s, 0 if self.world.fault else await self.oracle.answer_s()))
            self.oracle.watch()
            self.daemon.check()

    async def each_ten(self):
        while True:
            await asyncio.sleep(SAY_EACH_S)
            w, phases = self.world, [u.phase for u in self.world.users]
            self.say(f"in {sum(u.name is not None for u in w.users)}, waiting {phases.count('waiting')}, talking {phases.count('talk')}; "
                     f"{w.counts['draws']} draws (+{w.counts['draws'] - self.last_draws}), {w.counts['encrypted talks told'] // 2} encrypted talks; "
                     f"{'fault: ' + w.fault if w.fault else 'at rest' if w.frozen else 'busy'}; {self.daemon.size()}; {len(w.violations)} violations")
            self.last_draws = w.counts["draws"]

    # -- the course
    async def checkpoint(self):
        good = await self.oracle.checkpoint()
        online = sum(u.name is not None for u in self.world.users)
        self.daemon.cut_log(LOG_KIB)
        self.samples.append((self.world.epoch, self.world.counts["draws"], self.daemon.rss_kib(), online, time.monotonic()))
        return good

    def plan(self):
        """Faults in an order of the dice, those that replace the process in the first half only, so that its last life is long."""
        kinds = self.faults.all()
        early = [k for k in ("restart", "kill") if k in kinds]
        rest = [k for k in kinds if k not in early]
        while True:
            half = self.elapsed() < self.args.minutes * 60 * 0.4
            round_ = early * half + rest
            self.dice.shuffle(round_)
            if half and not self.done_faults:  # a short run must have each
                round_ = early + [k for k in round_ if k not in early]
            yield from round_

    async def course(self):
        gap_s = min(20, self.args.minutes * 60 / 20)
        await asyncio.sleep(8 + gap_s)
        await self.checkpoint()
        for kind in self.plan():
            if time.monotonic() + 12 > self.end:
                break
            self.say(f"fault: {kind}")
            self.world.counts[f"fault {kind}"] += 1
            self.done_faults.append(kind)
            await self.faults.all()[kind]()
            await asyncio.sleep(gap_s * (0.5 + self.dice.random()))
            await self.checkpoint()
        await asyncio.sleep(max(0, self.end - time.monotonic()))
        await self.checkpoint()

    async def everybody_leaves(self):
        """Half log out, half are gone without a word: within the limits nobody is known, nothing is open."""
        self.say("everybody leaves")
        self.world.closing = True
        self.world.unfreeze()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for user in self.world.users:
            user.vanish()
        for terminal in self.world.terminals:
            terminal.stop()
        end = time.monotonic() + GHOST_S
        self.oracle.health.close()
        while time.monotonic() < end and (await self.oracle.ask("/v1/users") or self.daemon.descriptors() > self.daemon.empty[1]):
            await asyncio.sleep(1)
        left = await self.oracle.ask("/v1/users")
        if left:
            self.world.violation(f"{len(left)} users are known {GHOST_S} s after all have gone, as {left[:3]}")
        for path in ("/pair-status",):
            if await self.oracle.ask(path):
                self.world.violation("pairs are left after all have gone")
        self.left_descriptors, self.left_kib = self.daemon.descriptors(), self.daemon.rss_kib()
        if self.left_descriptors > self.daemon.empty[1]:
            self.say(self.daemon.connections())
            self.world.violation(f"{self.left_descriptors} descriptors are open after all have gone, {self.daemon.empty[1]} were at the beginning")

    async def run(self):
        await self.daemon.start()
        self.oracle = Oracle(self.world, self.daemon.http)
        await self.oracle.ask("/v1/stats")  # its connections are there at the beginning and at the end
        await self.oracle.answer_s()
        self.daemon.remember_empty()
        self.say(f"myturnd {self.daemon.pid} at {self.daemon.http[1]}, seed {self.args.seed}, {self.args.users} users and {self.args.terminals} terminals, "
                 f"{self.args.minutes:g} min; {self.daemon.empty[0]} KiB, {self.daemon.empty[1]} descriptors")
        for fault in self.faults.missing():
            self.say(f"left out: {fault}")
        self.world.users += [User(self.world, n, self.daemon.http, self.daemon.sip) for n in range(self.args.users)]
        url = "http://%s:%d" % self.daemon.http
        self.world.terminals += [Terminal(self.world, n, url, self.folder) for n in range(self.args.terminals)]
        people = self.world.users + self.world.terminals
        self.tasks += [asyncio.ensure_future(p.run()) for p in people]
        guards = [asyncio.ensure_future(t) for t in (self.each_second(), self.each_ten(), self.course())]
        done, _ = await asyncio.wait([*guards, *self.tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in guards:
            task.cancel()
        for task in done:
            task.result()  # a guard that failed says why; the course returns
        await self.everybody_leaves()
        status = await self.daemon.stop()
        if status != 0:
            self.world.violation(f"the daemon ended with status {status}")

    async def clean_up(self):
        for task in self.tasks:
            task.cancel()
        for terminal in self.world.terminals:
            terminal.stop()
        await self.daemon.stop()

    # -- the verdict
    def check_memory(self):
        """Warm against end of the last life, both at rest with everybody in."""
        life = [s for s in self.samples if s[0] == self.world.epoch]
        if len(life) < 2:
            return "memory: too short to say"
        warm = next((s for s in life if s[4] - life[0][4] > min(60, (life[-1][4] - life[0][4]) / 3)), life[-1])
        last = life[-1]
        grown = last[2] - warm[2]
        if grown > max(GROWTH_KIB, GROWTH * warm[2]):
            self.world.violation(f"memory grew from {warm[2]} to {last[2]} KiB")
        per_user = (last[2] - self.daemon.empty[0]) / max(1, last[3])
        return (f"memory: {warm[2]} KiB warm, {last[2]} KiB at the end ({grown:+d} KiB over {last[1] - warm[1]} draws and {last[4] - warm[4]:.0f} s), "
                f"{self.daemon.empty[0]} KiB empty: {per_user:.1f} KiB a user")

    def verdict(self, how):
        w = self.world
        memory = self.check_memory()
        log = self.daemon.log_text()
        if "Sanitizer" in log or "runtime error:" in log:
            w.violation("a sanitizer complained in the daemon's log")
        waits = sorted(w.waits_ms) or [0.0]
        print(f"\n-- {how} after {self.elapsed() / 60:.1f} min, seed {self.args.seed}")
        print(f"people: {self.args.users} scripted users and {self.args.terminals} terminals in " + ", ".join(f"{n} {k}" for k, n in sorted(w.counts.items())))
        print(f"waits for a draw: median {statistics.median(waits):.0f} ms, 99 % {waits[len(waits) * 99 // 100]:.0f} ms, longest {waits[-1]:.0f} ms; driver or daemon late by up to {w.longest_lag_s * 1000:.0f} ms")
        if w.stalled_s:
            print(f"the machine was too busy to judge during {w.stalled_s} s of {self.elapsed():.0f} s, {w.stalls} times")
        print("calls that did not come up, for reasons of their users: " + (", ".join(f"{k} {n}" for k, n in sorted(w.failures.items())) or "none"))
        print(memory)
        if hasattr(self, "left_descriptors"):
            print(f"descriptors: {self.daemon.empty[1]} at the beginning, {self.left_descriptors} after all had gone; then {self.left_kib} KiB")
        print(f"checkpoints: {self.oracle.checkpoints if self.oracle else 0} at which both views were compared")
        for line in w.violations[:50]:
            print(f"VIOLATION {line}")
        print(f"{'FAILED' if w.violations else 'passed'}: {len(w.violations)} violations")
        return 1 if w.violations else 0


async def main(args, folder):
    soak = Soak(args, folder)
    loop, how, stopped = asyncio.get_running_loop(), "ended", asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    running, stopping = asyncio.ensure_future(soak.run()), asyncio.ensure_future(stopped.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if stopped.is_set():
        how = "interrupted"
        running.cancel()
    try:
        await running
    except asyncio.CancelledError:
        pass
    except Exception as error:  # what breaks the driver is mostly the daemon's end
        if soak.daemon.process is not None and soak.daemon.process.returncode is None and not isinstance(error, Died):
            await asyncio.sleep(1)
        try:
            soak.daemon.check()
            traceback.print_exc()
            soak.world.violation(f"the soak itself broke: {type(error).__name__} {error}")
        except Died as died:
            soak.world.violation(str(died))
    finally:
        await soak.clean_up()
    status = soak.verdict(how)
    keep = ROOT / "out/soak"
    if status:
        keep.mkdir(parents=True, exist_ok=True)
        shutil.copy(soak.disk / "myturnd.log", keep / "myturnd.log")
        print(f"the daemon's log: {keep / 'myturnd.log'}")
    if soak.own_disk:
        subprocess.run(["umount", soak.disk], check=False)
    return 130 if stopped.is_set() else status


def arguments():
    parser = argparse.ArgumentParser(prog="./soak")
    parser.add_argument("minutes", type=float)
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--terminals", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    return parser.parse_args()


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as scratch:
        sys.exit(asyncio.run(main(arguments(), pathlib.Path(scratch))))
