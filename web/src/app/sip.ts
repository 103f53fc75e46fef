/* The user agent: JsSIP over the server's WebSocket. Calls have the conversation's numbers. */
import JsSIP from 'jssip';
import type { RTCSession } from 'jssip/lib/RTCSession';
import type { SipSettings } from './api.js';
import type { Ends } from './bridge.js';
import { Pulse } from './pulse.js';

export interface SipEvents {
    registered(): void;
    /** code 0: no answer. */
    registerFailed(code: number): void;
    /** The server says nothing any more; the connection is about to be made anew. */
    lost(): void;
    newCall(): number;
    incoming(call: number, from: string): void;
    up(call: number): void;
    failed(call: number, code: number): void;
    /** byServer: it is going down; nobody has hung up. */
    ended(call: number, byServer: boolean): void;
}

interface Call {
    session: RTCSession;
    /** Description of the partner's that has arrived: his offer, or his answer. */
    remoteSdp: string;
}

/* What JsSIP 3.13 has and its types do not say. */
interface InDialog {
    sendRequest(method: string, options?: object): void;
    contact: string;
}
interface Reply { body?: string | null; status_code?: number }

/* The types make an enum of it that exists in them alone. */
const cameFrom = (e: { originator: unknown }): string => e.originator as string;

const RE_REGISTER_MS = 3_000;

function userOf(session: RTCSession): string {
    const user = session.remote_identity.uri.user;
    try {
        return decodeURIComponent(user);
    } catch {
        return user;
    }
}

/* Reason (RFC 3326) with a cause of 5xx. What the partner said of that kind does not pass the server. */
function saysServer(bye: unknown): boolean {
    const reason = (bye as { getHeader?(name: string): string | undefined } | null)?.getHeader?.('Reason') ?? '';
    return /^SIP\s*;(.*;)?\s*cause\s*=\s*5\d\d\b/i.test(reason);
}

export class Sip {
    private readonly ua: JsSIP.UA;
    private readonly calls = new Map<number, Call>();
    private retry: ReturnType<typeof setTimeout> | undefined;
    private stopped = false;
    private readonly pulse: Pulse;

    constructor(private readonly settings: SipSettings, private readonly events: SipEvents) {
        const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
        const socket = new JsSIP.WebSocketInterface(`${scheme}://${location.host}${settings.ws}`);
        this.pulse = new Pulse(socket, () => {
            this.tell(() => events.lost());
            this.renew();
        });
        this.ua = new JsSIP.UA({
            sockets: [socket],
            uri: settings.uri,
            authorization_user: settings.username,
            realm: settings.realm,
            password: settings.password,
            session_timers: false,
            register: true,
            register_expires: 600,
            connection_recovery_min_interval: 1,
            connection_recovery_max_interval: 5,
            user_agent: 'myTurn',
        });
        this.ua.on('registered', () => this.tell(() => events.registered()));
        this.ua.on('registrationFailed', (e: { response: unknown }) => this.tell(() => this.onRegisterFailed((e.response as Reply | null)?.status_code ?? 0)));
        this.ua.on('disconnected', () => this.tell(() => events.registerFailed(0)));
        this.ua.on('newRTCSession', (e: { originator: string; session: RTCSession; request: Reply }) => {
            if (e.originator === 'remote') this.onIncoming(e.session, e.request);
        });
        this.ua.start();
    }

    /** At once: nothing follows. */
    stop(): void {
        this.stopped = true;
        this.pulse.stop();
        clearTimeout(this.retry);
        this.calls.clear();
        this.ua.stop();
    }

    /** The network may have changed without anybody's being told; the old connection would look alive for minutes. */
    renew(): void {
        const { transport } = this.ua as unknown as { transport: { disconnect(): void; connect(): void } };
        if (this.stopped || !this.ua.isConnected()) return; // it is being made anew already
        transport.disconnect();
        transport.connect();
    }

    dial(call: number, exten: string, ends: Ends): void {
        const session = this.ua.call(`sip:${exten}@${this.settings.realm}`, {
            mediaConstraints: { audio: false, video: false },
            pcConfig: { ends } as unknown as RTCConfiguration,
        });
        this.watch(call, session, '');
    }

    answer(call: number, ends: Ends): void {
        const session = this.calls.get(call)?.session;
        if (!session || session.isEnded()) return;
        session.answer({
            mediaConstraints: { audio: false, video: false },
            pcConfig: { ends } as unknown as RTCConfiguration,
        });
    }

    refuse(call: number, code: number): void {
        this.end(call, { status_code: code });
    }

    /** BYE, CANCEL, or BYE after the 200 that crossed it. */
    hangUp(call: number): void {
        this.end(call, {});
    }

    remoteSdp(call: number): string {
        return this.calls.get(call)?.remoteSdp ?? '';
    }

    /** An offer within the call (ICE restart). Null: no answer, or refused; the call goes on. */
    reoffer(call: number, sdp: string): Promise<string | null> {
        const session = this.calls.get(call)?.session;
        if (!session?.isEstablished() || !this.ua.isConnected()) return Promise.resolve(null);
        const dialog = session as unknown as InDialog;
        return new Promise((resolve) => {
            const nothing = (): void => resolve(null);
            dialog.sendRequest('INVITE', {
                extraHeaders: [`Contact: ${dialog.contact}`, 'Content-Type: application/sdp'],
                body: sdp,
                eventHandlers: {
                    onSuccessResponse: (r: Reply) => {
                        if (!session.isEnded()) dialog.sendRequest('ACK');
                        resolve(r.body ?? null);
                    },
                    onErrorResponse: nothing, onTransportError: nothing, onRequestTimeout: nothing, onDialogError: nothing,
                },
            });
        });
    }

    private tell(what: () => void): void {
        if (!this.stopped) what();
    }

    private onRegisterFailed(code: number): void {
        this.events.registerFailed(code);
        clearTimeout(this.retry);
        if (!this.stopped) this.retry = setTimeout(() => this.ua.isConnected() && this.ua.register(), RE_REGISTER_MS);
    }

    private onIncoming(session: RTCSession, request: Reply): void {
        if (this.stopped) return;
        const call = this.events.newCall();
        this.watch(call, session, request.body ?? '');
        this.events.incoming(call, userOf(session));
    }

    private watch(call: number, session: RTCSession, remoteSdp: string): void {
        const entry: Call = { session, remoteSdp };
        this.calls.set(call, entry);
        const mine = (what: () => void): void => {
            if (this.calls.get(call) === entry) this.tell(what);
        };
        session.on('sdp', (e) => {
            if (cameFrom(e) === 'remote' && e.type === 'answer') entry.remoteSdp = e.sdp;
        });
        session.on('confirmed', () => mine(() => this.events.up(call)));
        session.on('failed', (e) => mine(() => {
            this.calls.delete(call);
            // CANCEL has a request for a message, and no code
            const code = (e.message as { status_code?: number } | null)?.status_code ?? 0;
            if (code === 0 && cameFrom(e) === 'remote') this.events.ended(call, false);
            else this.events.failed(call, code || (cameFrom(e) === 'local' ? 408 : 503));
        }));
        session.on('ended', (e) => mine(() => {
            this.calls.delete(call);
            if (cameFrom(e) === 'remote' && e.cause !== 'No ACK') this.events.ended(call, saysServer(e.message));
            else this.events.failed(call, 0);
        }));
    }

    private end(call: number, options: { status_code?: number }): void {
        const session = this.calls.get(call)?.session;
        this.calls.delete(call);
        if (session && !session.isEnded()) session.terminate(options);
    }
}
