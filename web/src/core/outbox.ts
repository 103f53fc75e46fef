/* What waits to be said in the channel, in the order in which it may go: answers to pings first, then states, then texts. Pure:
 * the owner calls flush() when something changed and a few times a second. */
import { fits, Sender, type Outgoing } from './chan.js';

const PING_MS = 1_000;
const TEXTS_MAX = 2_000;

/** A state that is sent when it changes, the newest only. */
class Latest {
    sent = false;
    wished = false;

    get due(): boolean {
        return this.sent !== this.wished;
    }
}

export class Outbox {
    private readonly sender: Sender;
    private readonly texts: string[] = [];
    private readonly mic = new Latest();
    private readonly typing = new Latest();
    private pongId = 0;
    private pingAtMs = -Infinity;
    /** Texts may go: the words are agreed. */
    open = false;

    constructor(nowMs: number, private readonly write: (json: string) => void) {
        this.sender = new Sender(nowMs);
    }

    /** False: too long for one message, or too many wait. */
    text(body: string): boolean {
        if (!fits(body) || this.texts.length >= TEXTS_MAX) return false;
        this.texts.push(body);
        return true;
    }

    setMic(on: boolean): void {
        this.mic.wished = on;
    }

    setTyping(on: boolean): void {
        this.typing.wished = on;
    }

    /** A ping came; the newest alone need be answered. */
    ping(id: number): void {
        this.pongId = id;
    }

    /** A pong came. False: malformed. */
    pong(id: number): boolean {
        return this.sender.pong(id);
    }

    /** At once, or not at all: sas-* and bye. */
    now(m: Outgoing, nowMs: number): boolean {
        const json = this.sender.send(m, nowMs);
        if (json !== null) this.write(json);
        return json !== null;
    }

    flush(nowMs: number): void {
        const through = this.flushStates(nowMs) && this.flushTexts(nowMs);
        const blocked = !through && this.sender.nextMs('text', nowMs) === Infinity; // only a pong opens the window
        if (this.open && !this.pongId && (blocked || nowMs - this.pingAtMs >= PING_MS)) this.sendPing(nowMs);
    }

    private sendPing(nowMs: number): void {
        if (!this.sender.pingOpen && this.now({ type: 'ping' }, nowMs)) this.pingAtMs = nowMs;
    }

    private flushStates(nowMs: number): boolean {
        if (this.pongId && !this.now({ type: 'pong', id: this.pongId }, nowMs)) return false;
        this.pongId = 0;
        if (!this.open) return true;
        for (const [type, state] of [['mic', this.mic], ['typing', this.typing]] as const) {
            if (!state.due) continue;
            if (!this.now({ type, on: state.wished }, nowMs)) return false;
            state.sent = state.wished;
        }
        return true;
    }

    private flushTexts(nowMs: number): boolean {
        while (this.open && this.texts.length > 0) {
            if (!this.now({ type: 'text', body: this.texts[0] ?? '' }, nowMs)) return false;
            this.texts.shift();
        }
        return true;
    }
}
