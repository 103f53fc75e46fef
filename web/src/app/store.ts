/* What outlives loading the page anew, in this tab only: the login, and that the rules were agreed to. The language is kept for
 * the browser. Nothing of a talk is ever kept. */
import type { Login } from './api.js';

const LOGIN = 'myturn.login', AGREED = 'myturn.agreed', LANGUAGE = 'myturn.language';
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

export const hasAgreed = (): boolean => read(tab, AGREED) === 'yes';
export const agree = (): void => write(tab, AGREED, 'yes');
export const savedLanguage = (): string | null => read(browser, LANGUAGE);
export const saveLanguage = (code: string): void => write(browser, LANGUAGE, code);
