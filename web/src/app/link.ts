/* The encrypted link between the partners: the browser's RTCPeerConnection, held to docs/protocol/{sdp,channel,words}.md.
 *
 * Caller:  new -> ready() -> localSdp -> INVITE … 200 -> remote(answer)
 * Callee:  new -> remote(offer) -> ready() -> localSdp -> 200
 * Then secure(): DTLS up, channel open, words agreed. Talk. bye() -> gone(), or closed(why). */
import { fromHex } from '../core/bytes.js';
import { Receiver, type Message } from '../core/chan.js';
import { Outbox } from '../core/outbox.js';
import type { Counters } from '../core/quality.js';
import { Sas, type SasMessage } from '../core/sas.js';
import { candidateTypes, fingerprint, gate, strip } from '../core/sdp.js';
import type { Draw, LinkEnd } from '../core/turn.js';
import { ownFingerprint, peerFingerprint, sha256 } from './fingerprint.js';
import { gather } from './gather.js';
import { countersOf, pathOf, type Path } from './stats.js';

export interface LinkEvents {
    ready(): void;
    secure(words: string[]): void;
    text(body: string): void;
    typing(on: boolean): void;
    partnerMic(on: boolean): void;
    /** Nothing heard for 3 s / heard again. */
    silent(on: boolean): void;
    /** Once; nothing follows. */
    closed(why: LinkEnd): void;
    voice(stream: MediaStream): void;
}

const TICK_MS = 200;
const SILENT_MS = 3_000;
const RESTART_MS = 3_000; // between tries to find a new path while silent
const BYE_MS = 1_000;
const LABEL = 'myturn';

type Phase = 'setup' | 'words' | 'secure' | 'bye' | 'closed';

const now = (): number => performance.now();

/** What needs no partner and takes its time, done before the draw. Each is for one talk. */
export interface Prepared { pc: RTCPeerConnection; certificate: RTCCertificate }

