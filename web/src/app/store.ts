/* What outlives loading the page anew, in this tab only: the login or the attempt at one, and that the rules were agreed to. The language is kept for
 * the browser. Nothing of a talk is ever kept. */
import { toBase64url } from '../core/bytes.js';
import type { Login } from './api.js';

const LOGIN = 'myturn.login', ATTEMPT = 'myturn.attempt', AGREED = 'myturn.agreed', LANGUAGE = 'myturn.language';
const LOCK_WAIT_MS = 1_500;

function read(storage: () => Storage, key: string): string | null {
    try {
        return storage().getItem(key);
    } catch {
        return null; // switched off by the user
    }
}

function write(storage: () => Storage, key: string, value: string | null): void {
    try {
        if (value === null) storage().removeItem(key);
        else storage().setItem(key, value);
    } catch {
        // then it is asked for again
    }
}

const tab = (): Storage => sessionStorage, browser = (): Storage => localStorage;

/** A duplicated tab has a copy of the login: only one may use it. Held until the page goes away. */
function isOnlyOne(token: string): Promise<boolean> {
    if (!('locks' in navigator)) return Promise.resolve(true);
    return new Promise((resolve) => {
        const signal = AbortSignal.timeout(LOCK_WAIT_MS); // a page just left gives its lock back soon
        navigator.locks.request(`myturn-${token.slice(0, 8)}`, { signal }, () => {
            resolve(true);
            return new Promise<void>(() => undefined);
        }).catch(() => resolve(false));
    });
}

export async function savedLogin(): Promise<Login | null> {
    const text = read(tab, LOGIN);
    if (!text) return null;
    try {
        const login = JSON.parse(text) as Login;
        return login.token && (await isOnlyOne(login.token)) ? login : null;
    } catch {
        return null;
    }
}

export function saveLogin(login: Login): void {
    write(tab, LOGIN, JSON.stringify(login));
    void isOnlyOne(login.token);
}

export function forgetLogin(): void {
    write(tab, LOGIN, null);
}

let tried = { name: '', attempt: '' };

/** A login whose answer the network lost would hold the name against its own user: the page, also when loaded anew, asks again with the same words. */
export function attempt(name: string): string {
    const [savedName, saved] = (read(tab, ATTEMPT) ?? '').split('\n');
    if (savedName === name && saved) tried = { name, attempt: saved };
    if (tried.name !== name) tried = { name, attempt: toBase64url(crypto.getRandomValues(new Uint8Array(32))) };
    write(tab, ATTEMPT, `${name}\n${tried.attempt}`);
    return tried.attempt;
}

export function forgetAttempt(): void {
    tried = { name: '', attempt: '' };
    write(tab, ATTEMPT, null);
}

export const hasAgreed = (): boolean => read(tab, AGREED) === 'yes';
export const agree = (): void => write(tab, AGREED, 'yes');
export const savedLanguage = (): string | null => read(browser, LANGUAGE);
export const saveLanguage = (code: string): void => write(browser, LANGUAGE, code);
