/* The inside of the conversation machine: what it remembers, the requests that are due, and a pair's beginning and end. What is handed in
 * is in turn.ts. */
import * as T from './turn_types.js';

export class TurnCore {
    state: T.State = 'logged_out';
    name = '';
    exten = '';
    protected queue: T.Action[] = [];
    protected seq = 0;
    protected calls = 0;

    protected firstLogin = false; // nobody was told of the login since the user's wish
    protected untoldLogin = false;
    protected haveLogin = false; // the token is good as far as known
    protected registered = false;
    protected loginSeq = 0;
    protected turnSeq = 0;
    protected leaveSeq = 0;
    protected logoutSeq = 0;
    protected loginDueMs = 0;
    protected leaveDueMs = 0;
    protected leaveAgainMs = Infinity; // in idle, where no draw would carry it
    protected retryAtMs = 0;
    protected retries = 0;
    protected toldUnreachable = false;
    protected toldSlow = false;

    protected waitSinceMs = 0;
    protected secondMs = 0;
    protected longAskedMs = 0;
    protected counted = false;
    protected ready = 0;
    protected online = 0;
    protected keptCall = 0;
    protected keptFrom = '';
    protected keptDueMs = 0;
    protected toLeave: string | null = null; // the server may not know yet that this pair is over

    protected draw: T.Draw | null = null;
    protected call = 0;
    protected callAnswered = false;
    protected callUp = false;
    protected link: 'none' | 'made' | 'secure' = 'none';
    protected pairDueMs = 0;
    protected askSeq = 0; // whether the pair is still there
    protected askAtMs = 0;
    protected failedSetups = 0;

    protected closing = 0; // links that say bye
    protected loggingOut = false;
    protected endDueMs = 0;

    constructor(private readonly random: () => number = Math.random) {}

    take(): T.Action[] {
        const out = this.queue;
        this.queue = [];
        return out;
    }

    /** The pair, during one. */
    get pair(): string | null {
        return this.draw?.pair ?? null;
    }

    /** The call, 0: none. */
    get callNumber(): number {
        return this.call;
    }

    get partner(): string {
        return this.draw?.name ?? '';
    }

    /* --- inside: states --- */

    protected pendingEnd: T.Told | null = null; // told once `ending` is over

    protected tell(told: T.Told): void {
        this.queue.push({ do: 'tell', told });
    }

    protected error(code: string, fault?: T.Fault): void {
        this.tell({ event: 'error', code, ...(fault ? { fault } : {}) });
    }

    protected enter(state: T.State): void {
        if (this.state === state) return;
        this.state = state;
        this.tell({ event: 'state', state });
    }

    protected ended(reason: string): T.Told {
        return { event: 'ended', reason, name: this.draw?.name ?? '', pair: this.draw?.pair ?? '', talked: this.link === 'secure' };
    }

    protected hasPair(): boolean {
        return this.state === 'connecting' || this.state === 'talking' || this.state === 'reconnecting';
    }

    /** Drawn as the callee, and nobody has called yet: a caller who leaves now is told of by the server alone. */
    protected isUncalled(): boolean {
        return this.state === 'connecting' && this.draw?.caller === false && !this.call;
    }

    protected isFirstRegister(): boolean {
        return this.state === 'logging_in' && this.firstLogin && this.haveLogin;
    }

    protected home(): T.State {
        return this.haveLogin ? 'idle' : 'logging_in';
    }

    protected enterIdle(): void {
        this.failedSetups = 0;
        this.enter(this.home());
    }

    protected enterWaiting(now: number, forced = false): void {
        this.waitSinceMs = now;
        this.secondMs = now + 1000;
        this.counted = this.toldSlow = false;
        if (forced) this.tell({ event: 'state', state: 'waiting' });
        else this.enter('waiting');
        this.tellWaiting(now, false);
    }

    protected tellWaiting(now: number, counted: boolean): void {
        const elapsedS = Math.floor((now - this.waitSinceMs) / 1000);
        this.tell({ event: 'waiting', ready: this.ready, online: this.online, elapsedS, counted });
    }

