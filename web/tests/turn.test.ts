import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turn, type Action, type Draw, type Fault, type Told } from '../src/core/turn.js';

const PAIR = 'ab'.repeat(16), OTHER = 'cd'.repeat(16);
const draw = (caller: boolean, pair = PAIR): Draw =>
    ({ pair, caller, name: 'dwa', exten: '111001', connectS: 15, link: 'gcm', iceServers: [], relayOnly: false });
const fault = (kind: Fault['kind'], code = '', more: Partial<Fault> = {}): Fault => ({ kind, code, text: '', retryAfterS: 0, ...more });

/** A machine and what came out of it. */
class Bench {
    readonly turn = new Turn(() => 0);
    readonly told: Told[] = [];
    now = 0;

    /** The actions, but for what was told. */
    take(): Action[] {
        const all = this.turn.take();
        for (const a of all) if (a.do === 'tell') this.told.push(a.told);
        return all.filter((a) => a.do !== 'tell');
    }

    kinds(): string[] {
        return this.take().map((a) => a.do);
    }

    one<K extends Action['do']>(kind: K): Extract<Action, { do: K }> {
        const found = this.take().filter((a) => a.do === kind);
        assert.equal(found.length, 1, `one ${kind}`);
        return found[0] as Extract<Action, { do: K }>;
    }

    pass(ms: number): void {
        this.now += ms;
        this.turn.tick(this.now);
    }

    ended(): string[] {
        return this.told.flatMap((t) => (t.event === 'ended' ? [t.reason] : []));
    }

    errors(): string[] {
        return this.told.flatMap((t) => (t.event === 'error' ? [t.code] : []));
    }

    logIn(): void {
        assert.ok(this.turn.login('jeden', this.now));
        this.turn.loginDone(this.one('login').seq, 'jeden', '111000', this.now);
        assert.deepEqual(this.kinds(), ['register']);
        this.turn.registeredNow(this.now);
        this.take();
        assert.equal(this.turn.state, 'idle');
    }

    pair(caller: boolean): void {
        assert.ok(this.turn.sayReady(this.now));
        this.turn.drawn(this.one('turn').seq, draw(caller), this.now);
        assert.deepEqual(this.kinds(), ['link-create']);
    }

    /** Talking, as the caller; the call's number. */
    talk(): number {
        this.logIn();
        this.pair(true);
        this.turn.linkReady();
        const { call } = this.one('dial');
        this.turn.callIsUp(call, this.now);
        assert.deepEqual(this.kinds(), ['link-remote']);
        this.turn.linkSecure();
        this.take();
        assert.equal(this.turn.state, 'talking');
        return call;
    }
}

test('the caller dials when his description is ready; the callee answers', () => {
    const a = new Bench();
    const call = a.talk();
    assert.ok(call > 0 && call % 2 === 0);
    const b = new Bench();
    b.logIn();
    b.pair(false);
    const incoming = b.turn.newIncoming();
    b.turn.incoming(incoming, '111001', 0);
    assert.deepEqual(b.take(), [{ do: 'link-remote', call: incoming }]);
    b.turn.linkReady();
    assert.deepEqual(b.take(), [{ do: 'answer', call: incoming }]);
    b.turn.linkReady(); // once only
    assert.deepEqual(b.take(), []);
});

test('hanging up ends call and link together, says bye, and tells once the link is gone', () => {
    const b = new Bench();
    const call = b.talk();
    assert.ok(b.turn.hangUp(0));
    assert.deepEqual(b.take().map((a) => [a.do, 'call' in a ? a.call : 0]), [['link-bye', 0], ['hangup', call], ['leave', 0]]);
    assert.equal(b.turn.state, 'ending');
    b.turn.linkGone(10);
    b.take();
    assert.equal(b.turn.state, 'idle');
    assert.deepEqual(b.ended(), ['hung_up']);
});

test('a link that never confirms its bye holds nobody for more than 1.2 s', () => {
    const b = new Bench();
    b.talk();
    b.turn.hangUp(0);
    b.pass(1_199);
    assert.equal(b.turn.state, 'ending');
    b.pass(1);
    assert.equal(b.turn.state, 'idle');
});

