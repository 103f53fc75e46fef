/* The shell around the conversation machine: carries its actions out and hands back what came of them. */
import { QualityWatch, type Quality } from '../core/quality.js';
import { Turn, type Action, type Draw, type Fault, type Told } from '../core/turn.js';
import { Api, ApiFault, isGivenUp, type Login } from './api.js';
import type { Ends } from './bridge.js';
import { Link, prepare, type Prepared } from './link.js';
import { Sip } from './sip.js';
import type { Path } from './stats.js';
import * as store from './store.js';
import { MicError, Voice } from './voice.js';

export type Happening =
    | Told
    | { event: 'words'; words: string[] }
    | { event: 'text'; body: string }
    | { event: 'typing' | 'partner-mic' | 'own-mic'; on: boolean }
    | { event: 'mic-problem'; problem: MicError['problem'] }
    | { event: 'quality'; quality: Quality }
    | { event: 'blocked' | 'reported' | 'conduct-failed' };

const LOOK_MS = 2_000;
const COUNT_MS = 2_500;

const now = (): number => performance.now();

export class Client {
    readonly api = new Api();
    readonly voice = new Voice();
    /** Pair and name of the last talk, until the next draw: it can still be blocked or reported. */
    last: { pair: string; name: string } | null = null;
    micOn = false;
    private readonly turn = new Turn();
    private login: Login | null = null;
    private sip: Sip | null = null;
    private link: Link | null = null;
    private prepared: Promise<Prepared> | null = null; // for the next talk
    private held: AbortController | null = null;
    private timer: ReturnType<typeof setTimeout> | undefined;
    private looker: ReturnType<typeof setInterval> | undefined;
    private counter: ReturnType<typeof setInterval> | undefined;
    private micPresses = 0;

    constructor(private readonly tell: (what: Happening) => void) {
        const changed = (): void => this.link?.networkChanged();
        window.addEventListener('online', changed);
        (navigator as { connection?: EventTarget }).connection?.addEventListener('change', changed); // not in Firefox
        window.addEventListener('pagehide', () => this.leavePage());
        // Only a page that was frozen comes back whole; its login and calls are gone.
        window.addEventListener('pageshow', (e) => e.persisted && location.reload());
    }

    get state(): Turn['state'] {
        return this.turn.state;
    }

    get partner(): string {
        return this.turn.partner;
    }

    get name(): string {
        return this.turn.name;
    }

    /* --- wishes --- */

    logIn(name: string): void {
        this.do(() => this.turn.login(name, now()));
    }

    /** Takes up the login of before the page was loaded anew, if there is one. */
    async resume(): Promise<void> {
        const login = await store.savedLogin();
        if (!login) return;
        this.login = login;
        this.api.token = login.token;
        this.do(() => this.turn.resume(login.name, login.exten, now()));
    }

    ready(): void {
        this.voice.wake();
        this.do(() => this.turn.sayReady(now()));
    }

    cancel(): void {
        this.do(() => this.turn.cancel(now()));
    }

    next(): void {
        this.do(() => this.turn.next(now()));
    }

    hangUp(): void {
        this.do(() => this.turn.hangUp(now()));
    }

    logOut(): void {
        this.do(() => this.turn.logout(now()));
    }

    block(): void {
        const pair = this.turn.pair ?? this.last?.pair;
        if (pair === undefined) return;
        this.do(() => this.turn.hangUp(now(), 'blocked'));
        this.conduct(this.api.block(pair), 'blocked');
    }

    report(reason: string, note: string): void {
        const pair = this.turn.pair ?? this.last?.pair;
        if (pair === undefined) return;
        this.do(() => this.turn.hangUp(now(), 'reported'));
        this.conduct(this.api.report(pair, reason, note), 'reported');
    }

    /** False: it cannot be sent as one message. */
    say(body: string): boolean {
        return this.link?.text(body) ?? false;
    }

    typing(on: boolean): void {
        this.link?.typing(on);
    }

    /** Switches the microphone; opening it may ask the user. */
    async setMic(on: boolean): Promise<void> {
        const press = ++this.micPresses;
        if (!on) {
            this.closeMic();
            return;
        }
        const link = this.link;
        if (!link) return;
        try {
            const track = await this.voice.openMic();
            if (!track || press !== this.micPresses) return; // off again, or another talk
            track.addEventListener('ended', () => this.micGone(press));
            await link.setMic(track);
            this.setMicOn(true);
        } catch (e) {
            this.closeMic();
            if (press === this.micPresses) this.tell({ event: 'mic-problem', problem: e instanceof MicError ? e.problem : 'busy' });
        }
    }

