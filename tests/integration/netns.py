"""A small Internet of network namespaces: a hub with the servers, and people on links of their own, on demand behind NAT.

    with Net() as net:                       # Net.missing() says why it cannot be
        net.person("a")                      # 10.77.1.2, the hub is 10.77.0.1
        net.person("b", nat=True)            # 192.168.2.2 behind 10.77.2.2
        net.inside("a")                      # ["ip", "netns", "exec", …]: to put before a command

The hub forwards between the links, so people can also reach each other. Names begin with the process's number; everything
goes with the `with`."""

import contextlib
import ctypes
import os
import shutil
import subprocess
import time

HUB = "10.77.0.1"


def run(*command, **kw):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, **kw)


class Net:
    def __init__(self):
        self.prefix, self.names, self.links = f"mt{os.getpid()}", [], 0

    @staticmethod
    def missing(nat=False):
        """Why there can be no namespaces here, or no NAT in them; None: there can."""
        for tool in ("ip", "nft", "sysctl"):
            if not shutil.which(tool) and not os.path.exists(f"/usr/sbin/{tool}"):
                return f"{tool} is not installed"
        if os.geteuid() != 0:
            return "network namespaces need root"
        try:
            with Net() as net:
                if nat:
                    net.person("probe", nat=True, random_ports=True)
        except (subprocess.CalledProcessError, OSError) as error:
            return f"no network namespaces{' with NAT' if nat else ''} here: {getattr(error, 'stderr', error)}"
        return None

    def __enter__(self):
        try:
            self._add("hub")
            self.ip("hub", "addr", "add", f"{HUB}/32", "dev", "lo")
            self._forward("hub")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    def inside(self, who):
        return ["ip", "netns", "exec", f"{self.prefix}{who}"]

    @contextlib.contextmanager
    def entered(self, who):
        """This thread, and what it starts, is in there for a while."""
        def go(namespace):
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        with open("/proc/thread-self/ns/net") as outside, open(f"/run/netns/{self.prefix}{who}") as inside:
            go(inside)
            try:
                yield
            finally:
                go(outside)

    def ip(self, who, *arguments):
        return run("ip", "-n", f"{self.prefix}{who}", *arguments)

    def _add(self, who):
        name = f"{self.prefix}{who}"
        run("ip", "netns", "add", name)
        self.names.append(name)
        self.ip(who, "link", "set", "lo", "up")
        # No link-local addresses: one comes up to two seconds after its device, and a browser drops what it loads when an address comes.
        run(*self.inside(who), "sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=1")

    def _forward(self, who):
        run(*self.inside(who), "sysctl", "-qw", "net.ipv4.ip_forward=1")

    def _wire(self, low, high, network):
        """A cable: high gets .1 of the network, low gets .2 and its default route."""
        self.links += 1
        near, far = f"l{self.links}", f"h{self.links}"
        run("ip", "link", "add", near, "netns", f"{self.prefix}{low}", "type", "veth", "peer", "name", far,
            "netns", f"{self.prefix}{high}")
        for who, device, end in ((low, near, 2), (high, far, 1)):
            self.ip(who, "addr", "add", f"{network}.{end}/24", "dev", device)
            self.ip(who, "link", "set", device, "up")
        self.ip(low, "route", "add", "default", "via", f"{network}.1")
        return near

    def person(self, who, nat=False, random_ports=False):
        """Returns the address that others see. random_ports: a NAT whose ports cannot be guessed (symmetric). As at home, the router
        drops what nobody behind it asked for: if it took that for its own, the port would be taken when somebody there then needs it."""
        number = sum(1 for n in self.names if n.endswith("-p")) + 1
        self._add(f"{who}-p")
        if not nat:
            self._wire(f"{who}-p", "hub", f"10.77.{number}")
            return f"10.77.{number}.2"
        self._add(f"{who}-n")
        outside = self._wire(f"{who}-n", "hub", f"10.77.{number}")
        self._wire(f"{who}-p", f"{who}-n", f"192.168.{number}")
        self._forward(f"{who}-n")
        how = "masquerade fully-random" if random_ports else "masquerade"
        run(*self.inside(f"{who}-n"), "nft", "-f", "-", input=f"""
            table ip nat {{
                chain outward {{
                    type nat hook postrouting priority 100
                    oifname "{outside}" {how}
                }}
            }}
            table ip filter {{
                chain itself {{
                    type filter hook input priority 0; policy accept
                    iifname "{outside}" ct state new drop
                }}
                chain inward {{
                    type filter hook forward priority 0; policy drop
                    ct state established,related accept
                    iifname != "{outside}" accept
                }}
            }}
            """)
        return f"10.77.{number}.2"

    def at(self, who):
        return self.inside(f"{who}-p")

    def _device(self, who):
        words = self.ip(f"{who}-p", "-o", "-4", "addr", "show", "scope", "global").stdout.split()
        return words[1], words[3].partition("/")[0]

    def address(self, who):
        return self._device(who)[1]

    def move(self, who, gone_s=0):
        """Another address of the same network, as after a change of the router: what was open from the old one is dead, and nobody is told. gone_s: so long there is none at all."""
        device, address = self._device(who)
        network, _, host = address.rpartition(".")
        self.ip(f"{who}-p", "addr", "flush", "dev", device, "scope", "global")
        time.sleep(gone_s)
        self.ip(f"{who}-p", "addr", "add", f"{network}.{int(host) + 1}/24", "dev", device)
        self.ip(f"{who}-p", "route", "add", "default", "via", f"{network}.1")
        return f"{network}.{int(host) + 1}"
