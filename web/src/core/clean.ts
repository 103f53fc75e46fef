/* What may be shown to a person of a stranger's text; the same rules as the terminal client's (src/base/text.c): no control,
 * bidirectional-control, zero-width or invisible characters. ZWJ and ZWNJ stay between characters that join. */

const HIDDEN: readonly (readonly [number, number])[] = [
    [0x0000, 0x001f], [0x007f, 0x009f], [0x00ad, 0x00ad], [0x034f, 0x034f], [0x061c, 0x061c], [0x115f, 0x1160],
    [0x17b4, 0x17b5], [0x180b, 0x180f], [0x200b, 0x200f], [0x2028, 0x202e], [0x2060, 0x206f], [0x3164, 0x3164],
    [0xd800, 0xf8ff], [0xfdd0, 0xfdef], [0xfeff, 0xfeff], [0xffa0, 0xffa0], [0xfff0, 0xfffb], [0xfffe, 0xffff],
    [0x1bca0, 0x1bca3], [0x1d173, 0x1d17a], [0xe0000, 0x10ffff],
];

function isShowable(cp: number): boolean {
    return (cp & 0xfffe) !== 0xfffe && !HIDDEN.some(([first, last]) => cp >= first && cp <= last);
}

function takesJoiner(cp: number): boolean {
    return cp >= 0xc0 && !(cp >= 0x2000 && cp <= 0x206f) && cp !== 0x3000 && isShowable(cp);
}

export function clean(text: string, keepLines: boolean): string {
    const chars = Array.from(text);
    let out = '', shown = 0;
    chars.forEach((c, i) => {
        const cp = c.codePointAt(0) ?? 0;
        const isLineEnd = cp === 0x0a || cp === 0x2028 || cp === 0x2029;
        const isJoiner = cp === 0x200c || cp === 0x200d;
        const after = chars[i + 1]?.codePointAt(0) ?? 0;
        if (isLineEnd || cp === 0x09) {
            out += keepLines && isLineEnd ? '\n' : ' ';
            shown = 0x20;
        } else if (isShowable(cp) || (isJoiner && takesJoiner(shown) && takesJoiner(after))) {
            out += c;
            shown = cp;
        }
    });
    return out;
}
