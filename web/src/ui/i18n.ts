import { savedLanguage, saveLanguage } from '../app/store.js';
import { en, type Texts } from './en.js';
import { pl } from './pl.js';

export const LANGUAGES: Record<string, Texts> = { en, pl };

let code = 'en';

/** The texts in the language of the page. */
export const t = (): Texts => LANGUAGES[code] ?? en;
export const language = (): string => code;

export function setLanguage(wished: string): void {
    code = wished in LANGUAGES ? wished : 'en';
    document.documentElement.lang = code;
    saveLanguage(code);
}

/** The one chosen before, else the first of the browser's that there is. */
export function guessLanguage(): void {
    const wished = [savedLanguage() ?? '', ...navigator.languages].map((l) => l.slice(0, 2).toLowerCase());
    code = wished.find((l) => l in LANGUAGES) ?? 'en';
    document.documentElement.lang = code;
}
