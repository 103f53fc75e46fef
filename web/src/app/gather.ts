/* When a description has candidates enough, for it is sent once (docs/protocol/sdp.md): gathering over, or a moment after the first
 * candidate than which no better kind is to come; 1.5 s at most. Where relays alone count there is nothing to send without one, so that
 * is waited for, 4.5 s at most. */

const LIMIT_MS = 1_500, RELAY_LIMIT_MS = 4_500;
const RELAY_MS = 50; // everybody is reached by it
const REFLEXIVE_MS = 100; // other families and networks
const BEFORE_RELAY_MS = 300;
const HOST_MS = 15; // all come at once; what browsers wait for longer is TCP, which is not sent

export interface Gathering { relayOnly: boolean; iceServers: RTCIceServer[] }

/** How long after a candidate of this type; Infinity: better ones are to come, or it does not count. */
export function settleMs(c: { type: string | null; protocol: string | null }, how: Gathering): number {
    const urls = how.iceServers.flatMap((s) => s.urls);
    if (c.type === 'relay') return RELAY_MS;
    if (how.relayOnly || c.protocol !== 'udp') return Infinity;
    if (c.type === 'srflx') return urls.some((u) => u.startsWith('turn')) ? BEFORE_RELAY_MS : REFLEXIVE_MS;
    return c.type === 'host' && urls.length === 0 ? HOST_MS : Infinity;
}

/** Over, and not that of a description before (ICE restart). */
const isOver = (pc: RTCPeerConnection): boolean => pc.iceGatheringState === 'complete' && /^a=candidate:/m.test(pc.localDescription?.sdp ?? '');

export function gather(pc: RTCPeerConnection, how: Gathering): Promise<void> {
    if (isOver(pc)) return Promise.resolve();
    return new Promise((resolve) => {
        let settle: ReturnType<typeof setTimeout> | undefined, dueAt = Infinity;
        const done = (): void => {
            clearTimeout(limit);
            clearTimeout(settle);
            pc.removeEventListener('icecandidate', onCandidate);
            pc.removeEventListener('icegatheringstatechange', onState);
            resolve();
        };
        const onCandidate = (e: RTCPeerConnectionIceEvent): void => {
            const ms = e.candidate ? settleMs(e.candidate, how) : Infinity, at = performance.now() + ms;
            if (at >= dueAt) return;
            dueAt = at;
            clearTimeout(settle);
            settle = setTimeout(done, ms);
        };
        const onState = (): void => {
            if (pc.iceGatheringState === 'complete' || pc.signalingState === 'closed') done();
        };
        const limit = setTimeout(done, how.relayOnly ? RELAY_LIMIT_MS : LIMIT_MS);
        pc.addEventListener('icecandidate', onCandidate);
        pc.addEventListener('icegatheringstatechange', onState);
    });
}
