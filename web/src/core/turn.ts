/* The conversation as a machine without I/O, the browser's half of docs/protocol/conversation.md (src/client/turn.h is the
 * native one): wishes, answers of the API, SIP and link events and the time go in, actions come out and are taken with take().
 *
 * Every path out of a pair ends SIP call and link together. Answers and events of what is over change nothing: requests and calls
 * have numbers. Losing the server never ends a running talk. */

import { TurnCore } from './turn_core.js';
import * as T from './turn_types.js';

export type { Action, Draw, Fault, LinkEnd, State, Told } from './turn_types.js';

export class Turn extends TurnCore {
    /* --- wishes; false: not possible now --- */

    login(name: string, now: number): boolean {
        if (this.state !== 'logged_out' || name === '') return false;
        this.name = name;
        this.firstLogin = true;
        this.retryAtMs = now;
        this.retries = 0;
        this.enter('logging_in');
        this.pump(now);
        return true;
    }

    /** A login of before the page was loaded anew: asked for with GET /v1/me, then taken up, or made anew. */
    resume(name: string, exten: string, now: number): boolean {
        if (this.state !== 'logged_out') return false;
        this.name = name;
        this.exten = exten;
        this.firstLogin = true;
        this.enter('logging_in');
        this.retryAtMs = now;
        this.loginSeq = ++this.seq;
        this.queue.push({ do: 'me', seq: this.loginSeq });
        return true;
    }

    sayReady(now: number): boolean {
        if (this.state !== 'idle') return false;
        this.retryAtMs = now;
        this.retries = 0;
        this.enterWaiting(now);
        this.pump(now);
        return true;
    }

    cancel(now: number): boolean {
        if (this.state !== 'waiting') return false;
        this.stopWaiting();
        this.sendLeave(now);
        this.enterIdle();
        this.pump(now);
        return true;
    }

    /** Also when the pair ends because the partner is blocked or reported: then with that reason. */
    hangUp(now: number, reason = 'hung_up'): boolean {
        if (!this.hasPair()) return false;
        const told = this.ended(reason);
        this.dropPair(603);
        this.sendLeave(now);
        this.endDueMs = now + T.BYE_MS;
        this.pendingEnd = told;
        this.enter('ending');
        this.checkEnding(now);
        return true;
    }

    next(now: number): boolean {
        if (!this.hasPair()) return false;
        const told = this.ended('next');
        this.dropPair(603);
        this.state = 'waiting';
        this.tell(told);
        this.failedSetups = 0;
        this.retryAtMs = now;
        this.enterWaiting(now, true);
        this.pump(now);
        return true;
    }

    logout(now: number): boolean {
        if (this.state === 'logged_out' || this.loggingOut) return false;
        if (this.state === 'waiting') this.stopWaiting();
        const told = this.draw ? this.ended('hung_up') : this.pendingEnd;
        this.dropPair(603);
        this.pendingEnd = null;
        this.loggingOut = true;
        this.registered = false;
        if (told) this.tell(told);
        this.enter('ending');
        this.queue.push({ do: 'sip-stop' });
        this.endDueMs = now + T.LOGOUT_MS;
        this.checkEnding(now);
        return true;
    }

    /* --- time --- */

    nextMs(): number {
        const all = [this.pumpMs()];
        if (this.isFirstRegister()) all.push(this.loginDueMs);
        if (this.state === 'waiting') all.push(this.secondMs);
        if (this.state === 'idle') all.push(this.leaveAgainMs);
        if (this.keptCall) all.push(this.keptDueMs);
        if (this.state === 'connecting' || this.state === 'reconnecting') all.push(this.pairDueMs);
        if (this.isUncalled() && !this.askSeq) all.push(this.askAtMs);
        if (this.state === 'ending') all.push(this.endDueMs);
        return Math.min(...all);
    }

