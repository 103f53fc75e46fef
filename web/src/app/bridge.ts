/* Stands where JsSIP expects the browser's RTCPeerConnection: JsSIP does the signalling, Link (link.ts) owns the connection. So
 * nothing that happens to the signalling can close a talk, and a description leaves only after it was stripped.
 * The bundler puts these two in the place of the globals of the same names. */

/** What the link has to say to a call; handed through pcConfig. */
export interface Ends {
    offer(): string;
    answer(): string;
    /** The partner's later offer (ICE restart), answered. Rejects: 488. */
    reoffered(sdp: string): Promise<string>;
}

interface Description { type: string; sdp: string }

class BridgedConnection extends EventTarget {
    readonly iceGatheringState = 'complete';
    readonly iceConnectionState = 'connected';
    signalingState = 'have-local-offer';
    localDescription: Description | null = null;
    private readonly ends: Ends;
    private offers = 0;
    private answerNow = '';

    constructor(config: { ends: Ends }) {
        super();
        this.ends = config.ends;
    }

    createOffer(): Promise<Description> {
        return Promise.resolve({ type: 'offer', sdp: this.ends.offer() });
    }

    createAnswer(): Promise<Description> {
        return Promise.resolve({ type: 'answer', sdp: this.answerNow || this.ends.answer() });
    }

    setLocalDescription(d: Description): Promise<void> {
        this.localDescription = d;
        return Promise.resolve();
    }

    async setRemoteDescription(d: Description): Promise<void> {
        if (d.type !== 'offer') return; // the conversation takes the answer from the call
        if (this.offers++ > 0 || this.localDescription) this.answerNow = await this.ends.reoffered(d.sdp);
    }

    getSenders(): never[] {
        return [];
    }

    getReceivers(): never[] {
        return [];
    }

    close(): void {
        this.signalingState = 'closed';
    }
}

class BridgedDescription implements Description {
    readonly type: string;
    readonly sdp: string;

    constructor(d: Description) {
        this.type = d.type;
        this.sdp = d.sdp;
    }
}

export { BridgedConnection as RTCPeerConnection, BridgedDescription as RTCSessionDescription };
