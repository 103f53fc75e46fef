/* Session descriptions of the link (docs/protocol/sdp.md): what the browser writes is stripped of addresses, what the partner
 * sends passes a gate before the browser sees it. */

const MAX_SDP = 16_384;
const MAX_CANDIDATES = 60;

/** The level of the voice would stand in the clear beside each encrypted packet (RFC 6464), so it is neither offered nor taken. */
const LEVEL = /^a=extmap:\d+(?:\/\w+)? urn:ietf:params:rtp-hdrext:(?:ssrc|csrc)-audio-level\b/;

interface Candidate { line: string; type: string }

/** One UDP candidate rebuilt from what was understood, with a blank related address; null: passed over. */
function candidate(line: string): Candidate | null {
    const found = /^a=candidate:(\S{1,32}) 1 udp (\d{1,10}) (\S{1,100}) (\d{1,5}) typ (host|srflx|prflx|relay)(?: |$)/i.exec(line);
    if (!found) return null;
    const [, foundation, priority, address, port] = found, type = (found[5] ?? '').toLowerCase();
    const related = type === 'host' ? '' : ' raddr 0.0.0.0 rport 0';
    return { type, line: `a=candidate:${foundation} 1 udp ${priority} ${address} ${port} typ ${type}${related}` };
}

const lines = (sdp: string): string[] => sdp.split(/\r?\n/).filter((l) => l !== '');
const text = (all: string[]): string => all.map((l) => l + '\r\n').join('');

/** The own description as it may leave this machine. */
export function strip(sdp: string, relayOnly: boolean): string {
    let count = 0;
    const out: string[] = [];
    for (const line of lines(sdp)) {
        if (line.startsWith('a=candidate:')) {
            const c = candidate(line);
            if (c && (!relayOnly || c.type === 'relay') && count++ < MAX_CANDIDATES) out.push(c.line);
        } else if (line.startsWith('o=')) {
            out.push(line.replace(/ IN IP[46] \S+$/, ' IN IP4 0.0.0.0'));
        } else if (line.startsWith('c=')) {
            out.push('c=IN IP4 0.0.0.0');
        } else if (line.startsWith('m=')) {
            out.push(line.replace(/^(m=\S+) \d+/, '$1 9'));
        } else if (!/^a=(?:rtcp:|ice-options:|end-of-candidates)/.test(line) && !LEVEL.test(line)) {
            out.push(line);
        }
    }
    return text(out);
}

/** Whether relays, or at all candidates of other machines than this, are among the candidates. */
export function candidateTypes(sdp: string): string[] {
    return lines(sdp).map(candidate).filter((c) => c !== null).map((c) => c.type);
}

/** The description is refused (488). */
export class Refused extends Error {}

function need(ok: unknown, what: string): asserts ok {
    if (!ok) throw new Refused(what);
}

const attribute = (section: string[], name: string): string[] =>
    section.filter((l) => l.startsWith(`a=${name}:`)).map((l) => l.slice(name.length + 3).trim());

function checkSections(session: string[], sections: string[][], mids: string[]): void {
    const kinds = sections.map((s) => s[0] ?? '');
    need(kinds.length === 2, 'two sections');
    need(kinds.some((k) => /^m=audio [1-9]\d* UDP\/TLS\/RTP\/SAVPF /.test(k)), 'a section for voice');
    need(kinds.some((k) => /^m=application [1-9]\d* UDP\/DTLS\/SCTP webrtc-datachannel$/.test(k)), 'a section for data');
    const groups = attribute(session, 'group').filter((g) => g.startsWith('BUNDLE'));
    need(groups.length === 1 && groups[0]?.split(' ').slice(1).sort().join(' ') === [...mids].sort().join(' '), 'one bundle');
    need(new Set(mids).size === 2 && mids.every((m) => /^\S{1,32}$/.test(m)), 'two names');
    const audio = sections.find((s) => s[0]?.startsWith('m=audio')) ?? [];
    need(audio.includes('a=rtcp-mux'), 'rtcp-mux');
    need(attribute(audio, 'rtpmap').some((r) => /^\d+ opus\/48000\/2$/i.test(r)), 'Opus');
}

/** The one sha-256 value of a description; the browser holds the handshake's certificate against it. */
export function fingerprint(sdp: string): string {
    const values = lines(sdp).filter((l) => /^a=fingerprint:sha-256 /i.test(l)).map((l) => l.slice(22).trim().toUpperCase());
    need(values.length > 0 && new Set(values).size === 1, 'one fingerprint');
    const value = values[0] ?? '';
    need(/^[0-9A-F]{2}(?::[0-9A-F]{2}){31}$/.test(value), 'a fingerprint of 32 bytes');
    return value;
}

export interface Gate {
    kind: 'offer' | 'answer';
    relayOnly: boolean;
    /** The offer that an answer belongs to. */
    offer?: string;
    /** Of an ICE restart: the fingerprint that must stay. */
    sameFingerprint?: string;
}

const midsOf = (sdp: string): string[] => attribute(lines(sdp), 'mid');

/** The partner's description for the browser; throws Refused. */
export function gate(sdp: string, how: Gate): string {
    need(sdp.length <= MAX_SDP && !sdp.includes('\0') && sdp.startsWith('v=0'), 'size and beginning');
    const all = lines(sdp);
    need(all.every((l) => l.length <= 1024), 'short lines');
    const starts = all.flatMap((l, i) => (l.startsWith('m=') ? [i] : []));
    const session = all.slice(0, starts[0]);
    const sections = starts.map((from, i) => all.slice(from, starts[i + 1]));
    const mids = midsOf(sdp);
    checkSections(session, sections, mids);
    const value = fingerprint(sdp);
    need(how.sameFingerprint === undefined || how.sameFingerprint === value, 'the same fingerprint');
    const setups = [...new Set(attribute(all, 'setup'))];
    need(setups.length === 1 && (how.kind === 'offer' ? ['actpass'] : ['active', 'passive']).includes(setups[0] ?? ''), 'setup');
    need(how.offer === undefined || midsOf(how.offer).join(' ') === mids.join(' '), "the offer's order");
    const out: string[] = [];
    for (const line of all) {
        if (line.startsWith('a=candidate:')) {
            const c = candidate(line);
            need(!how.relayOnly || c?.type === 'relay', 'relays only');
            if (c) out.push(c.line);
        } else if (!/^a=fingerprint:(?!sha-256 )/i.test(line) && !LEVEL.test(line)) {
            out.push(line);
        }
    }
    need(out.filter((l) => l.startsWith('a=candidate:')).length <= 2 * 64, 'few candidates');
    return text(out);
}
