/* "Poor connection": judged from what the browser measured between two looks, told when it changes. */

export interface Counters { received: number; lost: number; jitterMs: number; rttMs: number }
export interface Quality { poor: boolean; lossPercent: number; jitterMs: number; rttMs: number }

const LOSS_PERCENT = 5, JITTER_MS = 60, RTT_MS = 500;
const LOOKS_TO_WORSEN = 2, LOOKS_TO_MEND = 3;

export class QualityWatch {
    private before: Counters | null = null;
    private poor = false;
    private otherwise = 0;

    /** The quality where `poor` has changed, else null. */
    look(now: Counters): Quality | null {
        const before = this.before ?? now;
        this.before = now;
        const received = Math.max(0, now.received - before.received), lost = Math.max(0, now.lost - before.lost);
        const lossPercent = received + lost > 0 ? (100 * lost) / (received + lost) : 0;
        const bad = lossPercent >= LOSS_PERCENT || now.jitterMs >= JITTER_MS || now.rttMs >= RTT_MS;
        this.otherwise = bad === this.poor ? 0 : this.otherwise + 1;
        if (this.otherwise < (bad ? LOOKS_TO_WORSEN : LOOKS_TO_MEND)) return null;
        this.poor = bad;
        this.otherwise = 0;
        return { poor: bad, lossPercent, jitterMs: now.jitterMs, rttMs: now.rttMs };
    }
}
