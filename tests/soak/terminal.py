"""A real `myturn`, driven by lines on its standard input: talks are encrypted, words and messages are compared with the partner's, and sometimes it is killed."""

import asyncio
import json
import os
import random
import subprocess
import time

from people import BUILD

STAYS = ("no_answer", "refused", "undone", "no_path", "server", "next")  # ends after which the next draw goes on by itself
QUIET_S = 90  # longer without a talk while others are there to talk with: stuck


class Terminal:
    def __init__(self, world, number, url, folder):
        self.world, self.number, self.url, self.folder = world, number, url, folder
        self.dice = random.Random(f"{world.seed}.t{number}")
        self.process, self.lives = None, 0
        self.forget()

    def forget(self):
        self.name, self.partner, self.words, self.secure_at = None, None, None, None
        self.talked_at, self.typed = time.monotonic(), 0
        self.greeted = self.quit = self.killed = False

    async def run(self):
        await asyncio.sleep(self.dice.random() * 3)
        while not self.world.closing:
            await self.live()
            self.forget()

    async def live(self):
        self.lives += 1
        self.forget()
        self.name = f"t{self.number}.{self.lives}"
        read_end, write_end = os.pipe()
        with (self.folder / f"terminal{self.number}.txt").open("wb") as screen:
            self.process = await asyncio.create_subprocess_exec(
                BUILD / "myturn", "--server", self.url, "--name", self.name, "--agree", "--mic", "none", "--speaker", "none", "--events", str(write_end),
                "--transport", self.dice.choice(["tcp", "udp"]), "--log", "/dev/null",
                stdin=subprocess.PIPE, stdout=screen, stderr=subprocess.STDOUT, pass_fds=[write_end])
        os.close(write_end)
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb"))
        acting = asyncio.ensure_future(self.act())
        try:
            while line := await reader.readline():
                self.on_event(json.loads(line))
            status = await self.process.wait()
            if not self.killed and not self.world.closing and not (status == 0 and self.quit):
                self.world.violation(f"terminal {self.name} ended with status {status}")
        finally:
            acting.cancel()
            transport.close()
            self.stop()
            self.world.went(self.name, "killed")

    def stop(self):
        if self.process is not None and self.process.returncode is None:
            self.process.kill()

    def type(self, line):
        if self.killed:
            return  # what it told before is still being read
        self.process.stdin.write(f"{line}\n".encode())

    # -- what it tells
    def on_event(self, event):
        kind = event["event"]
        if kind == "logged-in":
            self.world.came(self.name, event["exten"])
            if not self.greeted:
                self.type("")
            self.greeted = True
        elif kind == "drawn":
            self.partner, self.words, self.secure_at = event["partner"], None, None
            if self.partner == self.name or not self.partner.startswith("t"):
                self.world.violation(f"terminal {self.name} was drawn with {self.partner}")
        elif kind == "secure":
            self.on_secure(event["words"])
        elif kind == "text":
            self.world.counts["messages received"] += 1
            if event["from"] != self.partner or event["body"].split()[0] != self.partner:
                self.world.violation(f"terminal {self.name} was told {event['body']!r} by {event['from']}, in a talk with {self.partner}")
        elif kind == "ended":
            self.secure_at = None
            if event["reason"] not in STAYS:
                self.type("")

    def on_secure(self, words):
        self.words, self.secure_at, self.talked_at = words, time.monotonic(), time.monotonic()
        self.world.counts["encrypted talks told"] += 1
        for other in self.world.terminals:
            if other.name == self.partner and other.partner == self.name and other.words and self.secure_at - (other.secure_at or 0) < 0.05:
                self.world.counts["words compared"] += 1
                if other.words != words:
                    self.world.violation(f"terminals {self.name} and {other.name} saw {words} and {other.words}")

    # -- what it does
    async def act(self):
        while True:
            await asyncio.sleep(0.3 + self.dice.random())
            if time.monotonic() - self.talked_at > QUIET_S:
                self.quiet()
            if self.world.frozen or self.world.closing:
                continue
            if self.dice.random() < 0.01:
                self.killed = True
                self.world.counts["terminals killed"] += 1
                self.process.kill()
                return
            if self.secure_at is None:
                continue
            if self.dice.random() < 0.6:
                self.typed += 1
                self.type(f"{self.name} says {self.typed}")
                self.world.counts["messages sent"] += 1
            else:
                self.quit = self.dice.random() < 0.2
                self.type("q" if self.quit else "/next")  # q after the end of a talk leaves the program, and may
                self.type("y")

    def quiet(self):
        self.talked_at = time.monotonic()
        if not self.world.excused(time.monotonic() - QUIET_S):
            self.world.violation(f"terminal {self.name} had no talk for {QUIET_S} s")
