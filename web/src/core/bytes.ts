/* Bytes as the protocol writes them: base64url without padding, hexadecimal. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export function toBase64url(bytes: Uint8Array): string {
    let out = '';
    for (let i = 0; i < bytes.length; i += 3) {
        const n = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
        const digits = Math.min(bytes.length - i, 3) + 1;
        for (let d = 0; d < digits; d++) out += ALPHABET.charAt((n >> (18 - 6 * d)) & 63);
    }
    return out;
}

/** Exactly `length` bytes, or null: padding, other characters and dangling bits are refused. */
export function fromBase64url(text: string, length: number): Uint8Array | null {
    const out = new Uint8Array(length);
    if (text.length !== Math.ceil((length * 4) / 3)) return null;
    let bits = 0, count = 0, at = 0;
    for (const c of text) {
        const digit = ALPHABET.indexOf(c);
        if (digit < 0) return null;
        bits = ((bits << 6) | digit) & 0xfff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[at++] = (bits >> count) & 0xff;
        }
    }
    return at === length && (bits & ((1 << count) - 1)) === 0 ? out : null;
}

export function fromHex(text: string): Uint8Array | null {
    if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return null;
    return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

export function join(parts: Uint8Array[]): Uint8Array {
    const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
    let at = 0;
    for (const p of parts) {
        out.set(p, at);
        at += p.length;
    }
    return out;
}

/** Without a way out that depends on where they differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
    let diff = a.length ^ b.length;
    for (let i = 0; i < a.length; i++) diff |= (a[i] ?? 0) ^ (b[i] ?? 0);
    return diff === 0;
}
