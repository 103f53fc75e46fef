"""What happens to a server that nobody planned."""

import asyncio
import signal
import time


class Faults:
    def __init__(self, world, daemon, say):
        self.world, self.daemon, self.say = world, daemon, say
        self.disk_is_own = False

    def all(self):
        kinds = {"restart": self.restart, "kill": self.kill, "descriptors": self.descriptors, "outage": self.outage}
        if self.daemon.shim:
            kinds["clock"] = self.clock
        if self.disk_is_own:
            kinds["disk"] = self.disk
        return kinds

    def missing(self):
        out = []
        if not self.daemon.shim:
            out.append("clock (the daemon is built with a sanitizer, which does not bear another preloaded library)")
        if not self.disk_is_own:
            out.append("disk (a small file system can be mounted by root only)")
        return out

    async def again(self, how):
        self.world.fault_begins("restart")
        status = await self.daemon.end(how)
        if how == signal.SIGTERM and status != 0:
            self.world.violation(f"the daemon ended with status {status}")
        await asyncio.sleep(1)
        self.world.restarted()
        for user in self.world.users:
            user.interrupt()
        await self.daemon.start()
        self.world.fault_ends(grace_s=10)

    async def restart(self):
        await self.again(signal.SIGTERM)

    async def kill(self):
        await self.again(signal.SIGKILL)

    async def descriptors(self):
        """No descriptor is left for 5 s: who is there goes on, who comes waits or is turned away, and the loop does not spin."""
        self.world.fault_begins("descriptors")
        before = self.daemon.limit_descriptors(self.daemon.descriptors() + 2)
        began, cpu = time.monotonic(), self.daemon.cpu_s()
        await asyncio.sleep(5)
        share = (self.daemon.cpu_s() - cpu) / (time.monotonic() - began)
        self.daemon.limit_descriptors(before)
        if share > 0.8:
            self.world.violation(f"without descriptors the daemon takes {share:.0%} of a processor")
        self.world.fault_ends()

    async def clock(self):
        """The wall clock jumps, by an hour to begin with and back to true at the end. No user may notice, so this is no excuse for anything."""
        for shift_s in (3600, -3600 * 24 * 400, 10 ** 9, 0):
            self.daemon.set_clock(shift_s)
            await asyncio.sleep(1.5)

    async def disk(self):
        """Not a byte can be written for 5 s. No excuse either: only the log is written."""
        self.daemon.fill_disk()
        await asyncio.sleep(5)
        self.daemon.empty_disk()

    async def outage(self):
        """Half of all users lose every connection at the same moment."""
        gone = self.world.users[::2]
        self.world.fault_begins("outage")
        for user in gone:
            user.interrupt()
        self.world.fault_ends(grace_s=1)
