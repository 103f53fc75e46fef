/* Whether the connection to the server is alive. A page is told neither of WebSocket pings nor of another address of its machine, and a
 * connection from the old one looks alive for minutes; so it asks itself (RFC 5626 4.4.1). */

const BEAT_MS = 1_000;
const PING_MS = 4_000; // of silence
const ANSWER_MS = 3_000;

export interface Wire {
    ondata: (data: unknown) => void;
    send(data: string): boolean;
    isConnected(): boolean;
}

const now = (): number => performance.now();

export class Pulse {
    private readonly timer = setInterval(() => this.beat(), BEAT_MS);
    private heardAt = now();
    private pingedAt = -Infinity;
    private suspect = false;

    constructor(private readonly wire: Wire, private readonly gone: () => void) {
        let then = wire.ondata;
        Object.defineProperty(wire, 'ondata', {
            get: () => then,
            set: (f: Wire['ondata']) => {
                then = (data) => {
                    this.heardAt = now();
                    f(data);
                };
            },
        });
    }

    stop(): void {
        clearInterval(this.timer);
    }

    private beat(): void {
        const open = this.wire.isConnected(), late = open && this.pingedAt > this.heardAt && now() - this.pingedAt >= ANSWER_MS;
        if (!open) this.heardAt = now(); // a new one begins with a request
        // Twice: after a sleep the answer may be there and only not be handed over yet.
        if (late && this.suspect) this.gone();
        this.suspect = late && !this.suspect;
        if (!open || late || now() - Math.max(this.heardAt, this.pingedAt) < PING_MS) return;
        this.pingedAt = now();
        this.wire.send('\r\n\r\n');
    }
}
