/* When a description has candidates enough: gathering over; or 300 ms after the first that others can reach (reflexive or relay);
 * or 1.5 s over. Where relays alone count there is nothing to send without one, so that is waited for, 4.5 s at most. */

const SETTLE_MS = 300, LIMIT_MS = 1_500, RELAY_LIMIT_MS = 4_500;

export function gather(pc: RTCPeerConnection, relayOnly: boolean): Promise<void> {
    if (pc.iceGatheringState === 'complete') return Promise.resolve();
    return new Promise((resolve) => {
        let settle: ReturnType<typeof setTimeout> | undefined;
        const done = (): void => {
            clearTimeout(limit);
            clearTimeout(settle);
            pc.removeEventListener('icecandidate', onCandidate);
            pc.removeEventListener('icegatheringstatechange', onState);
            resolve();
        };
        const onCandidate = (e: RTCPeerConnectionIceEvent): void => {
            const type = e.candidate?.type;
            if (settle === undefined && (type === 'relay' || (!relayOnly && type === 'srflx'))) settle = setTimeout(done, SETTLE_MS);
        };
        const onState = (): void => {
            if (pc.iceGatheringState === 'complete' || pc.signalingState === 'closed') done();
        };
        const limit = setTimeout(done, relayOnly ? RELAY_LIMIT_MS : LIMIT_MS);
        pc.addEventListener('icecandidate', onCandidate);
        pc.addEventListener('icegatheringstatechange', onState);
    });
}
