"""A scripted user: logs in, registers, draws, calls, says things, hangs up, draws the next, goes without a word, comes back. What he does is drawn by his own dice;
what the server answers is held against what he knows."""

import asyncio
import random
import time

from agent import Agent, Refused, StreamLink, UdpLink, WsLink
from web import Gone, Web

INVITE_LIMIT_S = 25  # the server's 15 s for dialling, and a loaded machine
KINDS = [UdpLink, StreamLink, WsLink]


class Restart(Exception):
    """This life is over; the next begins."""


class User:
    def __init__(self, world, number, http, sip):
        self.world, self.number, self.http, self.sip = world, number, http, sip
        self.dice = random.Random(f"{world.seed}.{number}")
        self.kind = KINDS[number % 3]
        self.lives, self.life, self.interrupted = 0, None, False
        self.forget()

    def forget(self):
        self.name, self.web, self.agent, self.epoch = None, None, None, -1
        self.phase, self.since, self.pair, self.role, self.partner, self.call = "out", time.monotonic(), None, None, None, None
        self.broke_off_at = float("-inf")
        self.invites = asyncio.Queue()

    def enter(self, phase):
        self.phase, self.since = phase, time.monotonic()

    def chance(self, percent):
        return self.dice.random() * 100 < percent

    def count(self, what):
        self.world.counts[what] += 1

    # -- lives
    async def run(self):
        await asyncio.sleep(self.dice.random() * 5)
        while not self.world.closing:
            began = time.monotonic()
            try:
                await self.world.gate()
                self.life = asyncio.ensure_future(self.live())
                await self.life
            except Restart:
                pass
            except asyncio.CancelledError:
                if not self.interrupted:
                    self.life.cancel()
                    raise
            except (Gone, Refused, OSError, asyncio.IncompleteReadError) as error:
                self.trouble(began, error)
                await asyncio.sleep(0.3 + self.dice.random())
            self.interrupted = False
            self.vanish("its life ended")

    def interrupt(self):
        """From outside: his connections are gone."""
        if self.name is not None:
            self.interrupted = True
            self.life.cancel()

    def trouble(self, began, error):
        if self.epoch == self.world.epoch and not self.world.excused(max(began, self.since - 1)):
            self.world.violation(f"{self.name} ({self.kind.name}, {self.phase}): {type(error).__name__} {error}")
        self.world.failures[type(error).__name__] += 1

    def vanish(self, how="vanished"):
        """All his sockets at once, as when his program is killed."""
        if self.name is not None:
            if self.pair is not None:
                self.pair.act(self.name, "vanished")
            self.world.went(self.name, how)
            self.world.did(self.name)
        abrupt = self.chance(50)
        if self.web is not None:
            self.web.drop(abrupt)
        if self.agent is not None:
            self.agent.close(abrupt)
        self.forget()

    async def live(self):
        self.lives += 1
        name = f"s{self.number}.{self.lives}"
        self.web = Web(self.http)
        self.epoch = self.world.epoch
        self.enter("out")
        status, login = await self.web.call("POST", "/v1/users", {"name": name})
        if status != 201:
            raise Gone(f"login answered {status}")
        self.name, self.web.token = name, login["token"]
        self.world.came(name, login["exten"])
        self.agent = Agent(login, self.invites.put_nowait, self.on_text)
        await self.connect()
        follow = False
        while not self.world.closing:
            if not follow:
                self.enter("idle")
                await asyncio.sleep(self.dice.expovariate(1))
                await self.world.gate()
            if self.epoch != self.world.epoch:
                raise Restart
            if self.agent.lost.is_set():
                raise Gone("the SIP connection was closed")
            if time.monotonic() - self.registered_at > 300 or self.stalls != self.world.stalls:
                self.stalls = self.world.stalls  # he may not have answered for so long that the server gave him up
                await self.agent.register()
                self.registered_at = time.monotonic()
            follow = await self.act(follow)

    async def connect(self):
        await self.agent.open(self.kind, self.http if self.kind is WsLink else self.sip)
        await self.agent.register()
        self.registered_at, self.stalls = time.monotonic(), self.world.stalls

    async def act(self, follow):
        """One thing; whether a draw follows at once, and the pair to leave with it."""
        if follow or self.chance(90):
            return await self.turn(follow)
        if self.chance(40):
            await self.log_out()
        if self.chance(50):
            self.count("vanished")
            self.vanish()
            raise Restart
        self.count("reconnects")
        self.enter("moving")
        await self.connect()
        return False

    async def log_out(self):
        self.enter("leaving")
        self.world.did(self.name)
        if self.pair is not None:
            self.pair.act(self.name, "logged out")
        status, _ = await self.web.call("DELETE", "/v1/me")
        self.expect(status, 204, "logout")
        self.world.went(self.name, "logged out")
        self.count("logouts")
        raise Restart

    def expect(self, status, wanted, what):
        if status != wanted and self.epoch == self.world.epoch and not self.world.excused(self.since - 1):
            self.world.violation(f"{self.name}: {what} answered {status}")
        if status != wanted:
            raise Restart

    # -- drawing
    async def turn(self, leave):
        asked_at = time.monotonic()
        self.enter("waiting")
        answer = await self.wait_turn({"link": ["rtp"], **({"leave": leave} if leave is not True and leave else {})})
        if answer is None:
            return False
        self.world.waits_ms.append((time.monotonic() - asked_at) * 1000)
        name = self.name
        self.pair = pair = self.world.drawn(name, answer, asked_at)
        self.role, self.partner = answer["role"], answer["partner"]
        try:
            self.enter("calling" if self.role == "caller" else "called")
            return await (self.dial() if self.role == "caller" else self.be_called())
        except BaseException:
            pair.act(name, "its life ended")
            raise
        finally:
            if self.call is not None and self.agent is not None:
                self.agent.forget(self.call)
            self.pair = self.role = self.partner = self.call = None

    async def wait_turn(self, body):
        """The draw's answer, or None if he thought better of it."""
        while True:
            held = asyncio.ensure_future(self.web.call("POST", "/v1/turn", body, wait_s=20))
            held.add_done_callback(lambda task: task.cancelled() or task.exception())  # nobody may be there to take it
            try:
                await asyncio.wait({held}, timeout=self.dice.expovariate(1) if self.chance(8) else 60)
                if not held.done() and not self.world.frozen:
                    return await self.think_better(held)
                status, answer = await held
            finally:
                held.cancel()
            if status == 409 and answer["code"] == "in_talk" and time.monotonic() - self.broke_off_at < INVITE_LIMIT_S:
                self.count("draws that crossed a breaking off")  # told into a connection that he was just closing, and called already
                await self.leave()
                continue
            self.expect(status, 200, f"POST /v1/turn {answer if status != 200 else ''}")
            if answer["state"] == "paired":
                return answer
            if self.world.closing or self.epoch != self.world.epoch:
                raise Restart
            body.pop("leave", None)

    async def think_better(self, held):
        self.world.did(self.name)
        if self.chance(40):
            self.count("waits broken off")
            self.broke_off_at = time.monotonic()
            held.cancel()
            self.web.drop(self.chance(50))
            self.web = Web(self.http, self.web.token)
            return None
        self.count("waits cancelled")
        self.enter("cancelling")
        await self.leave()
        status, answer = await held
        if status == 200 and answer["state"] == "paired":
            self.world.drawn(self.name, answer, self.since).act(self.name, "cancelled")
        elif status != 409:
            self.expect(status, 200, "a cancelled draw")
        return None

    async def leave(self):
        """Pool and pair, also a pair that he has not been told of."""
        other = Web(self.http, self.web.token)
        try:
            status, answer = await other.call("DELETE", "/v1/turn")
            if status == 409 and answer.get("code") == "paired":
                pair = self.world.pairs.get(answer["pair"])
                if pair is not None:
                    pair.act(self.name, "cancelled")
                status, _ = await other.call("DELETE", f"/v1/turn?pair={answer['pair']}")
            self.expect(status, 204, "DELETE /v1/turn")
        finally:
            other.close()

    # -- setting up
    def innocent(self, since):
        """Whether a call that failed has a reason that is not the server's."""
        return (bool(self.pair.acts) or self.epoch != self.world.epoch or self.world.excused(since)
                or self.world.did_at.get(self.partner["name"], 0) > since - 2)

    async def failed(self, what):
        """The call did not come up. The pair's acts may reach us a little later than its end."""
        self.world.failures[what] += 1
        for _ in range(30):
            if self.innocent(self.since):
                break
            await asyncio.sleep(0.1)
        else:
            self.world.violation(f"pair {self.pair.id}, {self.pair.names}: {self.role} {self.name} ({self.kind.name}) {what}, and nobody did anything")
        self.pair.act(self.name, what)
        if self.epoch != self.world.epoch:
            raise Restart
        if self.chance(70):
            return self.pair.id
        status, _ = await self.web.call("DELETE", f"/v1/turn?pair={self.pair.id}")
        self.expect(status, 204, "DELETE /v1/turn?pair")
        return False

    async def dial(self):
        if self.chance(2):
            self.pair.act(self.name, "did not dial")
            return self.pair.id
        call = self.agent.dial(self.partner["exten"])
        inviting = asyncio.ensure_future(self.agent.invite(call))
        inviting.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            if self.chance(5):
                await asyncio.wait({inviting}, timeout=0.05 + self.dice.random() / 4)
                if not inviting.done() and call.invite_branch:
                    self.pair.act(self.name, "cancelled the call")
                    self.count("calls cancelled")
                    await self.agent.cancel(call)
            await inviting
        except Refused as refused:
            return await self.failed(f"was answered {refused.status}")
        finally:
            inviting.cancel()
        return await self.talk(call)

    async def be_called(self):
        """Answers the partner's call. One of a pair that is over already is refused."""
        call = await self.next_call()
        if call is None:
            return await self.failed("was not called")
        how = self.dice.random() * 100
        if how < 2:
            self.pair.act(self.name, "did not answer")
            await asyncio.sleep(4)  # the server waits 3 s for a sign; without one there is nothing to cancel
            return await self.failed("did not answer")
        self.agent.ring(call)
        await asyncio.sleep(self.dice.random() / 3)
        if how < 4 and not call.cancelled:
            self.pair.act(self.name, "declined")
            self.agent.reject(call, 486)
            return await self.failed("declined")
        if call.cancelled or not await self.agent.accept(call):
            return await self.failed("was cancelled" if call.cancelled else "got no ACK")
        return await self.talk(call)

    async def next_call(self):
        """The partner's call, or None: the pair is over, or it did not come in the time that the server gives it."""
        end, asked_at = time.monotonic() + INVITE_LIMIT_S, time.monotonic()
        while time.monotonic() < end:
            try:
                call = await asyncio.wait_for(self.invites.get(), 0.5)
            except asyncio.TimeoutError:
                if time.monotonic() - asked_at > 2:
                    asked_at = time.monotonic()
                    if not await self.still_paired():
                        return None
                continue
            if call.cancelled:
                continue
            if call.remote.split("sip:")[1].split("@")[0] == self.partner["exten"]:
                return call
            self.agent.reject(call, 480)
        if await self.still_paired() and not self.world.excused(self.since):
            self.world.violation(f"{self.name} is in a pair for {INVITE_LIMIT_S} s and was not called: {self.pair.acts}")
        return None

    async def still_paired(self):
        status, me = await self.web.call("GET", "/v1/me")
        self.expect(status, 200, "GET /v1/me")
        return me["pair"] == self.pair.id

    # -- talking
    def on_text(self, call, text):
        self.count("texts received")
        number, _, sender = text.partition(" ")
        if self.partner is None or number != self.pair.id or sender != self.partner["name"]:
            old = self.world.pairs.get(number)  # said to the end of a talk that is over for us
            if old is None or self.name not in old.names.values():
                self.world.violation(f"{self.name} was told {text!r}, in a talk with {self.partner}")

    async def say(self):
        status = await self.agent.within(self.call, "INFO", f"{self.pair.id} {self.name}")
        if status == 200:
            self.count("texts sent")
        elif not self.call.over.is_set() and not self.innocent(self.since):
            await asyncio.sleep(1)
            if not self.innocent(self.since):
                self.world.violation(f"{self.name} ({self.kind.name}) said something and was answered {status}")

    def talk_time(self):
        how = self.dice.random()
        return self.dice.random() / 2 if how < 0.4 else self.dice.expovariate(1 / 3) if how < 0.9 else 5 + self.dice.random() * 10

    async def talk(self, call):
        self.call = call
        self.count(f"calls of {self.role}s")
        self.enter("talk")
        end = time.monotonic() + self.talk_time()
        while not call.over.is_set() and self.epoch == self.world.epoch and not self.world.closing:
            now = time.monotonic()
            if now > end and not self.world.frozen:
                return await self.end_talk()
            if not self.world.frozen:
                await self.say()
            try:
                await asyncio.wait_for(call.over.wait(), min(max(0.05, end - now), 0.5 + self.dice.random()))
            except asyncio.TimeoutError:
                pass
        if self.epoch != self.world.epoch:
            raise Restart
        if not self.innocent(self.since):
            self.world.violation(f"pair {self.pair.id}: the talk of {self.name} was ended, and nobody did anything")
        self.count("talks ended by the other")
        self.enter("ended")
        return self.pair.id if self.chance(60) and not self.world.frozen else False

    async def end_talk(self):
        how = self.dice.random() * 100
        if how < 10 and any(who != self.name and what in ("vanished", "logged out") for _, who, what in self.pair.acts):
            return await self.be_left()
        self.enter("ending")
        if how < 38:
            self.pair.act(self.name, "next")
            return self.pair.id
        if how < 76:
            self.pair.act(self.name, "hung up")
            status = await self.agent.within(self.call, "BYE")
            if status not in (200, 481) and not self.world.excused(self.since):
                self.world.violation(f"{self.name}: BYE was answered {status}")
            return self.pair.id if how < 57 else False
        if how < 82:
            self.pair.act(self.name, "left")
            status, _ = await self.web.call("DELETE", f"/v1/turn?pair={self.pair.id}")
            self.expect(status, 204, "DELETE /v1/turn?pair")
            return False
        if how < 85:
            return await self.turn_away(how < 84)
        if how < 89:
            await self.log_out()
        if how < 94:
            self.count("vanished")
            self.vanish()
            raise Restart
        await self.move()
        return self.pair.id

    async def turn_away(self, only_block):
        """Blocks or reports the partner, who must not be drawn for him again while both stay."""
        what = "block" if only_block else "report"
        self.pair.act(self.name, what)
        status, _ = await self.web.call("POST", f"/v1/turn/{what}", {"pair": self.pair.id, **({} if only_block else {"reason": "other", "note": "soak"})})
        self.expect(status, 204, what)
        self.world.blocked.add((self.name, self.partner["name"]))
        self.count(f"{what}s")
        return False

    async def move(self):
        """His SIP connection breaks and a new one is made: the talk goes on."""
        self.count("moves within a talk")
        await self.connect()
        self.enter("talk")
        await self.say()
        self.enter("ending")
        self.pair.act(self.name, "next")

    async def be_left(self):
        """The partner went without a word: the server must tell."""
        self.count("waited to be told that the partner is gone")
        try:
            await asyncio.wait_for(self.call.over.wait(), 45)
        except asyncio.TimeoutError:
            if not self.world.excused(self.since):
                self.world.violation(f"{self.name} ({self.kind.name}) was never told that {self.partner['name']} is gone: {self.pair.acts}")
        return False
