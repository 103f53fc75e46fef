/* A strict reader of JSON (RFC 8259) for what a stranger sends: depth, number of members, keys that stand twice, NUL and lone
 * surrogates are refused while reading, which JSON.parse does not do. */

export const MAX_DEPTH = 4;
export const MAX_KEYS = 32;

/** A number keeps its digits: channel.md allows plain ones only, and JSON.parse would hide how they were written. */
export class Digits {
    constructor(readonly raw: string) {}
}
export type Json = string | Digits | boolean | null | Json[] | Map<string, Json>;

class Bad extends Error {}

const ESCAPES: Record<string, string> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const SPACE = /[ \t\r\n]*/y;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

class Reader {
    private at = 0;

    constructor(private readonly s: string) {}

    object(): Map<string, Json> {
        this.space();
        if (this.s[this.at] !== '{') throw new Bad();
        const value = this.value(0) as Map<string, Json>;
        this.space();
        if (this.at !== this.s.length) throw new Bad();
        return value;
    }

    private match(pattern: RegExp): string {
        pattern.lastIndex = this.at;
        const found = pattern.exec(this.s)?.[0];
        if (found === undefined) throw new Bad();
        this.at += found.length;
        return found;
    }

    private space(): void {
        this.match(SPACE);
    }

    private take(c: string): boolean {
        this.space();
        if (!this.s.startsWith(c, this.at)) return false;
        this.at += c.length;
        return true;
    }

    private value(depth: number): Json {
        this.space();
        if (this.take('"')) return this.string();
        if (this.take('{')) return this.members(depth + 1);
        if (this.take('[')) return this.array(depth + 1);
        if (this.take('true')) return true;
        if (this.take('false')) return false;
        if (this.take('null')) return null;
        return new Digits(this.match(NUMBER));
    }

    private members(depth: number): Map<string, Json> {
        const out = new Map<string, Json>();
        if (depth > MAX_DEPTH) throw new Bad();
        if (this.take('}')) return out;
        do {
            if (out.size === MAX_KEYS || !this.take('"')) throw new Bad();
            const key = this.string();
            if (out.has(key) || !this.take(':')) throw new Bad();
            out.set(key, this.value(depth));
        } while (this.take(','));
        if (!this.take('}')) throw new Bad();
        return out;
    }

    private array(depth: number): Json[] {
        const out: Json[] = [];
        if (depth > MAX_DEPTH) throw new Bad();
        if (this.take(']')) return out;
        do out.push(this.value(depth));
        while (this.take(','));
        if (!this.take(']')) throw new Bad();
        return out;
    }

    /** The opening quote is taken. */
    private string(): string {
        let out = '';
        for (;;) {
            const c = this.s[this.at++];
            if (c === undefined || c < ' ') throw new Bad();
            if (c === '"') break;
            out += c === '\\' ? this.escape() : c;
        }
        if (LONE_SURROGATE.test(out)) throw new Bad();
        return out;
    }

    private escape(): string {
        const c = this.s[this.at++] ?? '';
        if (c !== 'u') {
            const plain = ESCAPES[c];
            if (plain === undefined) throw new Bad();
            return plain;
        }
        const hex = this.s.slice(this.at, this.at + 4);
        if (!/^[0-9a-fA-F]{4}$/.test(hex) || hex === '0000') throw new Bad();
        this.at += 4;
        return String.fromCharCode(parseInt(hex, 16));
    }
}

/** The members of one object with nothing behind it, or null where the text is not that. */
export function readObject(text: string): Map<string, Json> | null {
    try {
        return new Reader(text).object();
    } catch (e) {
        if (e instanceof Bad) return null;
        throw e;
    }
}
