"""A server, a relay and people in the namespaces of netns.py, and captures of what reaches them: one object that ends it all."""

import signal
import subprocess
import time

import relay
from netns import HUB
from people import Person, Server, everybody


class World:
    def __init__(self, net, folder):
        self.net, self.folder, self.people, self.things, self.captures = net, folder, [], [], []

    def turn(self, **kw):
        self.things.append(relay.Relay(self.folder, HUB, self.net.inside("hub"), **kw))
        return self.things[-1]

    def serve(self, *options, sip=f"{HUB}:0"):
        self.server = Server(self.folder, f"{HUB}:0", sip, options, self.net.inside("hub"))
        self.things.append(self.server)

    def start(self, *names, options=(), mic="none", speaker="none", url=None):
        new = [Person(n, url or self.server.url, self.folder, options, mic, speaker, self.net.at(n)) for n in names]
        self.people += new
        everybody(new, "logged-in")
        for person in new:
            person.type("")
        return new

    def capture(self, who):
        path = self.folder / f"{who}.pcap"
        process = subprocess.Popen([*self.net.at(who), "tcpdump", "-i", "any", "--immediate-mode", "-U", "-s", "0", "-B", "8192", "-w", path],
                                   stderr=subprocess.PIPE)
        self.captures.append(process)
        assert any(b"listening" in line for line in iter(process.stderr.readline, b""))
        return process, path

    def close(self):
        for process in self.captures:
            if process.poll() is None:
                process.kill()
                process.wait()
        for person in self.people:
            person.close()
        for thing in reversed(self.things):
            thing.close()


def stop_capture(process, path):
    time.sleep(1)  # the kernel hands over what it still buffers
    process.send_signal(signal.SIGINT)
    process.wait(10)
    return path.read_bytes()