test('next leaves and draws in one request', () => {
    const b = new Bench();
    b.talk();
    assert.ok(b.turn.next(0));
    const out = b.take();
    assert.deepEqual(out.map((a) => a.do), ['link-bye', 'hangup', 'turn']);
    assert.equal((out[2] as { leave?: string }).leave, PAIR);
    assert.deepEqual(b.ended(), ['next']);
});

test('the partner leaves by bye, by BYE, or is lost; or the server goes down', () => {
    for (const [how, reason] of [
        [(b: Bench): void => b.turn.linkClosed('remote_bye', 0), 'partner_left'], [(b: Bench, c: number): void => b.turn.callEnded(c, 100, 0), 'partner_left'],
        [(b: Bench, c: number): void => b.turn.callEnded(c, 3_000, 0), 'lost'], [(b: Bench, c: number): void => b.turn.callEnded(c, 3_000, 0, true), 'server'], [(b: Bench): void => b.turn.linkClosed('protocol', 0), 'protocol'],
        [(b: Bench): void => b.turn.linkClosed('sas_failed', 0), 'sas_failed'],
    ] as [(b: Bench, c: number) => void, string][]) {
        const b = new Bench();
        how(b, b.talk());
        const left = b.kinds();
        assert.ok(left.includes('leave'));
        assert.deepEqual(b.ended(), [reason]);
        assert.equal(b.turn.state, 'idle');
    }
});

test('silence: reconnecting, heard again, or lost after 15 s', () => {
    const b = new Bench();
    b.talk();
    b.turn.linkSilent(true, 0);
    assert.equal(b.turn.state, 'reconnecting');
    b.turn.linkSilent(false, 5_000);
    assert.equal(b.turn.state, 'talking');
    b.now = 6_000;
    b.turn.linkSilent(true, b.now);
    b.pass(14_999);
    assert.equal(b.turn.state, 'reconnecting');
    b.pass(1);
    b.take();
    assert.deepEqual(b.ended(), ['lost']);
});

test('a BYE while silent is a loss', () => {
    const b = new Bench();
    const call = b.talk();
    b.turn.linkSilent(true, 0);
    b.turn.callEnded(call, 3_500, 0);
    b.take();
    assert.deepEqual(b.ended(), ['lost']);
});

test('losing the server ends no talk; the login is made anew after it', () => {
    const b = new Bench();
    const call = b.talk();
    b.turn.registerFailed(0, 0);
    b.turn.registerFailed(403, 0);
    b.turn.callFailed(call, 0, 0);
    assert.deepEqual(b.kinds(), []);
    assert.equal(b.turn.state, 'talking');
    b.turn.linkClosed('remote_bye', 0);
    const after = b.kinds();
    assert.ok(after.includes('login') && !after.includes('leave'));
    assert.equal(b.turn.state, 'logging_in');
});

test('a setup that fails is drawn again: at once, then with pauses', () => {
    const b = new Bench();
    b.logIn();
    b.pair(true);
    b.turn.linkReady();
    b.turn.callFailed(b.one('dial').call, 480, 0);
    const again = b.take();
    assert.deepEqual(b.ended(), ['no_answer']);
    assert.deepEqual(again.map((a) => a.do), ['link-destroy', 'turn']);
    assert.equal((again[1] as { leave?: string }).leave, PAIR);
    b.turn.drawn((again[1] as { seq: number }).seq, draw(true, OTHER), 0);
    b.turn.linkClosed('no_path', 0);
    assert.ok(!b.kinds().includes('turn'), 'not at once the second time');
    b.pass(500);
    assert.equal(b.one('turn').leave, OTHER);
});

test('no call, or no secure link, in time', () => {
    const b = new Bench();
    b.logIn();
    b.pair(true);
    b.pass(15_000);
    b.take();
    assert.deepEqual(b.ended(), ['no_answer']);
});

