/* The HTTP API as the page uses it (docs/protocol/api.md). Every failure is a Fault. */
import { clean } from '../core/clean.js';
import type { Draw, Fault } from '../core/turn.js';

export interface SipSettings { uri: string; username: string; realm: string; password: string; ws: string; mode: string }

export interface Login {
    name: string;
    exten: string;
    token: string;
    sip: SipSettings;
    ice_servers: RTCIceServer[];
    relay_only: boolean;
}

export interface Info {
    contact: string | null;
    sip_mode: string;
    relay_only: boolean;
    links: string[];
    min_age: number;
}

type Members = Record<string, unknown>;

export class ApiFault extends Error {
    constructor(readonly fault: Fault) {
        super(fault.code);
    }
}

/** The user gave the request up. */
export const isGivenUp = (e: unknown): boolean => e instanceof DOMException && e.name === 'AbortError';

function str(v: unknown): string {
    return typeof v === 'string' ? v : '';
}

function num(v: unknown): number {
    return typeof v === 'number' && Number.isFinite(v) ? v : 0;
}

function isMembers(v: unknown): v is Members {
    return typeof v === 'object' && v !== null && !Array.isArray(v);
}

function faultOf(status: number, retryAfter: string | null, body: Members): Fault {
    const kind = status === 401 ? 'unauthorized' : status === 429 ? 'slow_down' : status >= 500 ? 'unreachable' : 'refused';
    const seconds = num(body.retry_after_s) || Number(retryAfter ?? 0) || 0;
    return {
        kind, code: str(body.code), text: clean(str(body.detail) || str(body.title), false), retryAfterS: Math.min(seconds, 86_400 * 30),
        ...(typeof body.pair === 'string' ? { pair: body.pair } : {}),
        ...(typeof body.contact === 'string' ? { contact: clean(body.contact, false) } : {}),
    };
}

const unreachable: Fault = { kind: 'unreachable', code: 'server_unreachable', text: '', retryAfterS: 0 };
const malformed: Fault = { kind: 'malformed', code: 'internal', text: '', retryAfterS: 0 };

const ANSWER_MS = 10_000; // besides what the request asks to be held; a network that is gone says nothing
const INFO_MS = 3_000; // the first page waits for it

interface Wish { body?: unknown; waitS?: number; limitMs?: number; signal?: AbortSignal; keepalive?: boolean }

function iceServers(v: unknown): RTCIceServer[] {
    if (!Array.isArray(v)) return [];
    return v.filter(isMembers).map((s) => ({
        urls: Array.isArray(s.urls) ? s.urls.map(str) : str(s.urls),
        ...(typeof s.username === 'string' ? { username: s.username } : {}),
        ...(typeof s.credential === 'string' ? { credential: s.credential } : {}),
    }));
}

/** Null: it is no JSON. What breaks off rejects. */
async function readJson(answer: Response): Promise<unknown> {
    const text = await answer.text();
    try {
        return JSON.parse(text) as unknown;
    } catch {
        return null;
    }
}

export class Api {
    token = '';

    async info(): Promise<Info | null> {
        try {
            const v = await this.call('GET', '/v1/info', { limitMs: INFO_MS });
            return {
                contact: str(v.contact) ? clean(str(v.contact), false) : null, sip_mode: str(v.sip_mode) || 'embedded',
                relay_only: v.relay_only === true, min_age: num(v.min_age) || 18,
                links: Array.isArray(v.links) ? v.links.map(str) : ['gcm'],
            };
        } catch {
            return null; // the login will tell what is wrong
        }
    }