export async function prepare(): Promise<Prepared> {
    const Connection = window.RTCPeerConnection; // not bridge.ts's
    const certificate = await Connection.generateCertificate({ name: 'ECDSA', namedCurve: 'P-256' } as AlgorithmIdentifier);
    return { certificate, pc: new Connection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require', certificates: [certificate] }) };
}

export class Link {
    localSdp = '';
    private phase: Phase = 'setup';
    private pc: RTCPeerConnection | null = null;
    private certificate: RTCCertificate | null = null;
    private channel: RTCDataChannel | null = null;
    private sender: RTCRtpSender | null = null;
    private receiver: RTCRtpReceiver | null = null;
    private track: MediaStreamTrack | null = null;
    private outbox: Outbox | null = null;
    private inbox: Receiver | null = null;
    private sas: Sas | null = null;
    private work: Promise<unknown> = Promise.resolve();
    private timer: ReturnType<typeof setInterval> | undefined;
    private byeTimer: ReturnType<typeof setTimeout> | undefined;
    private heardAt = now();
    private lastRtp = -1;
    private isSilent = false;
    private onGone: (() => void) | null = null;
    private remoteFingerprint = '';
    private restartAt = 0;
    private restarting = false;

    /** restart: an ICE restart is due; the offer goes to the partner, who answers (null: he did not). */
    constructor(private readonly draw: Draw, private readonly events: LinkEvents,
                private readonly restart: (offer: string) => Promise<string | null>, private readonly prepared: Promise<Prepared> = prepare()) {
        this.enqueue(() => this.open());
    }

    /** The partner's offer or answer. */
    remote(sdp: string): void {
        this.enqueue(() => (this.draw.caller ? this.takeAnswer(sdp) : this.takeOffer(sdp)));
    }

    /** The partner's offer of a restart, within the talk; rejects what the gate refuses. */
    reoffered(sdp: string): Promise<string> {
        const done = this.work.then(async () => {
            const pc = this.need();
            if (this.draw.caller) throw new Error('the caller alone offers');
            const how = { kind: 'offer', relayOnly: this.draw.relayOnly, sameFingerprint: this.remoteFingerprint } as const;
            await pc.setRemoteDescription({ type: 'offer', sdp: gate(sdp, how) });
            await pc.setLocalDescription(await pc.createAnswer());
            return this.describe(pc);
        });
        this.work = done.catch(() => undefined);
        return done;
    }

    text(body: string): boolean {
        const taken = this.phase === 'secure' && (this.outbox?.text(body) ?? false);
        this.flush();
        return taken;
    }

    typing(on: boolean): void {
        this.outbox?.setTyping(on);
        this.flush();
    }

    /** The microphone's sound goes to the partner; null: it is off. */
    async setMic(track: MediaStreamTrack | null): Promise<void> {
        this.track = track;
        await this.sender?.replaceTrack(this.mute ? null : track);
        this.outbox?.setMic(track !== null);
        this.flush();
    }

    /** A path over another network may be needed. */
    networkChanged(): void {
        if (this.phase === 'secure') this.tryRestart();
    }

    silentMs(): number {
        return this.phase === 'secure' ? now() - this.heardAt : 0;
    }

    /** Hangs up; gone() within 1 s. */
    bye(gone: () => void): void {
        this.onGone = gone;
        if (this.phase !== 'secure') {
            this.finish(null);
            return;
        }
        this.phase = 'bye';
        this.outbox?.now({ type: 'bye' }, now());
        this.byeTimer = setTimeout(() => this.finish(null), BYE_MS);
    }

    /** The page goes away: what can be said in its last moment. */
    byeNow(): void {
        if (this.phase === 'secure') this.outbox?.now({ type: 'bye' }, now());
        this.destroy();
    }

    /** Any state; nothing follows. */
    destroy(): void {
        this.onGone = null;
        this.finish(null);
    }

    async path(): Promise<Path | null> {
        return this.pc && this.phase === 'secure' ? pathOf(this.pc) : null;
    }

    async counters(): Promise<Counters | null> {
        return this.pc && this.phase === 'secure' ? countersOf(this.pc) : null;
    }

    /* --- setting up --- */

    /** One step after the other; what throws is the partner's description or an own failure, and ends the link. */
    private enqueue(step: () => Promise<void>): void {
        this.work = this.work.then(() => (this.phase === 'closed' ? undefined : step())).catch(() => this.finish('protocol'));
    }

    private need(): RTCPeerConnection {
        if (!this.pc || this.phase === 'closed') throw new Error('closed');
        return this.pc;
    }

    private async open(): Promise<void> {
        const { pc, certificate } = await this.prepared;
        this.certificate = certificate;
        if (this.isClosed()) {
            pc.close();
            return;
        }
        pc.setConfiguration({ ...pc.getConfiguration(), iceServers: this.draw.iceServers, iceTransportPolicy: this.draw.relayOnly ? 'relay' : 'all' });
        this.pc = pc;
        pc.addEventListener('connectionstatechange', () => this.onState(pc));
        pc.addEventListener('iceconnectionstatechange', () => this.onState(pc));
        pc.addEventListener('datachannel', (e) => this.onChannel(e.channel));
        pc.addEventListener('track', (e) => this.onTrack(e));
        if (!this.draw.caller) return;
        this.sender = pc.addTransceiver('audio', { direction: 'sendrecv' }).sender;
        this.listen(pc.createDataChannel(LABEL));
        await pc.setLocalDescription(await pc.createOffer());
        await this.publish(pc);
    }

    private async publish(pc: RTCPeerConnection): Promise<void> {
        const sdp = await this.describe(pc);
        if (this.isClosed()) return;
        if (this.draw.relayOnly && !candidateTypes(sdp).includes('relay')) {
            this.finish('no_relay');
            return;
        }
        this.localSdp = sdp;
        this.events.ready();
    }

    /** The own description once enough candidates are there, stripped. */
    private async describe(pc: RTCPeerConnection): Promise<string> {
        await gather(pc, this.draw);
        return strip(pc.localDescription?.sdp ?? '', this.draw.relayOnly);
    }

    private async takeOffer(sdp: string): Promise<void> {
        const pc = this.need();
        const offer = gate(sdp, { kind: 'offer', relayOnly: this.draw.relayOnly });
        this.remoteFingerprint = fingerprint(offer);
        await pc.setRemoteDescription({ type: 'offer', sdp: offer });
        const voice = pc.getTransceivers()[0];
        if (voice) {
            voice.direction = 'sendrecv';
            this.sender = voice.sender;
        }
        await pc.setLocalDescription(await pc.createAnswer());
        await this.publish(pc);
    }

    private async takeAnswer(sdp: string): Promise<void> {
        const pc = this.need();
        const answer = gate(sdp, { kind: 'answer', relayOnly: this.draw.relayOnly, offer: this.localSdp });
        this.remoteFingerprint = fingerprint(answer);
        await pc.setRemoteDescription({ type: 'answer', sdp: answer });
    }

    private isClosed(): boolean {
        return this.phase === 'closed';
    }

    private onTrack(e: RTCTrackEvent): void {
        this.receiver = e.receiver;
        this.events.voice(new MediaStream([e.track]));
    }

    private onChannel(channel: RTCDataChannel): void {
        if (this.draw.caller || this.channel || channel.label !== LABEL) channel.close();
        else this.listen(channel);
    }

    private listen(channel: RTCDataChannel): void {
        this.channel = channel;
        channel.addEventListener('open', () => this.opened());
        channel.addEventListener('message', (e: MessageEvent<unknown>) => this.onMessage(e.data));
        channel.addEventListener('close', () => this.finish(this.phase === 'bye' ? null : 'remote_bye'));
        if (channel.readyState === 'open') this.opened();
    }

    private opened(): void {
        if (this.phase !== 'setup') return;
        this.phase = 'words';
        this.inbox = new Receiver(now());
        this.outbox = new Outbox(now(), (json) => this.write(json));
        this.timer = setInterval(() => this.tick(), TICK_MS);
        this.enqueue(() => this.startWords());
    }

    private onState(pc: RTCPeerConnection): void {
        if (this.phase === 'closed' || this.phase === 'secure' || this.phase === 'bye') return; // then silence is judged
        if (pc.iceConnectionState === 'failed') this.finish('no_path');
        else if (pc.connectionState === 'failed') this.finish('dtls_failed');
    }

    /* --- the four words --- */

    private async startWords(): Promise<void> {
        if (!this.certificate) return;
        const pair = fromHex(this.draw.pair) ?? new Uint8Array(16);
        const nonce = crypto.getRandomValues(new Uint8Array(32));
        const pc = this.need();
        const [fpOwn, fpPeer] = await Promise.all([ownFingerprint(pc, this.certificate), peerFingerprint(pc)]);
        this.sas = new Sas({ a: this.draw.caller, pair, fpOwn, fpPeer, nonce }, sha256);
        this.sendSas(await this.sas.start(now()));
    }

    private sendSas(m: SasMessage | null): void {
        if (m && !this.outbox?.now(m, now())) this.finish('sas_failed');
    }

    private async takeSas(m: SasMessage): Promise<void> {
        if (this.sas?.late(now())) {
            this.finish('no_path');
            return;
        }
        try {
            this.sendSas((await this.sas?.input(m, now())) ?? null);
        } catch {
            this.finish('sas_failed');
            return;
        }
        if (!this.sas?.words || this.phase !== 'words' || !this.outbox) return;
        this.phase = 'secure';
        this.outbox.open = true;
        this.heardAt = now();
        this.events.secure(this.sas.words);
        if (this.track) await this.setMic(this.track);
    }

    /* --- talk --- */

    private write(json: string): void {
        if (this.channel?.readyState === 'open') this.channel.send(json);
    }

    private onMessage(data: unknown): void {
        this.heardAt = now();
        const m = typeof data === 'string' ? this.inbox?.receive(data, now()) : null;
        if (this.phase === 'bye') {
            if (m?.type === 'bye') this.finish(null);
        } else if (!m) {
            this.finish('protocol');
        } else if (this.phase === 'secure') {
            this.take(m);
        } else {
            this.enqueue(() => this.takeEarly(m));
        }
    }

    /** Before the words: hashing takes its time, so what comes is worked off one by one. */
    private async takeEarly(m: Message): Promise<void> {
        if (m.type === 'sas-commit' || m.type === 'sas-nonce' || m.type === 'sas-reveal') await this.takeSas(m);
        else this.take(m);
    }

    private take(m: Message): void {
        switch (m.type) {
        case 'unknown':
            break;
        case 'ping':
            this.outbox?.ping(m.id);
            this.flush();
            break;
        case 'pong':
            if (!this.outbox?.pong(m.id)) this.finish('protocol');
            else this.flush();
            break;
        case 'bye':
            this.outbox?.now({ type: 'bye' }, now()); // confirms
            this.finish('remote_bye');
            break;
        case 'sas-commit':
        case 'sas-nonce':
        case 'sas-reveal':
            this.finish('sas_failed'); // one run only
            break;
        default:
            this.takeTalk(m);
        }
    }

    private takeTalk(m: Extract<Message, { type: 'text' | 'typing' | 'mic' | 'cam' }>): void {
        if (this.phase !== 'secure') this.finish('sas_failed'); // nothing is said before the words
        else if (m.type === 'text') this.events.text(m.body);
        else if (m.type === 'typing') this.events.typing(m.on);
        else if (m.type === 'mic') this.events.partnerMic(m.on);
    }

    private flush(): void {
        if (this.phase !== 'words' && this.phase !== 'secure') return;
        if (!this.mute) this.outbox?.flush(now());
    }

    /** A callee that hears nothing asks for a new path by falling silent himself (docs/protocol/sdp.md). */
    private get mute(): boolean {
        return this.isSilent && !this.draw.caller;
    }

    private tick(): void {
        if (this.phase === 'words' && this.sas?.late(now())) this.finish('no_path'); // nothing came that was wrong
        if (this.phase === 'secure') this.watchSilence();
        this.flush();
    }

    /** Voice is a sign of life, too. */
    private listenForVoice(): void {
        const rtp = this.receiver?.getSynchronizationSources()[0]?.rtpTimestamp ?? -1;
        if (rtp !== this.lastRtp) this.heardAt = now();
        this.lastRtp = rtp;
    }

    private watchSilence(): void {
        this.listenForVoice();
        const silent = this.silentMs() >= SILENT_MS;
        if (silent !== this.isSilent) {
            this.isSilent = silent;
            void this.sender?.replaceTrack(this.mute ? null : this.track).catch(() => undefined);
            this.events.silent(silent);
        }
        if (silent && this.phase === 'secure') this.tryRestart();
    }

    /** The caller offers; the callee asks by becoming silent (docs/protocol/sdp.md). */
    private tryRestart(): void {
        if (!this.draw.caller || this.restarting || now() < this.restartAt) return;
        this.restarting = true;
        this.restartAt = now() + RESTART_MS;
        const done = this.work.then(() => this.offerAnew()).catch(() => undefined);
        this.work = done.then(() => {
            this.restarting = false;
        });
    }

    private async offerAnew(): Promise<void> {
        const pc = this.need();
        await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
        const offer = await this.describe(pc);
        const answer = await this.restart(offer);
        try {
            if (answer === null) throw new Error('no answer');
            const how = { kind: 'answer', relayOnly: this.draw.relayOnly, offer, sameFingerprint: this.remoteFingerprint } as const;
            await pc.setRemoteDescription({ type: 'answer', sdp: gate(answer, how) });
        } catch {
            if (!this.isClosed()) await pc.setLocalDescription({ type: 'rollback' });
        }
    }

    /* --- the end --- */

    private finish(why: LinkEnd | null): void {
        if (this.phase === 'closed') return;
        this.phase = 'closed';
        clearInterval(this.timer);
        clearTimeout(this.byeTimer);
        const gone = this.onGone, pc = this.pc;
        // A bye that was just written goes out before the connection is closed.
        const close = (): void => pc?.close();
        if (why === 'remote_bye' && this.channel?.readyState === 'open') setTimeout(close, 50);
        else close();
        if (gone) gone();
        else if (why) this.events.closed(why);
    }
}
