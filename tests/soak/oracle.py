"""Holds the server's view against the driver's: each second what must not last, and at checkpoints, when all users rest, everything."""

import asyncio
import time

from daemon import OPERATOR
from web import Web

TOGETHER_S = 12    # two who wait longer than this at the same time should have been drawn: 3 s for last partners, and a loaded machine
ALONE_S = 45       # in a talk whose other side is over
REST_S = 60        # to come to rest
GHOST_S = 55       # lease, qualification and their limits, after which somebody who went is not known any more
RESTING = ("out", "idle", "waiting", "talk")


class Oracle:
    def __init__(self, world, http):
        self.world, self.http, self.checkpoints = world, http, 0
        self.web, self.health = None, Web(http)

    async def ask(self, path):
        if self.web is None:
            self.web = Web(self.http, OPERATOR)
        status, answer = await self.web.call("GET", path)
        if status != 200:
            raise ConnectionError(f"{path} answered {status}")
        return answer

    def mine(self):
        """Scripted users who are logged in at this daemon."""
        return [u for u in self.world.users if u.name in self.world.lives and u.epoch == self.world.epoch]

    async def answer_s(self):
        """How long the daemon takes to say that it is well."""
        before = time.monotonic()
        try:
            await self.health.call("GET", "/healthz")
        except ConnectionError:
            pass  # a fault, or the end; others see to that
        return time.monotonic() - before

    # -- each second
    def watch(self):
        now = time.monotonic()
        together = [u for u in self.world.users if u.phase == "waiting" and now - u.since > TOGETHER_S]
        if len(together) > 1 and not self.world.excused(now - TOGETHER_S):
            self.world.violation(f"waiting together for {TOGETHER_S} s and not drawn: {[u.name for u in together][:5]}")
            for user in together:
                user.since = now
        for user in self.world.users:
            if user.phase not in RESTING and now - user.since > REST_S and not self.world.excused(user.since):
                self.world.violation(f"{user.name} ({user.kind.name}) is stuck in '{user.phase}' for {REST_S} s")
                user.since = now
            elif user.phase == "talk" and self.alone(user) and not self.world.excused(now - ALONE_S):
                self.world.violation(f"{user.name} ({user.kind.name}) is in a talk with {user.partner['name']} that is over there: {user.pair.acts}")
                user.pair.acts.clear()

    def alone(self, user):
        if user.pair is None or not user.pair.acts:
            return False
        return time.monotonic() - user.pair.acts[0][0] > ALONE_S

    # -- at rest
    def resting(self):
        phases = [u.phase for u in self.world.users]
        return all(p in RESTING for p in phases) and phases.count("waiting") <= 1 and not any(
            u.phase == "talk" and not self.partner_of(u) for u in self.world.users)

    def restless(self):
        return [(u.name, u.kind.name, u.phase, u.role, round(time.monotonic() - u.since), u.pair and u.pair.names, u.pair and u.pair.acts) for u in self.world.users
                if u.phase not in RESTING or u.phase == "waiting" or u.phase == "talk" and not self.partner_of(u)][:8]

    def partner_of(self, user):
        return next((u for u in self.world.users if u.pair is not None and u.pair is user.pair and u is not user and u.phase == "talk"), None)

    async def rest(self):
        """Whether all came to rest in time."""
        end, still = time.monotonic() + REST_S, 0
        while time.monotonic() < end and not self.world.closing:
            still = still + 1 if self.resting() else 0
            if still >= 5:
                return True
            await asyncio.sleep(0.2)
        return False

    async def checkpoint(self):
        """Everybody rests; then the two views must be one."""
        self.world.freeze()
        try:
            if not await self.rest():
                if not self.world.closing:
                    self.world.violation(f"not at rest after {REST_S} s: {self.restless()}")
                return False
            faults = ["not compared"]
            for _ in range(8):  # real terminals do not rest, and ghosts go meanwhile
                faults = await self.compare()
                if not faults:
                    break
                await asyncio.sleep(0.5)
            for fault in faults[:10]:
                self.world.violation(f"checkpoint: {fault}")
            self.checkpoints += 1
            self.world.forget_old()
            return not faults
        finally:
            self.world.unfreeze()

    async def compare(self):
        rows = {row["name"]: row for row in await self.ask("/v1/users")}
        pairs = await self.ask("/pair-status")
        return self.compare_users(rows) + self.compare_pairs(rows, pairs) + await self.compare_counts(rows, pairs)

    def compare_users(self, rows):
        faults = []
        mine = {u.name: u for u in self.mine()}
        for name, user in mine.items():
            row = rows.get(name)
            wanted = {"idle": (0,), "waiting": (1,), "talk": (3,) if user.role == "callee" else (2, 3)}.get(user.phase)
            device = {"idle": "idle", "waiting": "idle", "talk": "in use"}.get(user.phase)
            if row is None:
                faults.append(f"{name} is logged in, and the server does not know him")
            elif row["exten"] != self.world.lives[name].exten:
                faults.append(f"{name} has extension {self.world.lives[name].exten}, the server says {row['exten']}")
            elif wanted is not None and (row["status"] not in wanted or row["device_state"] != device):
                faults.append(f"{name} is in '{user.phase}' ({user.role}), the server says {row['status']}, {row['device_state']}")
        known = set(mine) | self.world.ghosts(GHOST_S) | {t.name for t in self.world.terminals}
        faults += [f"the server knows {name} ({row['status']}, {row['device_state']}), who left: {vars(self.world.lives[name]) if name in self.world.lives else '-'}"
                   for name, row in rows.items() if name not in known]
        faults += [f"{name} went, and has status {rows[name]['status']}" for name in self.world.ghosts(1e9) - set(mine)
                   if name in rows and rows[name]["status"] == 1]
        return faults

    def compare_pairs(self, rows, pairs):
        faults = []
        scripted = {caller: callee for caller, callee in pairs.items() if caller.startswith("s") or callee.startswith("s")}
        wanted = {u.name: u.partner["name"] for u in self.world.users if u.phase == "talk" and u.role == "caller"}
        if scripted != wanted:
            faults.append(f"pairs: the server alone has {dict(scripted.items() - wanted.items())}, we alone {dict(wanted.items() - scripted.items())}")
        members = [*pairs.keys(), *pairs.values()]
        faults += [f"{name} is in two pairs" for name in set(members) if members.count(name) > 1]
        paired = {name for name, row in rows.items() if row["status"] in (2, 3)}
        if paired != set(members):
            faults.append(f"paired by status and by pairs differ in {paired ^ set(members)}")
        return faults

    async def compare_counts(self, rows, pairs):
        text = await self.ask("/metrics")
        value = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line and not line.startswith("#")}
        by_status = [value[f'myturn_users{{status="{s}"}}'] for s in ("busy", "ready", "paired", "ready_to_talk")]
        talking = sum(u.phase == "talk" and u.role == "caller" for u in self.world.users)
        bound = sum(row["device_state"] != "unavailable" for row in rows.values())
        faults = []
        if sum(by_status) != len(rows):
            faults.append(f"metrics count {by_status} users, the list has {len(rows)}")
        if not talking <= value["myturn_calls_up"] <= len(pairs):
            faults.append(f"metrics count {value['myturn_calls_up']:.0f} calls, {talking} to {len(pairs)} are up")
        if value["myturn_sip_bindings"] != bound or value["myturn_users_registered"] != bound:
            faults.append(f"bindings: {value['myturn_sip_bindings']:.0f}, registered: {value['myturn_users_registered']:.0f}, devices there: {bound}")
        if value["myturn_sip_dialogs"] < talking:
            faults.append(f"{value['myturn_sip_dialogs']:.0f} dialogs for {talking} talks")
        return faults
