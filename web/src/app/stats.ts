/* What the browser tells of its connection. */
import type { Counters } from '../core/quality.js';

export interface Path { relayed: boolean | null; dtls: string; srtp: string }

type Stat = Record<string, unknown>;

const num = (v: unknown): number => (typeof v === 'number' ? v : 0);
const str = (v: unknown): string => (typeof v === 'string' ? v : '');

async function all(pc: RTCPeerConnection): Promise<Map<string, Stat>> {
    const out = new Map<string, Stat>();
    (await pc.getStats()).forEach((s: Stat) => out.set(str(s.id), s));
    return out;
}

function selectedPair(stats: Map<string, Stat>): Stat | undefined {
    const list = [...stats.values()];
    const id = str(list.find((s) => s.type === 'transport')?.selectedCandidatePairId);
    return stats.get(id) ?? list.find((s) => s.type === 'candidate-pair' && (s.selected === true || (s.nominated === true && s.state === 'succeeded')));
}

export async function pathOf(pc: RTCPeerConnection): Promise<Path> {
    const stats = await all(pc);
    const transport = [...stats.values()].find((s) => s.type === 'transport');
    const pair = selectedPair(stats);
    const types = pair ? [pair.localCandidateId, pair.remoteCandidateId].map((id) => str(stats.get(str(id))?.candidateType)) : [];
    return { relayed: pair ? types.includes('relay') : null, dtls: str(transport?.dtlsCipher), srtp: str(transport?.srtpCipher) };
}

export async function countersOf(pc: RTCPeerConnection): Promise<Counters> {
    const stats = await all(pc);
    const out: Counters = { received: 0, lost: 0, jitterMs: 0, rttMs: 1000 * num(selectedPair(stats)?.currentRoundTripTime) };
    for (const s of stats.values()) {
        if (s.type !== 'inbound-rtp' || s.kind !== 'audio') continue;
        out.received += num(s.packetsReceived);
        out.lost += num(s.packetsLost);
        out.jitterMs = 1000 * num(s.jitter);
    }
    return out;
}