    /** Null: there is no talk, or it ends while the browser is asked. */
    path(): Promise<Path | null> {
        return this.link?.path().catch(() => null) ?? Promise.resolve(null);
    }

    /* --- inside --- */

    private do(input: () => unknown): void {
        input();
        for (let actions = this.turn.take(); actions.length > 0; actions = this.turn.take()) {
            for (const a of actions) this.act(a);
        }
        clearTimeout(this.timer);
        const next = this.turn.nextMs();
        if (next !== Infinity) this.timer = setTimeout(() => this.do(() => this.turn.tick(now())), Math.max(0, next - now()));
    }

    private act(a: Action): void {
        switch (a.do) {
        case 'tell': this.onTold(a.told); break;
        case 'login': this.doLogin(a.seq, a.name); break;
        case 'me': this.ask(this.api.me(), (pair) => this.turn.meDone(a.seq, pair, now()), (f) => this.turn.meFailed(a.seq, f, now())); break;
        case 'turn': this.doTurn(a.seq, a.waitS, a.leave); break;
        case 'break': this.held?.abort(); break;
        case 'leave': this.ask(this.api.leave(a.pair), () => this.turn.left(a.seq, null, now()), (f) => this.turn.left(a.seq, f, now())); break;
        case 'logout': this.ask(this.api.logout(), () => this.turn.loggedOut(a.seq, now()), () => this.turn.loggedOut(a.seq, now())); break;
        case 'forget': this.forget(); break;
        case 'register': this.register(); break;
        case 'sip-stop': this.stopSip(); break;
        case 'dial': this.sip?.dial(a.call, a.exten, this.ends()); break;
        case 'answer': this.sip?.answer(a.call, this.ends()); break;
        case 'refuse': this.sip?.refuse(a.call, a.code); break;
        case 'hangup': this.sip?.hangUp(a.call); break;
        case 'link-create': this.createLink(a.draw); break;
        case 'link-remote': this.link?.remote(this.sip?.remoteSdp(a.call) ?? ''); break;
        case 'link-bye': this.dropLink((l) => l.bye(() => this.do(() => this.turn.linkGone(now())))); break;
        case 'link-destroy': this.dropLink((l) => l.destroy()); break;
        }
    }

    private onTold(told: Told): void {
        if (told.event === 'drawn') this.last = null;
        if (told.event === 'ended' && told.talked) this.last = { pair: told.pair, name: told.name };
        if (told.event === 'logged-out') this.last = null;
        if (told.event === 'state') this.watchState(told.state);
        this.tell(told);
    }

    private watchState(state: string): void {
        clearInterval(this.counter);
        if (!this.prepared && (state === 'idle' || state === 'waiting')) {
            this.prepared = prepare();
            this.prepared.catch(() => undefined); // the link says it
        }
        if (state !== 'waiting') return;
        this.counter = setInterval(() => {
            this.ask(this.api.stats(), (s) => this.turn.count(s.waiting, s.online, now()), () => undefined);
        }, COUNT_MS);
    }

    private ask<T>(request: Promise<T>, done: (v: T) => void, failed: (f: Fault) => void): void {
        request.then(
            (v) => this.do(() => done(v)),
            (e: unknown) => {
                if (isGivenUp(e)) return;
                const fault: Fault = e instanceof ApiFault ? e.fault : { kind: 'malformed', code: 'internal', text: '', retryAfterS: 0 };
                this.do(() => failed(fault));
            },
        );
    }

    private doLogin(seq: number, name: string): void {
        this.stopSip();
        this.api.token = '';
        this.ask(this.api.login(name, store.attempt(name)), (login) => {
            this.login = login;
            store.saveLogin(login);
            store.forgetAttempt();
            this.turn.loginDone(seq, login.name, login.exten, now());
        }, (f) => {
            if (f.kind !== 'unreachable' && f.kind !== 'slow_down') store.forgetAttempt();
            this.turn.loginFailed(seq, f, now());
        });
    }

    private doTurn(seq: number, waitS: number, leave: string | undefined): void {
        this.held = new AbortController();
        this.ask(this.api.turn(waitS, leave, this.held.signal), (answer) => {
            if ('pair' in answer) this.turn.drawn(seq, answer, now());
            else this.turn.stillWaiting(seq, answer.ready, answer.online, now());
        }, (f) => this.turn.turnFailed(seq, f, now()));
    }