test('a callee who is not called asks whether the pair is still there', () => {
    const b = new Bench();
    b.logIn();
    b.pair(false);
    b.pass(999);
    assert.deepEqual(b.kinds(), []);
    b.pass(1);
    b.turn.meDone(b.one('me').seq, PAIR, b.now);
    assert.equal(b.turn.state, 'connecting');
    b.pass(1_000);
    b.turn.meFailed(b.one('me').seq, fault('unreachable'), b.now);
    b.pass(1_000);
    const { seq } = b.one('me');
    b.turn.meDone(seq, null, b.now);
    assert.deepEqual(b.kinds(), ['link-destroy', 'turn']);
    assert.deepEqual(b.ended(), ['undone']);
    b.turn.meDone(seq, null, b.now);
    assert.equal(b.turn.state, 'waiting');
});

test('called while it is asked: the answer is of before', () => {
    const b = new Bench();
    b.logIn();
    b.pair(false);
    b.pass(1_000);
    const { seq } = b.one('me');
    b.turn.incoming(b.turn.newIncoming(), '111001', b.now);
    b.turn.meDone(seq, null, b.now);
    b.pass(5_000);
    assert.deepEqual(b.kinds(), ['link-remote']);
    assert.equal(b.turn.state, 'connecting');
});

test('cancelling: the held request is given up, and a draw that crossed it is left', () => {
    const b = new Bench();
    b.logIn();
    b.turn.sayReady(0);
    const { seq } = b.one('turn');
    assert.ok(b.turn.cancel(0));
    const out = b.take();
    assert.deepEqual(out.map((a) => a.do), ['break', 'leave']);
    assert.equal(b.turn.state, 'idle');
    b.turn.drawn(seq, draw(true), 0);
    assert.equal(b.one('leave').pair, PAIR);
    b.turn.left((out[1] as { seq: number }).seq, fault('refused', 'paired', { pair: OTHER }), 0);
    assert.equal(b.one('leave').pair, OTHER);
});

test('an INVITE before its draw is kept; a stranger’s is refused', () => {
    const b = new Bench();
    b.logIn();
    b.turn.sayReady(0);
    const turn = b.one('turn');
    b.turn.incoming(1, '111001', 0);
    b.turn.drawn(turn.seq, draw(false), 0);
    assert.deepEqual(b.kinds(), ['link-create', 'link-remote']);
    b.turn.incoming(3, '111001', 0);
    assert.deepEqual(b.take(), [{ do: 'refuse', call: 3, code: 403 }]);
    const c = new Bench();
    c.logIn();
    c.turn.incoming(1, '111001', 0);
    assert.deepEqual(c.take(), [{ do: 'refuse', call: 1, code: 480 }]);
    c.turn.sayReady(0);
    c.take();
    c.turn.incoming(3, '111001', 0);
    c.pass(3_000);
    assert.ok(c.take().some((a) => a.do === 'refuse' && a.call === 3));
});

test('what belongs to a call that is over changes nothing', () => {
    const b = new Bench();
    const call = b.talk();
    b.turn.next(0);
    b.take();
    b.turn.callEnded(call, 0, 0);
    b.turn.callFailed(call, 487, 0);
    b.turn.linkClosed('remote_bye', 0);
    assert.equal(b.turn.state, 'waiting');
    assert.deepEqual(b.ended(), ['next']);
    b.turn.callIsUp(call, 0); // its 200 crossed our hanging up
    assert.deepEqual(b.take(), [{ do: 'hangup', call }]);
});

test('a taken name, and a suspension', () => {
    const b = new Bench();
    b.turn.login('jeden', 0);
    b.turn.loginFailed(b.one('login').seq, fault('refused', 'name_taken'), 0);
    b.take();
    assert.deepEqual(b.errors(), ['name_taken']);
    assert.equal(b.turn.state, 'logged_out');
    const c = new Bench();
    c.logIn();
    c.turn.sayReady(0);
    c.turn.turnFailed(c.one('turn').seq, fault('refused', 'suspended', { retryAfterS: 600 }), 0);
    c.take();
    assert.deepEqual(c.errors(), ['suspended']);
    assert.equal(c.turn.state, 'idle');
});

