/* The four words (docs/protocol/words.md): a machine that is fed the sas-* messages of the data channel.
 *
 * A, who sent the INVITE that formed the dialog, starts. Hashing in a browser is asynchronous, so the steps are too: the
 * caller hands one message at a time. */
import { join, sameBytes } from './bytes.js';
import { WORDS } from './words.js';

export const SAS_LIMIT_MS = 10_000;

export type Digest = (bytes: Uint8Array) => Promise<Uint8Array>;
export type SasKind = 'sas-commit' | 'sas-nonce' | 'sas-reveal';
export interface SasMessage { type: SasKind; value: Uint8Array }

export interface SasSetup {
    /** We sent the INVITE, whatever the DTLS roles. */
    a: boolean;
    pair: Uint8Array;
    /** SHA-256 of the own certificate's DER, and of the one that came in the handshake. */
    fpOwn: Uint8Array;
    fpPeer: Uint8Array;
    /** 32 random bytes. */
    nonce: Uint8Array;
}

type State = 'idle' | 'commit' | 'nonce' | 'reveal' | 'done' | 'failed';

/** Anything that is not the protocol, or too late: the call ends with sas_failed. */
export class SasFailed extends Error {}

const text = (s: string): Uint8Array => new TextEncoder().encode(s);

export class Sas {
    private state: State = 'idle';
    private dueMs = Infinity;
    private commit = new Uint8Array(0);
    private noncePeer = new Uint8Array(32);
    private found: string[] | null = null;

    constructor(private readonly setup: SasSetup, private readonly digest: Digest) {}

    /** Null until the run is over. */
    get words(): string[] | null {
        return this.found;
    }

    /** The data channel is open: A gets the commit to send. */
    async start(nowMs: number): Promise<SasMessage | null> {
        if (this.state !== 'idle') throw new SasFailed('started twice');
        this.dueMs = nowMs + SAS_LIMIT_MS;
        this.state = this.setup.a ? 'nonce' : 'commit';
        return this.setup.a ? { type: 'sas-commit', value: await this.commitment() } : null;
    }

    /** What is to be sent, if anything. Throws SasFailed. */
    async input(m: SasMessage, nowMs: number): Promise<SasMessage | null> {
        if (nowMs >= this.dueMs) this.fail('too late');
        if (this.state === 'commit' && m.type === 'sas-commit') {
            this.commit = m.value.slice();
            this.state = 'reveal';
            return { type: 'sas-nonce', value: this.setup.nonce.slice() };
        }
        if (this.state === 'nonce' && m.type === 'sas-nonce') {
            this.noncePeer = m.value.slice();
            const reveal = this.setup.nonce.slice();
            await this.findWords();
            return { type: 'sas-reveal', value: reveal };
        }
        if (this.state === 'reveal' && m.type === 'sas-reveal') {
            this.noncePeer = m.value.slice();
            if (!sameBytes(await this.commitment(), this.commit)) this.fail('the reveal does not fit');
            await this.findWords();
            return null;
        }
        return this.fail('out of order');
    }

    /** Whether the time is over without words. */
    late(nowMs: number): boolean {
        return this.state !== 'done' && nowMs >= this.dueMs;
    }

    private fail(why: string): never {
        this.end('failed');
        throw new SasFailed(why);
    }

    private end(state: State): void {
        this.state = state;
        this.dueMs = Infinity;
        this.setup.nonce.fill(0);
        this.noncePeer.fill(0);
    }

    private commitment(): Promise<Uint8Array> {
        const s = this.setup;
        const na = s.a ? s.nonce : this.noncePeer;
        return this.digest(join([text('myturn sas commit v1'), s.pair, na, ...this.fingerprints()]));
    }

    private fingerprints(): Uint8Array[] {
        const s = this.setup;
        return s.a ? [s.fpOwn, s.fpPeer] : [s.fpPeer, s.fpOwn];
    }

    private async findWords(): Promise<void> {
        const s = this.setup;
        const nonces = s.a ? [s.nonce, this.noncePeer] : [this.noncePeer, s.nonce];
        const d = await this.digest(join([text('myturn sas v1'), s.pair, ...nonces, ...this.fingerprints()]));
        this.found = Array.from(d.slice(0, 4), (n) => WORDS[n] ?? '');
        this.end('done');
    }
}