    tick(now: number): void {
        if (this.isFirstRegister() && now >= this.loginDueMs) {
            this.error('sip_failed');
            this.logout(now);
        }
        if (this.state === 'waiting' && now >= this.secondMs) {
            if (!this.toldUnreachable) this.tellWaiting(now, false);
            this.secondMs += 1000 * (Math.floor((now - this.secondMs) / 1000) + 1);
        }
        if (this.keptCall && now >= this.keptDueMs) this.refuseKept(480);
        if (this.state === 'idle' && now >= this.leaveAgainMs) this.sendLeave(now);
        if (now >= this.pairDueMs) {
            if (this.state === 'reconnecting') this.endToIdle('lost', 480, now);
            else if (this.state === 'connecting') this.endToWaiting(this.callUp ? 'no_path' : 'no_answer', 480, now);
        }
        if (this.isUncalled() && !this.askSeq && now >= this.askAtMs) {
            this.askSeq = ++this.seq;
            this.queue.push({ do: 'me', seq: this.askSeq });
        }
        this.checkEnding(now);
        this.pump(now);
    }

    /* --- answers of the API --- */

    loginDone(seq: number, name: string, exten: string, now: number): void {
        if (seq === 0 || seq !== this.loginSeq) return;
        this.loginSeq = 0;
        this.haveLogin = this.untoldLogin = true;
        this.toLeave = null;
        this.leaveSeq = 0;
        this.name = name;
        this.exten = exten;
        if (this.state === 'ending') {
            this.checkEnding(now);
            return;
        }
        this.loginDueMs = now + T.FIRST_LOGIN_MS;
        this.queue.push({ do: 'register' });
    }

    /** The login of before is good; `pair` is one that the server still has for it, and that is over here. */
    meDone(seq: number, pair: string | null, now: number): void {
        if (this.askedDone(seq, now)) {
            if (this.isUncalled() && pair !== this.draw?.pair) this.endToWaiting('undone', 480, now);
            return;
        }
        if (seq === 0 || seq !== this.loginSeq) return;
        this.loginDone(seq, this.name, this.exten, now);
        if (pair === null || !this.haveLogin) return;
        this.toLeave = pair;
        this.sendLeave(now);
    }

    loginFailed(seq: number, fault: T.Fault, now: number): void {
        if (seq === 0 || seq !== this.loginSeq) return;
        this.loginSeq = 0;
        const again = fault.kind === 'unreachable' || fault.kind === 'slow_down';
        if (this.state === 'ending') {
            this.checkEnding(now);
        } else if (this.firstLogin || !again) {
            if (this.state === 'waiting') this.stopWaiting();
            this.tellFault(fault, 'login');
            this.becomeLoggedOut();
        } else {
            if (fault.kind === 'unreachable') this.tellUnreachable();
            this.backoff(this.retries++, now);
            this.retryAtMs += 1000 * fault.retryAfterS;
        }
    }

    /** The login of before is gone: made anew under the same name, once. */
    meFailed(seq: number, fault: T.Fault, now: number): void {
        if (this.askedDone(seq, now)) return; // what is wrong is told by who asks for more than this
        if (seq === 0 || seq !== this.loginSeq) return;
        if (fault.kind !== 'unauthorized' || this.state === 'ending') {
            this.loginFailed(seq, fault, now);
            return;
        }
        this.loginSeq = 0;
        this.pump(now);
    }

    private askedDone(seq: number, now: number): boolean {
        if (seq === 0 || seq !== this.askSeq) return false;
        this.askSeq = 0;
        this.askAtMs = now + T.SOON_MS;
        return true;
    }

    drawn(seq: number, draw: T.Draw, now: number): void {
        if (seq === 0 || seq !== this.turnSeq) {
            const current = this.draw?.pair === draw.pair;
            if (current || this.state === 'ending' || this.state === 'logged_out') return;
            // An answer that crossed the user's cancelling: the partner is told at once rather than by a time-out.
            this.queue.push({ do: 'leave', seq: ++this.seq, pair: draw.pair });
            return;
        }
        this.turnSeq = 0;
        this.toLeave = null;
        this.heard();
        this.beginPair(draw, now);
    }