test('a cancelling that comes later than the next wait does not end it', () => {
    const b = new Bench();
    b.logIn();
    b.turn.sayReady(0);
    b.turn.turnFailed(b.one('turn').seq, fault('refused', 'left'), 0);
    b.take();
    assert.deepEqual(b.errors(), []);
    assert.equal(b.turn.state, 'waiting');
});

test('while waiting the server goes away and comes back without knowing us', () => {
    const b = new Bench();
    b.logIn();
    b.turn.sayReady(0);
    b.turn.turnFailed(b.one('turn').seq, fault('unreachable'), 0);
    b.take();
    b.pass(500);
    b.turn.turnFailed(b.one('turn').seq, fault('unreachable'), b.now);
    b.take();
    assert.deepEqual(b.errors(), ['server_unreachable'], 'told once');
    b.pass(2_000);
    b.turn.turnFailed(b.one('turn').seq, fault('unauthorized'), b.now);
    b.take();
    b.pass(5_000);
    b.turn.loginDone(b.one('login').seq, 'jeden', '111007', b.now);
    b.take();
    b.turn.registeredNow(b.now);
    assert.ok(b.kinds().includes('turn'));
    assert.equal(b.turn.state, 'waiting');
});

test('that the server can be reached again is told, whoever finds out', () => {
    const back = (b: Bench): number => b.told.filter((t) => t.event === 'reachable').length;
    const b = new Bench();
    b.logIn();
    b.turn.registerFailed(0, 0);
    b.turn.registeredNow(0);
    b.take();
    assert.deepEqual([b.errors(), back(b)], [['server_unreachable'], 1]);
    b.turn.sayReady(0);
    b.turn.turnFailed(b.one('turn').seq, fault('unreachable'), 0);
    b.take();
    b.turn.cancel(0);
    b.turn.left(b.one('leave').seq, null, 0);
    b.take();
    assert.equal(back(b), 2, 'the answer to the leaving');
    b.turn.sayReady(0);
    b.turn.turnFailed(b.one('turn').seq, fault('unreachable'), 0);
    b.pass(500);
    b.turn.stillWaiting(b.one('turn').seq, 1, 2, b.now);
    b.take();
    assert.equal(back(b), 3);
});

test('leaving is repeated until the server has answered, and not beside a draw', () => {
    const b = new Bench();
    b.talk();
    b.turn.callEnded(2, 0, 0);
    for (let i = 0; i < 2; i++) {
        const { seq, pair } = b.one('leave');
        assert.equal(pair, PAIR);
        b.turn.left(seq, fault('unreachable'), b.now);
        assert.deepEqual(b.kinds(), []);
        assert.equal(b.turn.nextMs(), b.now + 3_000);
        b.pass(3_000);
    }
    b.turn.left(b.one('leave').seq, fault('unreachable'), b.now);
    b.turn.sayReady(b.now);
    assert.equal(b.one('turn').leave, PAIR);
    b.pass(3_000);
    assert.deepEqual(b.kinds(), []);
});

test('a held request on a way that is gone is asked again once the user agent is connected', () => {
    const b = new Bench();
    b.logIn();
    b.turn.sayReady(0);
    const { seq } = b.one('turn');
    b.turn.pathLost();
    assert.deepEqual(b.kinds(), ['break']);
    b.pass(1_000);
    assert.deepEqual(b.kinds(), []);
    b.turn.registeredNow(b.now);
    assert.notEqual(b.one('turn').seq, seq);
});

test('a full server is called so at the login', () => {
    const b = new Bench();
    b.turn.login('jeden', 0);
    b.turn.loginFailed(b.one('login').seq, fault('unreachable', 'full'), 0);
    b.take();
    assert.deepEqual(b.errors(), ['full']);
});

test('a page loaded anew takes its login up, and leaves the pair of before', () => {
    const b = new Bench();
    assert.ok(b.turn.resume('jeden', '111000', 0));
    b.turn.meDone(b.one('me').seq, PAIR, 0);
    const out = b.take();
    assert.deepEqual(out.map((a) => a.do), ['register', 'leave']);
    assert.equal((out[1] as { pair?: string }).pair, PAIR);
    b.turn.registeredNow(0);
    b.take();
    assert.equal(b.turn.state, 'idle');
    const c = new Bench();
    c.turn.resume('jeden', '111000', 0);
    c.turn.meFailed(c.one('me').seq, fault('unauthorized'), 0);
    assert.equal(c.one('login').name, 'jeden', 'made anew under the same name');
});

