/* What the pages show, kept up to date from what happens. No elements here. */
import type { Info } from '../app/api.js';
import type { Happening } from '../app/client.js';
import type { MicProblem } from '../app/voice.js';
import { clean } from '../core/clean.js';
import type { Fault, State } from '../core/turn.js';

export interface Said { mine: boolean; text: string }

/** More than this is not kept on the page; a stranger must not fill one's memory. */
const MESSAGES_MAX = 1_000;

export class Model {
    info: Info | null = null;
    state: State = 'logged_out';
    loggedIn = false;
    name = '';
    partner = '';
    ready = 0;
    online = 0;
    counted = false;
    elapsedS = 0;
    /** What is being written. */
    draft = '';
    talkSinceMs = 0;
    messages: Said[] = [];
    /** Messages that were dropped at the beginning of the list. */
    dropped = 0;
    typing = false;
    partnerMic = false;
    ownMic = false;
    micProblem: MicProblem | null = null;
    words: string[] = [];
    poor = false;
    ended: { reason: string; name: string } | null = null;
    retried = '';
    conduct: 'blocked' | 'reported' | 'failed' | null = null;
    error: { code: string; fault: Fault | undefined } | null = null;

    say(text: string): void {
        this.push({ mine: true, text });
    }

    take(h: Happening): void {
        switch (h.event) {
        case 'state': this.enter(h.state); break;
        case 'logged-in': this.loggedIn = true; this.name = h.name; this.error = null; break;
        case 'logged-out': this.loggedIn = false; this.ended = null; this.forgetTalk(); break;
        case 'waiting': this.onWaiting(h); break;
        case 'drawn': this.forgetTalk(); this.partner = h.name; break;
        case 'secure': this.retried = ''; this.error = null; this.talkSinceMs = performance.now(); break;
        case 'words': this.words = h.words; break;
        case 'text': this.push({ mine: false, text: clean(h.body, true) }); this.typing = false; break;
        case 'typing': this.typing = h.on; break;
        case 'partner-mic': this.partnerMic = h.on; break;
        case 'own-mic': this.ownMic = h.on; if (h.on) this.micProblem = null; break;
        case 'mic-problem': this.micProblem = h.problem; break;
        case 'quality': this.poor = h.quality.poor; break;
        case 'ended': this.onEnded(h.reason, h.name, h.talked); break;
        case 'reachable': if (this.error?.code === 'server_unreachable') this.error = null; break;
        case 'error': this.error = { code: h.code, fault: h.fault }; break;
        case 'blocked': case 'reported': this.conduct = h.event; break;
        case 'conduct-failed': this.conduct = 'failed'; break;
        case 'reconnecting': break; // the state says it
        }
    }

    private enter(state: State): void {
        const before = this.state;
        this.state = state;
        if (state === 'waiting' && before === 'idle') {
            this.ended = this.conduct = null;
            if (this.error?.code !== 'server_unreachable') this.error = null; // that is told once
            this.retried = '';
            this.ready = this.online = 0;
            this.counted = false;
        }
        if (state === 'logging_in' && !this.loggedIn) this.error = null;
        if (state === 'talking') this.poor = false;
    }

    private onWaiting(h: { ready: number; online: number; elapsedS: number; counted: boolean }): void {
        this.ready = h.ready;
        this.online = h.online;
        this.elapsedS = h.elapsedS;
        this.counted ||= h.counted;
    }

    private onEnded(reason: string, name: string, talked: boolean): void {
        const again = this.state === 'connecting' && !['hung_up', 'blocked', 'reported', 'dtls_failed', 'sas_failed', 'protocol', 'no_relay', 'next'].includes(reason);
        this.ended = again || reason === 'next' ? null : { reason, name };
        this.retried = again ? name : '';
        this.conduct = null;
        this.typing = this.partnerMic = this.poor = false;
        this.micProblem = null;
        this.words = [];
        if (!talked || reason === 'next') this.messages = [];
    }

    private forgetTalk(): void {
        this.messages = [];
        this.dropped = 0;
        this.partner = this.draft = '';
        this.typing = this.partnerMic = this.poor = false;
        this.micProblem = null;
        this.words = [];
    }

    private push(said: Said): void {
        if (said.text.trim() === '') return;
        this.messages.push(said);
        if (this.messages.length > MESSAGES_MAX) {
            this.messages.shift();
            this.dropped++;
        }
    }
}
