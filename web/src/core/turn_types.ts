/* What goes into the conversation machine (turn.ts) and comes out of it, and its times. */

export type State =
    | 'logged_out' | 'logging_in' | 'idle' | 'waiting' | 'connecting' | 'talking' | 'reconnecting' | 'ending';

export interface Fault {
    kind: 'unreachable' | 'unauthorized' | 'slow_down' | 'refused' | 'malformed';
    code: string;
    text: string;
    retryAfterS: number;
    /** The pair that `409 paired` names. */
    pair?: string;
    contact?: string;
}

export interface Draw {
    pair: string;
    caller: boolean;
    name: string;
    exten: string;
    connectS: number;
    /** The policy of the pair: a browser can meet `gcm` alone. */
    link: string;
    iceServers: RTCIceServer[];
    relayOnly: boolean;
}

export type LinkEnd = 'local_bye' | 'remote_bye' | 'lost' | 'no_path' | 'dtls_failed' | 'sas_failed' | 'protocol' | 'no_relay';

export type Told =
    | { event: 'state'; state: State }
    | { event: 'logged-in'; name: string; exten: string }
    | { event: 'logged-out' }
    | { event: 'waiting'; ready: number; online: number; elapsedS: number; counted: boolean }
    | { event: 'drawn'; name: string; caller: boolean }
    | { event: 'secure'; name: string }
    | { event: 'reconnecting'; on: boolean }
    | { event: 'ended'; reason: string; name: string; pair: string; talked: boolean }
    | { event: 'reachable' } // after `server_unreachable`
    | { event: 'error'; code: string; fault?: Fault };

export type Action =
    | { do: 'login'; seq: number; name: string }
    | { do: 'me'; seq: number }
    | { do: 'turn'; seq: number; waitS: number; leave?: string }
    | { do: 'break' | 'forget' | 'register' | 'sip-stop' | 'link-bye' | 'link-destroy' }
    | { do: 'leave'; seq: number; pair?: string }
    | { do: 'logout'; seq: number }
    | { do: 'dial'; call: number; exten: string }
    | { do: 'answer' | 'hangup' | 'link-remote'; call: number }
    | { do: 'refuse'; call: number; code: number }
    | { do: 'link-create'; draw: Draw }
    | { do: 'tell'; told: Told };

export const RETRY_MIN_MS = 500, RETRY_MAX_MS = 5_000;
export const FIRST_LOGIN_MS = 10_000; // until the REGISTER of a first login is answered
export const LEAVE_MS = 3_000; // a DELETE holds the next POST back no longer
export const CONNECT_MS = 15_000; // where the server tells none; and from the call on until the link is secure
export const KEEP_CALL_MS = 3_000; // an INVITE waits this long for the draw that explains it
export const QUIET_MS = 2_000; // the partner says something each second
export const SILENT_MS = 15_000; // of reconnecting
export const BYE_MS = 1_200; // the link confirms its bye within 1 s
export const LOGOUT_MS = 1_800;
export const WAIT_FIRST_S = 1, WAIT_S = 25; // soon an answer with numbers to show, then held long
export const SOON_MS = 1_000; // no answer to a held request is due before: then the server or a proxy does not hold it

/** Calls that came in have odd numbers, those that went out even ones. */
export const isIncoming = (call: number): boolean => call % 2 === 1;

export const REASONS: Record<LinkEnd, string> = {
    local_bye: 'hung_up', remote_bye: 'partner_left', lost: 'lost', no_path: 'no_path', dtls_failed: 'dtls_failed',
    sas_failed: 'sas_failed', protocol: 'protocol', no_relay: 'no_relay',
};

export function reasonOf(code: number): string {
    if ([408, 480, 487, 504].includes(code)) return 'no_answer';
    if ([403, 404, 481].includes(code)) return 'undone';
    return code >= 500 && code < 600 ? 'server' : 'refused';
}