test('logging out during a talk', () => {
    const b = new Bench();
    b.talk();
    assert.ok(b.turn.logout(0));
    const out = b.take();
    assert.deepEqual(out.map((a) => a.do), ['link-bye', 'hangup', 'sip-stop', 'logout']);
    b.turn.loggedOut((out[3] as { seq: number }).seq, 0);
    b.turn.linkGone(0);
    assert.deepEqual(b.kinds(), ['sip-stop', 'forget']);
    assert.equal(b.turn.state, 'logged_out');
    assert.deepEqual(b.ended(), ['hung_up']);
});

test('blocking ends the talk with that reason', () => {
    const b = new Bench();
    b.talk();
    assert.ok(b.turn.hangUp(0, 'blocked'));
    b.turn.linkGone(0);
    b.take();
    assert.deepEqual(b.ended(), ['blocked']);
});

/** Inputs in any order: the machine keeps its promises. */
test('a thousand random walks', () => {
    let seed = 1;
    const random = (n: number): number => {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        return Math.floor((seed / 2_147_483_648) * n);
    };
    for (let walk = 0; walk < 1_000; walk++) {
        const b = new Bench();
        const seqs: Record<string, number> = {};
        let links = 0, call = 0;
        for (let step = 0; step < 60; step++) {
            const acts: (() => unknown)[] = [
                () => b.turn.login('x', b.now), () => b.turn.sayReady(b.now), () => b.turn.cancel(b.now), () => b.turn.next(b.now), () => b.turn.hangUp(b.now),
                () => b.turn.logout(b.now), () => b.turn.loginDone(seqs.login ?? 0, 'x', '1', b.now), () => b.turn.registeredNow(b.now),
                () => b.turn.drawn(seqs.turn ?? 0, draw(random(2) === 0), b.now), () => b.turn.stillWaiting(seqs.turn ?? 0, 1, 2, b.now),
                () => b.turn.turnFailed(seqs.turn ?? 0, fault((['unreachable', 'unauthorized', 'slow_down', 'refused'] as const)[random(4)] ?? 'refused'), b.now),
                () => b.turn.left(seqs.leave ?? 0, null, b.now), () => b.turn.loggedOut(seqs.logout ?? 0, b.now), () => b.turn.linkReady(), () => b.turn.linkSecure(),
                () => b.turn.linkSilent(random(2) === 0, b.now), () => b.turn.linkClosed('remote_bye', b.now), () => b.turn.linkGone(b.now),
                () => b.turn.incoming(b.turn.newIncoming(), '111001', b.now), () => b.turn.callIsUp(call, b.now), () => b.turn.callEnded(call, 0, b.now),
                () => b.turn.callFailed(call, 480, b.now), () => b.turn.registerFailed(random(2) ? 403 : 0, b.now), () => b.pass(random(4_000)),
                () => b.turn.loginFailed(seqs.login ?? 0, fault('refused', 'name_taken'), b.now),
            ];
            acts[random(acts.length)]?.();
            for (const a of b.take()) {
                if ('seq' in a) seqs[a.do] = a.seq;
                if ('call' in a) call = a.call;
                if (a.do === 'link-create') links++;
                if (a.do === 'link-bye' || a.do === 'link-destroy') links--;
                assert.ok(links === 0 || links === 1, 'one link at most');
            }
            const inPair = ['connecting', 'talking', 'reconnecting'].includes(b.turn.state);
            assert.equal(b.turn.pair !== null, inPair);
            assert.equal(links, inPair ? 1 : 0, b.turn.state);
            assert.ok(b.turn.nextMs() > b.now || b.turn.nextMs() === b.now || ['waiting', 'idle', 'logging_in', 'ending'].includes(b.turn.state));
        }
    }
});