    stillWaiting(seq: number, ready: number, online: number, now: number): void {
        if (seq === 0 || seq !== this.turnSeq) return;
        this.turnSeq = 0;
        this.toLeave = null;
        this.heard();
        this.counted = true;
        this.ready = ready;
        this.online = online;
        this.tellWaiting(now, true);
        if (this.longAskedMs !== 0 && now - this.longAskedMs < T.SOON_MS) this.retryAtMs = now + T.SOON_MS;
        this.pump(now);
    }

    /** How many wait and are online, as anybody may ask: told while waiting. */
    count(ready: number, online: number, now: number): void {
        if (this.state !== 'waiting' || (this.ready === ready && this.online === online)) return;
        this.ready = ready;
        this.online = online;
        this.tellWaiting(now, true);
    }

    turnFailed(seq: number, fault: T.Fault, now: number): void {
        if (seq === 0 || seq !== this.turnSeq) return;
        this.turnSeq = 0;
        if (fault.kind === 'unreachable') {
            this.tellUnreachable();
            this.backoff(this.retries++, now);
        } else if (fault.kind === 'unauthorized') {
            this.loseLogin(now);
        } else if (fault.kind === 'slow_down') {
            if (!this.toldSlow) this.tellFault(fault, 'turn');
            this.toldSlow = true;
            this.backoff(0, now);
            this.retryAtMs += 1000 * fault.retryAfterS;
        } else {
            this.turnRefused(fault, now);
        }
    }

    /** LEAVE was answered; without fault: with success. */
    left(seq: number, fault: T.Fault | null, now: number): void {
        if (seq === 0 || seq !== this.leaveSeq) return;
        this.leaveSeq = 0;
        if (fault?.pair !== undefined && fault.pair !== this.toLeave && this.haveLogin && !this.draw) {
            this.toLeave = fault.pair; // the draw was quicker than the leaving
            this.sendLeave(now);
            return;
        }
        if (fault?.kind === 'unreachable') this.leaveAgainMs = now + T.LEAVE_MS;
        else this.tellReachable();
        if (!fault || fault.kind === 'refused') this.toLeave = null;
        else if (fault.kind === 'unauthorized' && this.haveLogin && this.state !== 'ending') this.loseLogin(now);
        else if (fault.kind === 'unauthorized') this.haveLogin = false;
        this.pump(now);
    }

    loggedOut(seq: number, now: number): void {
        if (seq === 0 || seq !== this.logoutSeq) return;
        this.logoutSeq = 0;
        this.checkEnding(now);
    }

    /* --- the user agent --- */

    registeredNow(now: number): void {
        if (!this.haveLogin || this.state === 'ending' || this.registered) return;
        this.registered = true;
        this.tellReachable();
        if (this.draw) return;
        if (this.state === 'logging_in') this.enter('idle');
        this.firstLogin = false;
        if (this.untoldLogin) {
            this.untoldLogin = false;
            this.tell({ event: 'logged-in', name: this.name, exten: this.exten });
        }
        if (this.state === 'idle') this.retries = 0;
        this.pump(now);
    }

    /** code: the final answer, 0 or 408 where there was none: the user agent goes on trying. */
    registerFailed(code: number, now: number): void {
        if (!this.haveLogin || this.state === 'ending') return;
        const denied = code === 401 || code === 403 || code === 404 || code === 407;
        if (this.state === 'logging_in' && this.firstLogin) {
            if (!denied && (code < 400 || code === 408 || code >= 500)) return; // up to loginDueMs
            this.error('sip_failed');
            this.logout(now);
            return;
        }
        this.registered = false;
        if (denied) this.loseLogin(now);
        else if (!this.draw) this.tellUnreachable();
    }

    /** The way to the server is gone, and with it what was asked by it; the user agent connects anew, and what is due follows that. */
    pathLost(): void {
        if (this.state !== 'waiting' || !this.turnSeq) return;
        this.queue.push({ do: 'break' });
        this.turnSeq = 0;
        this.registered = false;
    }

