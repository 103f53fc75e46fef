/* Microphone, loudspeaker and their levels. The microphone is open only while it is on: what opens it is the user's press. */

export type MicProblem = 'denied' | 'none' | 'busy' | 'unsupported' | 'gone';

export class MicError extends Error {
    constructor(readonly problem: MicProblem) {
        super(problem);
    }
}

function problemOf(e: unknown): MicProblem {
    const name = e instanceof DOMException ? e.name : '';
    if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
    if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'none';
    return 'busy';
}

export interface Devices { mics: MediaDeviceInfo[]; speakers: MediaDeviceInfo[] }

interface Sinkable { setSinkId?(id: string): Promise<void> }

/** The level of a stream, 0 to 1, a few times a second. */
class Meter {
    private readonly analyser: AnalyserNode;
    private readonly source: MediaStreamAudioSourceNode;
    private readonly samples: Float32Array<ArrayBuffer>;

    constructor(context: AudioContext, stream: MediaStream) {
        this.source = context.createMediaStreamSource(stream);
        this.analyser = context.createAnalyser();
        this.analyser.fftSize = 1024;
        this.samples = new Float32Array(1024);
        this.source.connect(this.analyser);
    }

    /** −60 dB and less is 0, 0 dB is 1. */
    level(): number {
        this.analyser.getFloatTimeDomainData(this.samples);
        const power = this.samples.reduce((sum, x) => sum + x * x, 0) / this.samples.length;
        return Math.max(0, Math.min(1, 1 + (10 * Math.log10(power + 1e-12)) / 60));
    }

    close(): void {
        this.source.disconnect();
    }
}

export class Voice {
    micId = '';
    speakerId = '';
    private context: AudioContext | null = null;
    private mic: MediaStream | null = null;
    private openings = 0; // of the microphone, and closings
    private ownMeter: Meter | null = null;
    private partnerMeter: Meter | null = null;
    private readonly partner = new Audio();
    private readonly echo = new Audio();

    static get supported(): boolean {
        return (navigator.mediaDevices as MediaDevices | undefined) !== undefined;
    }

    /** Opens the microphone, or the newly chosen one; the track to send. Null: it was closed, or opened anew, while the user was asked. Throws MicError. */
    async openMic(): Promise<MediaStreamTrack | null> {
        if (!Voice.supported) throw new MicError('unsupported');
        this.closeMic();
        const opening = this.openings;
        const audio: MediaTrackConstraints = {
            echoCancellation: true, noiseSuppression: true, autoGainControl: true,
            ...(this.micId ? { deviceId: { exact: this.micId } } : {}),
        };
        let stream: MediaStream;
        try {
            stream = await navigator.mediaDevices.getUserMedia({ audio });
        } catch (e) {
            if (opening !== this.openings) return null;
            if (this.micId && problemOf(e) === 'none') { // unplugged since it was chosen
                this.micId = '';
                return this.openMic();
            }
            throw new MicError(problemOf(e));
        }
        const track = stream.getAudioTracks()[0];
        if (opening !== this.openings || !track) {
            stream.getTracks().forEach((t) => t.stop());
            return null;
        }
        this.mic = stream;
        this.ownMeter = this.meter(stream);
        return track;
    }

    closeMic(): void {
        this.openings++;
        this.mic?.getTracks().forEach((t) => t.stop());
        this.mic = null;
        this.ownMeter?.close();
        this.ownMeter = null;
        this.hear(false);
    }

    /** One's own voice through the loudspeaker. */
    hear(on: boolean): void {
        this.echo.srcObject = on ? this.mic : null;
        if (on && this.mic) this.play(this.echo);
    }

    setPartner(stream: MediaStream | null): void {
        this.partnerMeter?.close();
        this.partnerMeter = stream ? this.meter(stream) : null;
        this.partner.srcObject = stream;
        this.partner.muted = true; // until the words are agreed
        if (stream) this.play(this.partner);
    }

    letPartnerSpeak(): void {
        this.partner.muted = false;
        this.play(this.partner);
    }

    ownLevel(): number {
        return this.ownMeter?.level() ?? 0;
    }

    partnerLevel(): number {
        return this.partnerMeter?.level() ?? 0;
    }

    async devices(): Promise<Devices> {
        const all = Voice.supported ? await navigator.mediaDevices.enumerateDevices() : [];
        const named = (kind: MediaDeviceKind): MediaDeviceInfo[] => all.filter((d) => d.kind === kind && d.deviceId !== '' && d.label !== '');
        return { mics: named('audioinput'), speakers: 'setSinkId' in this.partner ? named('audiooutput') : [] };
    }

    /** Another device was plugged in, or one unplugged. */
    onPlugged(then: (() => void) | null): void {
        if (Voice.supported) navigator.mediaDevices.ondevicechange = then;
    }

    async setSpeaker(id: string): Promise<void> {
        this.speakerId = id;
        try {
            for (const audio of [this.partner, this.echo]) await (audio as Sinkable).setSinkId?.(id);
        } catch {
            if (id !== '') await this.setSpeaker(''); // unplugged since it was listed
        }
    }

    /** To be called in a user's press, or the browser keeps the sound back. */
    wake(): void {
        this.context ??= new AudioContext();
        void this.context.resume().catch(() => undefined);
        for (const audio of [this.partner, this.echo]) this.play(audio); // some allow it to each that was started in a press
    }

    private meter(stream: MediaStream): Meter {
        this.context ??= new AudioContext();
        void this.context.resume().catch(() => undefined);
        return new Meter(this.context, stream);
    }

    private play(audio: HTMLAudioElement): void {
        void audio.play().catch(() => undefined);
    }
}