    async login(name: string, attempt: string): Promise<Login> {
        const v = await this.call('POST', '/v1/users', { body: { name, attempt } });
        const sip = isMembers(v.sip) ? v.sip : {};
        const login: Login = {
            name: clean(str(v.name), false), exten: str(v.exten), token: str(v.token),
            sip: { uri: str(sip.uri), username: str(sip.username), realm: str(sip.realm), password: str(sip.password),
                ws: str(sip.ws), mode: str(sip.mode) || 'embedded' },
            ice_servers: iceServers(v.ice_servers), relay_only: v.relay_only === true,
        };
        if (!login.token || !login.name || !login.sip.uri || !login.sip.ws.startsWith('/')) throw new ApiFault(malformed);
        this.token = login.token;
        return login;
    }

    /** The pair that the server has for this login, if any. */
    async me(): Promise<string | null> {
        return str((await this.call('GET', '/v1/me')).pair) || null;
    }

    async turn(waitS: number, leave: string | undefined, signal: AbortSignal): Promise<Draw | { ready: number; online: number }> {
        const body = { link: ['gcm'], ...(leave === undefined ? {} : { leave }) };
        const v = await this.call('POST', '/v1/turn', { body, waitS, signal });
        if (v.state === 'waiting') return { ready: num(v.ready), online: num(v.online) };
        const partner = isMembers(v.partner) ? v.partner : {};
        if (v.state !== 'paired' || !/^[0-9a-f]{32}$/.test(str(v.pair))) throw new ApiFault(malformed);
        return {
            pair: str(v.pair), caller: v.role === 'caller', name: clean(str(partner.name), false), exten: str(partner.exten),
            connectS: num(v.connect_s), link: str(v.link) || 'gcm', iceServers: iceServers(v.ice_servers),
            relayOnly: v.relay_only === true,
        };
    }

    async leave(pair: string | undefined): Promise<void> {
        await this.call('DELETE', pair === undefined ? '/v1/turn' : `/v1/turn?pair=${pair}`);
    }

    async block(pair: string): Promise<void> {
        await this.call('POST', '/v1/turn/block', { body: { pair } });
    }

    async report(pair: string, reason: string, note: string): Promise<void> {
        await this.call('POST', '/v1/turn/report', { body: { pair, reason, ...(note ? { note } : {}) } });
    }

    async stats(): Promise<{ waiting: number; online: number }> {
        const v = await this.call('GET', '/v1/stats');
        return { waiting: num(v.waiting), online: num(v.online) };
    }

    async logout(): Promise<void> {
        await this.call('DELETE', '/v1/me');
    }

    /** The page goes away, perhaps only to be loaded anew: the server waits 5 s whether the token is used again. */
    logoutSoon(): void {
        void this.call('DELETE', '/v1/me?after=5', { keepalive: true }).catch(() => undefined);
    }

    private async call(method: string, path: string, wish: Wish = {}): Promise<Members> {
        const headers: Record<string, string> = {};
        if (this.token) headers.Authorization = `Bearer ${this.token}`;
        if (wish.body !== undefined) headers['Content-Type'] = 'application/json';
        if (wish.waitS !== undefined) headers.Prefer = `wait=${wish.waitS}`;
        const limit = new AbortController(), stop = (): void => limit.abort();
        const timer = setTimeout(stop, (wish.limitMs ?? ANSWER_MS) + 1000 * (wish.waitS ?? 0));
        wish.signal?.addEventListener('abort', stop);
        let answer: Response, body: unknown = {};
        try {
            answer = await fetch(path, {
                method, headers, cache: 'no-store', credentials: 'omit', keepalive: wish.keepalive ?? false, signal: limit.signal,
                ...(wish.body === undefined ? {} : { body: JSON.stringify(wish.body) }),
            });
            if (answer.status !== 204) body = await readJson(answer);
        } catch (e) {
            if (wish.signal?.aborted && isGivenUp(e)) throw e;
            throw new ApiFault(unreachable);
        } finally {
            clearTimeout(timer);
            wish.signal?.removeEventListener('abort', stop);
        }
        if (!answer.ok) throw new ApiFault(faultOf(answer.status, answer.headers.get('Retry-After'), isMembers(body) ? body : {}));
        if (!isMembers(body)) throw new ApiFault(malformed);
        return body;
    }
}
