"""A bad path for the UDP packets that a hub of netns.py forwards: some are lost, the others come late and out of order.

    with Impaired(net) as path:     # net: a Net with its people
        path.set(loss_percent=10, jitter_ms=(0, 60))

Forwarded UDP is led into a TUN device; the other end of it, this file run as a program within the hub, drops packets or
gives them back in their time. Seeded, so that a run can be repeated. What the hub itself receives is left alone."""

import fcntl
import heapq
import os
import pathlib
import random
import select
import struct
import subprocess
import sys
import time

TUN = "lossy"


class Impaired:
    @staticmethod
    def missing():
        """Why it cannot be here; None: it can."""
        return None if os.path.exists("/dev/net/tun") else "there is no /dev/net/tun"

    def __init__(self, net, seed=1):
        self.net, self.seed = net, seed

    def __enter__(self):
        inside = self.net.inside("hub")
        self.process = subprocess.Popen([*inside, sys.executable, pathlib.Path(__file__).resolve(), str(self.seed)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", "no TUN device"
        for name in ("all", "default", TUN):
            subprocess.run([*inside, "sysctl", "-qw", f"net.ipv4.conf.{name}.rp_filter=0"], check=True)
        for link in self.net.ip("hub", "-o", "link", "show", "type", "veth").stdout.splitlines():
            device = link.split(": ")[1].partition("@")[0]
            subprocess.run([*inside, "sysctl", "-qw", f"net.ipv4.conf.{device}.rp_filter=0"], check=True)
            self.net.ip("hub", "rule", "add", "iif", device, "ipproto", "udp", "to", "10.77.0.1", "lookup", "main", "priority", "10")
            self.net.ip("hub", "rule", "add", "iif", device, "ipproto", "udp", "lookup", "100", "priority", "20")
        self.net.ip("hub", "link", "set", TUN, "up")
        self.net.ip("hub", "route", "add", "default", "dev", TUN, "table", "100")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.counted = self.process.stdout.read()
        self.process.stdout.close()

    def set(self, loss_percent=0, jitter_ms=(0, 0)):
        self.process.stdin.write(f"{loss_percent} {jitter_ms[0]} {jitter_ms[1]}\n")
        self.process.stdin.flush()


class Path:
    """Packets under way, by the time at which they arrive."""

    def __init__(self, device, seed):
        self.device, self.random = device, random.Random(seed)
        self.loss, self.least_s, self.most_s = 0.0, 0.0, 0.0
        self.queue, self.number, self.dropped = [], 0, 0

    def change(self, line):
        loss, least, most = map(float, line.split())
        self.loss, self.least_s, self.most_s = loss / 100, least / 1000, most / 1000

    def take(self):
        packet = os.read(self.device, 65536)
        self.number += 1
        if self.random.random() < self.loss:
            self.dropped += 1
            return
        heapq.heappush(self.queue, (time.monotonic() + self.random.uniform(self.least_s, self.most_s), self.number, packet))

    def give(self):
        """Hands over what is due; seconds until the next is."""
        while self.queue and self.queue[0][0] <= time.monotonic():
            try:
                os.write(self.device, heapq.heappop(self.queue)[2])
            except OSError:
                pass  # an interface that is gone loses packets as well
        return max(0.0, self.queue[0][0] - time.monotonic()) if self.queue else 1.0


def main():
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, 0x400454CA, struct.pack("16sH22x", TUN.encode(), 0x0001 | 0x1000))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
    path = Path(device, int(sys.argv[1]))
    print("ready", flush=True)
    wait_s = 1.0
    while True:
        readable, _, _ = select.select([device, sys.stdin], [], [], wait_s)
        if sys.stdin in readable:
            line = sys.stdin.readline()
            if not line:
                break
            path.change(line)
        if device in readable:
            path.take()
        wait_s = path.give()
    print(path.number, path.dropped)


if __name__ == "__main__":
    main()