    protected checkEnding(now: number): void {
        if (this.state !== 'ending') return;
        if (this.loggingOut) {
            this.checkLogout(now);
            return;
        }
        if (this.closing > 0 && now < this.endDueMs) return;
        this.failedSetups = 0;
        this.state = this.home();
        if (this.pendingEnd) this.tell(this.pendingEnd);
        this.pendingEnd = null;
        this.tell({ event: 'state', state: this.state });
        this.pump(now);
    }

    protected checkLogout(now: number): void {
        // The login under way is awaited, for only its answer holds the token to log out with.
        if (this.haveLogin && !this.logoutSeq && !this.loginSeq) {
            this.haveLogin = false;
            this.logoutSeq = ++this.seq;
            this.queue.push({ do: 'logout', seq: this.logoutSeq });
        }
        const through = !this.loginSeq && !this.logoutSeq && this.closing === 0;
        if (through || now >= this.endDueMs) this.becomeLoggedOut();
    }

    protected becomeLoggedOut(): void {
        const wasIn = !this.firstLogin || this.loggingOut;
        this.queue.push({ do: 'sip-stop' }, { do: 'forget' });
        this.haveLogin = this.registered = this.loggingOut = this.toldUnreachable = this.toldSlow = false;
        this.toLeave = null;
        this.loginSeq = this.turnSeq = this.leaveSeq = this.logoutSeq = 0;
        this.failedSetups = this.retries = this.closing = 0;
        this.leaveAgainMs = Infinity;
        this.enter('logged_out');
        if (wasIn) this.tell({ event: 'logged-out' });
    }

    /* --- inside: requests --- */

    protected due(): 'login' | 'turn' | null {
        if (this.state !== 'logging_in' && this.state !== 'idle' && this.state !== 'waiting') return null;
        if (!this.haveLogin) return this.loginSeq === 0 ? 'login' : null;
        return this.state === 'waiting' && this.registered && this.turnSeq === 0 ? 'turn' : null;
    }

    protected pumpMs(): number {
        const due = this.due();
        if (!due) return Infinity;
        const held = due === 'turn' && this.leaveSeq !== 0; // a DELETE under way goes first
        return held ? Math.max(this.retryAtMs, this.leaveDueMs) : this.retryAtMs;
    }

    protected pump(now: number): void {
        const due = this.due();
        if (!due || now < this.pumpMs()) return;
        if (due === 'login') {
            this.loginSeq = ++this.seq;
            this.queue.push({ do: 'login', seq: this.loginSeq, name: this.name });
            return;
        }
        this.turnSeq = ++this.seq;
        const long = this.counted && !this.toldUnreachable;
        this.longAskedMs = long ? now : 0;
        const leave = this.toLeave === null ? {} : { leave: this.toLeave };
        this.queue.push({ do: 'turn', seq: this.turnSeq, waitS: long ? T.WAIT_S : T.WAIT_FIRST_S, ...leave });
    }

    protected backoff(attempt: number, now: number): void {
        const delay = attempt < 4 ? T.RETRY_MIN_MS << attempt : T.RETRY_MAX_MS;
        this.retryAtMs = now + delay * (0.75 + this.random() / 4);
    }

    protected heard(): void {
        this.tellReachable();
        this.retries = 0;
    }

    protected tellReachable(): void {
        if (this.toldUnreachable) this.tell({ event: 'reachable' });
        this.toldUnreachable = false;
    }

    protected tellUnreachable(): void {
        if (!this.toldUnreachable) this.error('server_unreachable');
        this.toldUnreachable = true;
    }

    protected tellFault(fault: T.Fault, at: 'login' | 'turn'): void {
        if (fault.kind === 'unreachable' && at === 'login') this.error(fault.code === 'full' ? 'full' : 'no_server', fault);
        else if (fault.kind === 'unreachable') this.error('server_unreachable', fault);
        else if (fault.kind === 'slow_down') this.error('slow_down', fault);
        else if (fault.kind === 'unauthorized') this.error('unauthorized', fault);
        else this.error(fault.code || 'internal', fault);
    }

    protected sendLeave(now: number): void {
        if (!this.haveLogin) return;
        this.leaveSeq = ++this.seq;
        this.queue.push({ do: 'leave', seq: this.leaveSeq, ...(this.toLeave === null ? {} : { pair: this.toLeave }) });
        this.leaveDueMs = now + T.LEAVE_MS;
        this.leaveAgainMs = Infinity;
    }

