"""What the driver knows to be true: who is logged in, who was drawn for whom, what was done to whom. Whatever the server says against it is told here."""

import asyncio
import collections
import time

LATE_LIMIT_S, STALL_S = 1.0, 30
LATE_S = 3  # how old the server's knowledge may be when it reaches us: a loaded machine


class Life:
    """One login of one user. gone_at: when he had left for certain."""

    def __init__(self, name, exten):
        self.name, self.exten, self.gone_at, self.how = name, exten, None, None


class Pair:
    """A draw, as the two were told of it. acts: who did what that may end it."""

    def __init__(self, number):
        self.id, self.names, self.told_at, self.acts = number, {}, time.monotonic(), []

    def act(self, who, what):
        self.acts.append((time.monotonic(), who, what))


class World:
    def __init__(self, seed):
        self.seed, self.users, self.terminals = seed, [], []
        self.lives, self.pairs, self.did_at, self.blocked = {}, {}, {}, set()
        self.counts, self.failures, self.violations = collections.Counter(), collections.Counter(), []
        self.waits_ms = []
        self.closing, self.frozen, self.thaw = False, False, asyncio.Event()
        self.fault, self.fault_end, self.epoch, self.lag_s = None, 0.0, 0, 0.0
        self.stall_end, self.longest_lag_s, self.stalls, self.stalled_s = 0.0, 0.0, 0, 0
        self.started = time.monotonic()

    # -- what went wrong
    def violation(self, text):
        line = f"{time.monotonic() - self.started:7.1f} s: {text}"
        self.violations.append(line)
        if len(self.violations) <= 50:
            print(f"VIOLATION {line}", flush=True)

    def fault_begins(self, name):
        self.fault = name

    def fault_ends(self, grace_s=3.0):
        self.fault, self.fault_end = None, time.monotonic() + grace_s

    def excused(self, since):
        """Whether a fault was on at any time after `since`, or everything is slow."""
        return self.closing or self.fault is not None or max(self.fault_end, self.stall_end) > since or self.lag_s > 1

    def late(self, late_s):
        """Told each second: by how much this driver, or the daemon's answer to it, came late. On a machine that has no time for them the one does not
        answer what the other asks, and what follows from that lasts for a while: nobody is to blame for it, and it is said at the end."""
        self.lag_s = max(late_s, self.lag_s * 0.8)
        self.longest_lag_s = max(late_s, self.longest_lag_s)
        if late_s > LATE_LIMIT_S:
            self.stalls += time.monotonic() > self.stall_end
            self.stall_end = time.monotonic() + STALL_S
        self.stalled_s += time.monotonic() < self.stall_end

    # -- resting
    def freeze(self):
        self.frozen = True
        self.thaw.clear()

    def unfreeze(self):
        self.frozen = False
        self.thaw.set()

    async def gate(self):
        """Where a user would do something new."""
        while self.frozen and not self.closing:
            await self.thaw.wait()

    # -- who is there
    def came(self, name, exten):
        self.lives[name] = Life(name, exten)
        self.counts["logins"] += 1

    def went(self, name, how):
        life = self.lives.get(name)
        if life is not None and life.gone_at is None:
            life.gone_at, life.how = time.monotonic(), how

    def did(self, name):
        """He did what may undo a draw that neither of the two was told of yet."""
        self.did_at[name] = time.monotonic()

    def restarted(self):
        """Another process: nobody is logged in there."""
        self.epoch += 1
        self.lives.clear()
        self.pairs.clear()
        self.blocked.clear()

    def ghosts(self, within_s):
        now = time.monotonic()
        return {n for n, life in self.lives.items() if life.gone_at is not None and now - life.gone_at < within_s}

    def forget_old(self):
        now = time.monotonic()
        for name in [n for n, life in self.lives.items() if life.gone_at is not None and now - life.gone_at > 300]:
            del self.lives[name]
            self.did_at.pop(name, None)
        for number in [n for n, p in self.pairs.items() if now - p.told_at > 300]:
            del self.pairs[number]

    # -- draws
    def drawn(self, name, answer, asked_at):
        """Checks a draw's answer; the Pair."""
        now = time.monotonic()
        role, partner = answer["role"], answer["partner"]
        other = {"caller": "callee", "callee": "caller"}[role]
        pair = self.pairs.setdefault(answer["pair"], Pair(answer["pair"]))
        if not pair.names:
            self.counts["draws"] += 1
        if pair.names.get(role, name) != name or pair.names.get(other, partner["name"]) != partner["name"]:
            self.violation(f"pair {pair.id} was told to {name} as {role} with {partner['name']}, and before to {pair.names}")
        pair.names[role] = name
        if partner["name"] == name:
            self.violation(f"{name} was drawn for himself")
        if {(name, partner["name"]), (partner["name"], name)} & self.blocked:
            self.violation(f"{name} was drawn with {partner['name']}, and one of them has blocked the other")
        life = self.lives.get(partner["name"])
        if life is None:
            # He may be logging in: his answer is on its way to us. Users draw when it has arrived, so it must have.
            self.violation(f"{name} was drawn with {partner['name']}, who never was there")
        elif life.exten != partner["exten"]:
            self.violation(f"{name} was told extension {partner['exten']} for {partner['name']}, whose is {life.exten}")
        elif life.gone_at is not None and now - life.gone_at > LATE_S + self.lag_s and life.gone_at < asked_at:
            self.violation(f"{name} was drawn with {partner['name']}, who had left {now - life.gone_at:.1f} s before ({life.how})")
        return pair
