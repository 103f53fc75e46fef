import type { Client } from '../app/client.js';
import type { Model } from './model.js';

export type PageId = 'login' | 'rules' | 'main' | 'wait' | 'convo';

export interface Page {
    root: HTMLElement;
    /** Shows what the model says; called often. */
    update(m: Model): void;
    /** Where the keyboard goes when the page comes up; the heading where nothing is named. */
    focus?: HTMLElement;
    /** Before it is replaced. */
    leave?(): void;
}

/** What pages need of the application. */
export interface Shell {
    client: Client;
    model: Model;
    refresh(): void;
    announce(text: string): void;
    agree(): void;
}
