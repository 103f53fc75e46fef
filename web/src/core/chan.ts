/* Messages of the data channel "myturn" (docs/protocol/channel.md): written, read, and kept within their rate. */
import { fromBase64url, toBase64url } from './bytes.js';
import { Digits, readObject, type Json } from './json.js';

export const MAX_BYTES = 16_384;
export const MAX_POINTS = 4_000;

export type Message =
    | { type: 'text'; id: number; body: string }
    | { type: 'typing' | 'mic' | 'cam'; on: boolean }
    | { type: 'ping' | 'pong'; id: number }
    | { type: 'sas-commit' | 'sas-nonce' | 'sas-reveal'; value: Uint8Array }
    | { type: 'bye' }
    | { type: 'unknown' };
/** What a sender hands in: texts and pings get their numbers from Sender. */
export type Outgoing =
    | { type: 'text'; body: string }
    | { type: 'ping' }
    | Exclude<Message, { type: 'unknown' } | { type: 'text' } | { type: 'ping' | 'pong' }>
    | { type: 'pong'; id: number };

export const points = (text: string): number => Array.from(text).length;

/* --- writing --- */

export function encode(m: Exclude<Message, { type: 'unknown' }>): string {
    if ('value' in m) {
        const value = toBase64url(m.value);
        return JSON.stringify(m.type === 'sas-commit' ? { type: m.type, hash: value } : { type: m.type, nonce: value });
    }
    if (m.type === 'text') return JSON.stringify({ type: m.type, id: m.id, body: m.body });
    return JSON.stringify(m);
}

/** Whether a text can be sent as one message. */
export function fits(body: string): boolean {
    return body !== '' && !body.includes('\0') && points(body) <= MAX_POINTS &&
        bytesOf(encode({ type: 'text', id: Number.MAX_SAFE_INTEGER, body })) <= MAX_BYTES;
}

function bytesOf(text: string): number {
    return new TextEncoder().encode(text).length;
}

/* --- reading --- */

function readId(v: Json | undefined): number | null {
    if (!(v instanceof Digits) || !/^[1-9][0-9]{0,15}$/.test(v.raw)) return null;
    const id = Number(v.raw);
    return Number.isSafeInteger(id) ? id : null;
}

function readKnown(type: string, m: Map<string, Json>): Message | null {
    switch (type) {
    case 'text': {
        const id = readId(m.get('id')), body = m.get('body');
        if (id === null || typeof body !== 'string') return null;
        const count = points(body);
        return count >= 1 && count <= MAX_POINTS && !body.includes('\0') ? { type, id, body } : null;
    }
    case 'typing':
    case 'mic':
    case 'cam': {
        const on = m.get('on');
        return typeof on === 'boolean' ? { type, on } : null;
    }
    case 'ping':
    case 'pong': {
        const id = readId(m.get('id'));
        return id === null ? null : { type, id };
    }
    case 'sas-commit':
    case 'sas-nonce':
    case 'sas-reveal': {
        const raw = m.get(type === 'sas-commit' ? 'hash' : 'nonce');
        const value = typeof raw === 'string' ? fromBase64url(raw, 32) : null;
        return value === null ? null : { type, value };
    }
    case 'bye':
        return { type };
    default:
        return { type: 'unknown' };
    }
}

/** Null: malformed, which ends the call. */
export function decode(json: string): Message | null {
    if (json.length > MAX_BYTES || bytesOf(json) > MAX_BYTES) return null;
    const members = readObject(json);
    const type = members?.get('type');
    return members && typeof type === 'string' ? readKnown(type, members) : null;
}

/* --- rates --- */

/** So many at once, and so many a second. Credits are thousandths, so that a rate per second is a credit per millisecond. */
class Bucket {
    private credit: number;

    constructor(private readonly rate: number, private readonly burst: number, private atMs: number) {
        this.credit = burst * 1000;
    }

    level(nowMs: number): number {
        return Math.min(this.burst * 1000, this.credit + Math.max(0, nowMs - this.atMs) * this.rate);
    }

    take(nowMs: number): boolean {
        const level = this.level(nowMs);
        this.atMs = Math.max(nowMs, this.atMs);
        this.credit = level >= 1000 ? level - 1000 : level;
        return level >= 1000;
    }

    /** When one can be taken. */
    nextMs(nowMs: number): number {
        const lack = 1000 - this.level(nowMs);
        return lack <= 0 ? nowMs : nowMs + Math.ceil(lack / this.rate);
    }
}

/** The receiving side: 20 a second, 40 at once, text numbers that rise. */
export class Receiver {
    private readonly bucket: Bucket;
    private lastText = 0;

    constructor(nowMs: number) {
        this.bucket = new Bucket(20, 40, nowMs);
    }

    /** Null: malformed or too many, which ends the call. */
    receive(json: string, nowMs: number): Message | null {
        if (!this.bucket.take(nowMs)) return null;
        const m = decode(json);
        if (m?.type === 'text') {
            if (m.id <= this.lastText) return null;
            this.lastText = m.id;
        }
        return m;
    }
}

const TEXT_WINDOW = 16, WINDOW = 20, PING_WINDOW = 23, PINGS = 3;

/** The sending side. A reliable channel delivers in bunches after an outage, so the unconfirmed messages are bounded too. */
export class Sender {
    private readonly bucket: Bucket;
    private textId = 0;
    private pingId = 0;
    private pongId = 0;
    private sent = 0;
    private confirmed = 0;
    private readonly pingSent = new Map<number, number>();

    constructor(nowMs: number) {
        this.bucket = new Bucket(15, 16, nowMs);
    }

    get pingOpen(): boolean {
        return this.pingId !== this.pongId;
    }

    /** When a message of that type may be sent; Infinity: a pong is needed first. */
    nextMs(type: Outgoing['type'], nowMs: number): number {
        if (type === 'bye') return nowMs;
        return this.windowOpen(type) ? this.bucket.nextMs(nowMs) : Infinity;
    }

    /** The JSON to send now, or null: not now. */
    send(m: Outgoing, nowMs: number): string | null {
        if (this.nextMs(m.type, nowMs) > nowMs) return null;
        this.bucket.take(nowMs);
        this.sent++;
        if (m.type === 'text') return encode({ type: 'text', id: ++this.textId, body: m.body });
        if (m.type !== 'ping') return encode(m);
        this.pingSent.set(++this.pingId, this.sent);
        return encode({ type: 'ping', id: this.pingId });
    }

    /** A pong came. False: it answers no ping, which ends the call. */
    pong(id: number): boolean {
        const sent = this.pingSent.get(id);
        if (sent === undefined) return false;
        for (let i = this.pongId + 1; i <= id; i++) this.pingSent.delete(i);
        this.pongId = id;
        this.confirmed = sent;
        return true;
    }

    private windowOpen(type: Outgoing['type']): boolean {
        const open = this.sent - this.confirmed;
        switch (type) {
        case 'text':
        case 'typing':
        case 'mic':
        case 'cam':
            return open < TEXT_WINDOW;
        case 'ping':
            return open < PING_WINDOW && this.pingId - this.pongId < PINGS;
        default:
            return open < WINDOW;
        }
    }
}