    /** A number for a call that came in. */
    newIncoming(): number {
        return ++this.calls * 2 + 1;
    }

    /** INVITE. from: user part of From, decoded. */
    incoming(call: number, from: string, now: number): void {
        if (this.state === 'waiting') {
            this.refuseKept(480); // one call a pair: the older one belongs to a pair that is over
            this.keptCall = call;
            this.keptFrom = from;
            this.keptDueMs = now + T.KEEP_CALL_MS;
        } else if (this.state === 'connecting' && this.draw?.caller === false && !this.call && this.fromPartner(from)) {
            this.takeCall(call);
        } else {
            this.queue.push({ do: 'refuse', call, code: this.draw ? 403 : 480 });
        }
    }

    /** Caller: 2xx; callee: ACK. */
    callIsUp(call: number, now: number): void {
        if (!call) return;
        if (call !== this.call) {
            this.queue.push({ do: 'hangup', call }); // it crossed our hanging up
            return;
        }
        if (this.callUp) return;
        this.callUp = this.callAnswered = true;
        if (this.state === 'connecting') this.pairDueMs = now + T.CONNECT_MS;
        if (this.draw?.caller) this.queue.push({ do: 'link-remote', call });
    }

    callFailed(call: number, code: number, now: number): void {
        if (call && call === this.keptCall) this.keptCall = 0;
        if (!call || call !== this.call) return;
        this.call = 0;
        if (this.state === 'connecting') this.endToWaiting(T.reasonOf(code), 480, now);
    }

    /** BYE or CANCEL arrived. silentMs: since the partner was last heard on the link. byServer: it goes down, nobody has hung up. */
    callEnded(call: number, silentMs: number, now: number, byServer = false): void {
        if (call && call === this.keptCall) this.keptCall = 0;
        if (!call || call !== this.call) return;
        this.call = 0;
        if (this.state === 'connecting') this.endToWaiting(byServer ? 'server' : 'undone', 480, now);
        else if (byServer) this.endToIdle('server', 480, now);
        else this.endToIdle(this.state === 'reconnecting' || silentMs >= T.QUIET_MS ? 'lost' : 'partner_left', 480, now);
    }

    /* --- the link --- */

    /** Its description can be taken. */
    linkReady(): void {
        if (this.link !== 'made' || this.state !== 'connecting' || !this.draw) return;
        if (!this.draw.caller) {
            if (!this.call || this.callAnswered) return;
            this.callAnswered = true;
            this.queue.push({ do: 'answer', call: this.call });
        } else if (!this.call) {
            this.call = ++this.calls * 2;
            this.queue.push({ do: 'dial', call: this.call, exten: this.draw.exten });
        }
    }

    linkSecure(): void {
        if (this.link !== 'made' || this.state !== 'connecting' || !this.draw) return;
        this.callUp = this.callAnswered = true; // the ACK may be slower than the link
        this.link = 'secure';
        this.failedSetups = 0;
        this.enter('talking');
        this.tell({ event: 'secure', name: this.draw.name });
    }

    linkSilent(on: boolean, now: number): void {
        if (this.state !== (on ? 'talking' : 'reconnecting')) return;
        this.pairDueMs = now + T.SILENT_MS;
        this.enter(on ? 'reconnecting' : 'talking');
        this.tell({ event: 'reconnecting', on });
    }

    linkClosed(why: T.LinkEnd, now: number): void {
        if (this.link === 'none') return;
        const connecting = this.state === 'connecting';
        this.link = 'made'; // over: destroyed without a bye
        if (why === 'no_relay') this.error('no_relay');
        if (connecting && (why === 'no_path' || why === 'lost')) this.endToWaiting('no_path', 480, now);
        else if (connecting && why === 'remote_bye') this.endToWaiting('undone', 480, now);
        else this.endToIdle(T.REASONS[why], why === 'protocol' && connecting ? 488 : 480, now);
    }

    /** One after link-bye is gone. */
    linkGone(now: number): void {
        this.closing = Math.max(0, this.closing - 1);
        this.checkEnding(now);
    }
}