    protected stopWaiting(): void {
        if (this.turnSeq) this.queue.push({ do: 'break' });
        this.turnSeq = 0;
        this.refuseKept(480);
    }

    protected turnRefused(fault: T.Fault, now: number): void {
        if (fault.code === 'in_talk') {
            this.toLeave = null; // whatever pair the server still sees, it is over here
            this.sendLeave(now);
            this.backoff(this.retries++, now);
        } else if (fault.code === 'superseded' || fault.code === 'left') { // by a DELETE of before that came later than this request
            this.backoff(this.retries++, now);
        } else {
            this.stopWaiting();
            this.tellFault(fault, 'turn');
            this.enterIdle();
        }
    }

    /** The server does not know the login any more: made anew at once, or after the talk. */
    protected loseLogin(now: number): void {
        this.haveLogin = this.registered = false;
        this.toLeave = null;
        this.leaveSeq = 0;
        this.retryAtMs = now;
        if (this.retries++ > 0) this.backoff(this.retries - 2, now);
        if (this.state === 'waiting' && this.turnSeq) {
            this.queue.push({ do: 'break' });
            this.turnSeq = 0;
        }
        if (this.state === 'idle') this.enter('logging_in');
        this.pump(now);
    }

    /* --- inside: the pair --- */

    protected fromPartner(from: string): boolean {
        return !this.draw?.exten || from === this.draw.exten || from === this.draw.name;
    }

    protected takeCall(call: number): void {
        this.call = call;
        this.queue.push({ do: 'link-remote', call });
    }

    protected refuseKept(code: number): void {
        if (this.keptCall) this.queue.push({ do: 'refuse', call: this.keptCall, code });
        this.keptCall = 0;
    }

    protected beginPair(draw: T.Draw, now: number): void {
        this.draw = draw;
        this.leaveSeq = 0;
        this.call = 0;
        this.callAnswered = this.callUp = false;
        this.pairDueMs = now + (draw.connectS > 0 && draw.connectS <= 120 ? 1000 * draw.connectS : T.CONNECT_MS);
        this.askSeq = 0;
        this.askAtMs = now + T.SOON_MS;
        this.enter('connecting');
        this.tell({ event: 'drawn', name: draw.name, caller: draw.caller });
        this.link = 'made';
        this.queue.push({ do: 'link-create', draw });
        if (!this.keptCall) return;
        if (draw.caller || !this.fromPartner(this.keptFrom)) {
            this.refuseKept(403);
            return;
        }
        const call = this.keptCall;
        this.keptCall = 0;
        this.takeCall(call);
    }

    protected dropPair(refuseCode: number): void {
        if (!this.draw) return;
        if (this.link === 'secure') this.closing++;
        if (this.link !== 'none') this.queue.push({ do: this.link === 'secure' ? 'link-bye' : 'link-destroy' });
        this.link = 'none';
        if (this.call) {
            const unanswered = T.isIncoming(this.call) && !this.callAnswered;
            this.queue.push(unanswered ? { do: 'refuse', call: this.call, code: refuseCode } : { do: 'hangup', call: this.call });
        }
        this.call = 0;
        this.callAnswered = this.callUp = false;
        this.toLeave = this.haveLogin ? this.draw.pair : null;
        this.draw = null;
    }

    /** The pair ended, but not by the user's wish: back on the main page. */
    protected endToIdle(reason: string, refuseCode: number, now: number): void {
        const talked = this.state === 'talking' || this.state === 'reconnecting';
        const told = { ...this.ended(reason), talked } as T.Told;
        this.dropPair(refuseCode);
        this.sendLeave(now);
        this.failedSetups = 0;
        this.state = this.home();
        this.tell(told);
        this.tell({ event: 'state', state: this.state });
        this.retryAtMs = now;
        this.pump(now);
    }

    /** There was no talk yet and nobody wished the end: drawn again by himself, the first time at once. */
    protected endToWaiting(reason: string, refuseCode: number, now: number): void {
        const told = this.ended(reason);
        this.dropPair(refuseCode);
        this.state = 'waiting';
        this.tell(told);
        this.retryAtMs = now;
        if (this.failedSetups++ > 0) this.backoff(this.failedSetups - 2, now);
        this.enterWaiting(now, true);
        this.pump(now);
    }
}