    private forget(): void {
        this.held?.abort();
        this.api.token = '';
        this.login = null;
        store.forgetLogin();
    }

    private conduct(request: Promise<void>, event: 'blocked' | 'reported'): void {
        request.then(() => this.tell({ event }), () => this.tell({ event: 'conduct-failed' }));
    }

    /* --- SIP --- */

    private register(): void {
        if (!this.login) return;
        this.stopSip();
        const turn = this.turn;
        this.sip = new Sip(this.login.sip, {
            registered: () => this.do(() => turn.registeredNow(now())),
            registerFailed: (code) => this.do(() => turn.registerFailed(code, now())),
            lost: () => this.do(() => turn.pathLost()),
            newCall: () => turn.newIncoming(),
            incoming: (call, from) => this.do(() => turn.incoming(call, from, now())),
            up: (call) => this.do(() => turn.callIsUp(call, now())),
            failed: (call, code) => this.do(() => turn.callFailed(call, code, now())),
            ended: (call, byServer) => this.do(() => turn.callEnded(call, this.link?.silentMs() ?? 0, now(), byServer)),
        });
    }

    private stopSip(): void {
        this.sip?.stop();
        this.sip = null;
    }

    /** What this link says to calls; a later one says nothing to the same calls. */
    private ends(): Ends {
        const link = this.link;
        const sdp = (): string => link?.localSdp ?? '';
        return {
            offer: sdp,
            answer: sdp,
            reoffered: (offer) => (link && link === this.link ? link.reoffered(offer) : Promise.reject(new Error('over'))),
        };
    }

    /* --- the link --- */

    private createLink(draw: Draw): void {
        const sip = this.sip;
        const relayed = { ...draw, relayOnly: draw.relayOnly || (this.login?.relay_only ?? false) };
        const mine = <A extends unknown[]>(what: (...args: A) => void) => (...args: A): void => {
            if (this.link === link) what(...args);
        };
        const link: Link = new Link(relayed, {
            ready: mine(() => this.do(() => this.turn.linkReady())),
            secure: mine((words) => this.onSecure(words)),
            text: mine((body) => this.tell({ event: 'text', body })),
            typing: mine((on) => this.tell({ event: 'typing', on })),
            partnerMic: mine((on) => this.tell({ event: 'partner-mic', on })),
            silent: mine((on) => {
                if (on) this.sip?.renew();
                this.do(() => this.turn.linkSilent(on, now()));
            }),
            closed: mine((why) => this.do(() => this.turn.linkClosed(why, now()))),
            voice: mine((stream) => this.voice.setPartner(stream)),
        }, (offer) => sip?.reoffer(this.turn.callNumber, offer) ?? Promise.resolve(null), this.prepared ?? undefined);
        this.prepared = null;
        this.link = link;
    }

    private onSecure(words: string[]): void {
        this.voice.letPartnerSpeak();
        this.do(() => this.turn.linkSecure());
        this.tell({ event: 'words', words });
        const watch = new QualityWatch(), link = this.link;
        clearInterval(this.looker);
        this.looker = setInterval(() => {
            void link?.counters().then((c) => {
                const quality = c && link === this.link ? watch.look(c) : null;
                if (quality) this.tell({ event: 'quality', quality });
            }, () => undefined); // the talk ended meanwhile
        }, LOOK_MS);
    }

    private dropLink(how: (link: Link) => void): void {
        const link = this.link;
        this.link = null;
        clearInterval(this.looker);
        this.micPresses++;
        this.closeMic();
        this.voice.setPartner(null);
        if (link) how(link);
    }

    private closeMic(): void {
        void this.link?.setMic(null);
        this.voice.closeMic();
        this.setMicOn(false);
    }

    /** Unplugged, or permission taken back. */
    private micGone(press: number): void {
        if (press !== this.micPresses) return;
        this.closeMic();
        this.tell({ event: 'mic-problem', problem: 'gone' });
    }

    private setMicOn(on: boolean): void {
        if (this.micOn === on) return;
        this.micOn = on;
        this.tell({ event: 'own-mic', on });
    }

    private leavePage(): void {
        this.link?.byeNow();
        if (this.api.token) this.api.logoutSoon();
    }
}
