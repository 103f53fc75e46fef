import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clean } from '../src/core/clean.js';
import { QualityWatch } from '../src/core/quality.js';
import { settleMs } from '../src/app/gather.js';
import { candidateTypes, fingerprint, gate, Refused, strip } from '../src/core/sdp.js';

const FP = Array.from({ length: 32 }, (_, i) => (i * 8).toString(16).padStart(2, '0').toUpperCase()).join(':');
const OFFER = [
    'v=0', 'o=- 61048 2 IN IP4 192.0.2.7', 's=-', 't=0 0', 'a=group:BUNDLE 0 1', 'a=msid-semantic: WMS',
    'm=audio 50000 UDP/TLS/RTP/SAVPF 111 0', 'c=IN IP4 192.0.2.7', 'a=rtcp:9 IN IP4 192.0.2.7', 'a=mid:0', 'a=ice-ufrag:uFr4', 'a=ice-pwd:0123456789012345678901',
    'a=ice-options:trickle', `a=fingerprint:sha-256 ${FP}`, 'a=setup:actpass', 'a=sendrecv', 'a=rtcp-mux', 'a=rtpmap:111 opus/48000/2',
    'a=candidate:1 1 udp 2015363327 192.0.2.7 50000 typ host generation 0 network-id 1 network-cost 10',
    'a=candidate:2 1 UDP 1686052607 198.51.100.3 61000 typ srflx raddr 192.0.2.7 rport 50000 generation 0',
    'a=candidate:3 1 udp 41885439 198.51.100.9 61001 typ relay raddr 198.51.100.3 rport 61000',
    'a=candidate:4 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active', 'a=candidate:5 1 udp 99 f00.local 5 typ host',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'c=IN IP4 0.0.0.0', 'a=mid:1', `a=fingerprint:sha-256 ${FP}`, 'a=setup:actpass', 'a=sctp-port:5000',
].join('\r\n') + '\r\n';
const ANSWER = OFFER.replace(/actpass/g, 'active');
const offer = { kind: 'offer', relayOnly: false } as const;

test('what leaves the browser holds no address but those of candidates', () => {
    const out = strip(OFFER, false);
    assert.deepEqual(candidateTypes(out), ['host', 'srflx', 'relay', 'host']);
    for (const line of out.split('\r\n')) {
        if (!line.startsWith('a=candidate')) assert.ok(!/192\.0\.2|198\.51/.test(line), line);
        assert.ok(!/raddr (?!0\.0\.0\.0 rport 0$)|network-|trickle|tcp /.test(line), line);
    }
    assert.match(out, /^m=audio 9 /m);
    assert.match(out, /^o=- 61048 2 IN IP4 0\.0\.0\.0$/m);
});

test('with relays only nothing else is left', () => {
    const out = strip(OFFER, true);
    assert.deepEqual(candidateTypes(out), ['relay']);
    assert.ok(!/192\.0\.2|198\.51\.100\.3|local/.test(out));
});

test('a good description passes, without TCP candidates', () => {
    const out = gate(OFFER, offer);
    assert.deepEqual(candidateTypes(out), ['host', 'srflx', 'relay', 'host']);
    assert.ok(!/ tcp /.test(out));
    assert.equal(fingerprint(out), FP);
    gate(ANSWER, { kind: 'answer', relayOnly: false, offer: OFFER, sameFingerprint: FP });
    gate(strip(OFFER, true), { kind: 'offer', relayOnly: true });
});

test('the level of the voice, which would stand beside it in the clear, is neither offered nor taken', () => {
    const extensions = 'a=extmap:1/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n';
    const loud = OFFER.replace('a=rtcp-mux', `a=extmap:3 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n${extensions}a=rtcp-mux`);
    for (const out of [strip(loud, false), gate(loud, offer)]) {
        assert.ok(!out.includes('audio-level'));
        assert.ok(out.includes('a=extmap:4 '));
    }
});

test('other hashes than SHA-256 do not reach the browser', () => {
    const out = gate(OFFER.replace('a=setup', `a=fingerprint:sha-1 ${FP.slice(0, 59)}\r\na=setup`), offer);
    assert.ok(!out.includes('sha-1'));
});

test('each broken rule is refused', () => {
    const broken: [string, string][] = [
        ['two fingerprints', OFFER.replace(FP, FP.replace('00:', '01:'))], ['none', OFFER.replaceAll('a=fingerprint', 'a=x')],
        ['a third section', `${OFFER}m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\n`], ['no data', OFFER.slice(0, OFFER.indexOf('m=application'))],
        ['port 0', OFFER.replace('m=audio 50000', 'm=audio 0')], ['plain RTP', OFFER.replace('UDP/TLS/RTP/SAVPF', 'RTP/AVP')],
        ['no bundle', OFFER.replace('a=group', 'a=x')], ['half a bundle', OFFER.replace('BUNDLE 0 1', 'BUNDLE 0')], ['no rtcp-mux', OFFER.replace('a=rtcp-mux', 'a=x')],
        ['no Opus', OFFER.replace('opus/48000', 'G722/8000')], ['setup', OFFER.replaceAll('actpass', 'passive')], ['two setups', OFFER.replace('actpass', 'active')],
        ['NUL', OFFER.replace('s=-', 's=\0')], ['a long line', OFFER.replace('s=-', `s=${'x'.repeat(2000)}`)], ['size', OFFER + 'a=x\r\n'.repeat(4000)],
        ['mids', OFFER.replace('a=mid:1', 'a=mid:0')],
    ];
    for (const [what, sdp] of broken) assert.throws(() => gate(sdp, offer), Refused, what);
    assert.throws(() => gate(OFFER, { kind: 'offer', relayOnly: true }), Refused, 'candidates that are no relays');
    assert.throws(() => gate(ANSWER, { kind: 'answer', relayOnly: false, sameFingerprint: FP.replace('00:', '01:') }), Refused, 'another certificate in a restart');
    assert.throws(() => gate(OFFER, { kind: 'answer', relayOnly: false }), Refused, 'actpass in an answer');
    assert.throws(() => gate(ANSWER, { kind: 'answer', relayOnly: false, offer: OFFER.replace('a=mid:0', 'a=mid:9').replace('BUNDLE 0', 'BUNDLE 9') }), Refused, 'mids');
});

test('what is shown is clean', () => {
    assert.equal(clean('a\u202eb\u2066c\u200bd\u0007e\ufefff\u{e0041}g', true), 'abcdefg');
    assert.equal(clean('a\nb\tc\u2028d', true), 'a\nb c\nd');
    assert.equal(clean('a\nb', false), 'a b');
    assert.equal(clean('👩\u200d💻 x\u200dy', true), '👩\u200d💻 xy', 'a joiner joins emoji, not letters of ASCII');
    assert.equal(clean('\u001b[31mred', true), '[31mred');
    assert.equal(clean('Zażółć 🐢', true), 'Zażółć 🐢');
});

test('a poor connection is told when it stays poor, and its end', () => {
    const w = new QualityWatch();
    let received = 0, lost = 0;
    const look = (r: number, l: number): boolean | null => {
        received += r;
        lost += l;
        return w.look({ received, lost, jitterMs: 5, rttMs: 40 })?.poor ?? null;
    };
    assert.deepEqual([look(100, 0), look(90, 10), look(90, 10), look(90, 10)], [null, null, true, null]);
    assert.deepEqual([look(100, 0), look(100, 0), look(100, 0), look(100, 0)], [null, null, false, null]);
    assert.equal(new QualityWatch().look({ received: 0, lost: 0, jitterMs: 0, rttMs: 0 }), null);
});

/** Lines of a description left out, doubled, swapped: refused, or what comes through still keeps the rules. */
test('ten thousand damaged descriptions', () => {
    let seed = 3, passed = 0;
    const random = (n: number): number => {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        return Math.floor((seed / 2_147_483_648) * n);
    };
    for (let i = 0; i < 10_000; i++) {
        const lines = OFFER.split('\r\n');
        for (let k = random(3); k >= 0; k--) {
            const at = random(lines.length), line = lines[at] ?? '';
            const other = random(line.length + 1);
            lines.splice(at, random(2), ...[[], [line, line], [line.slice(0, other)], [line.slice(0, other) + 'x9 ' + line.slice(other)]][random(4)] ?? []);
        }
        let out: string;
        try {
            out = gate(lines.join('\r\n'), offer);
        } catch (e) {
            assert.ok(e instanceof Refused, String(e));
            continue;
        }
        passed++;
        assert.equal(fingerprint(out).length, 95);
        for (const c of out.split('\r\n').filter((l) => l.startsWith('a=candidate:'))) assert.match(c, /^a=candidate:\S+ 1 udp \d+ \S+ \d+ typ (host|(srflx|relay) raddr 0\.0\.0\.0 rport 0)$/);
    }
    assert.ok(passed > 1_000, 'not all is refused');
});

test('a description waits only for better candidates than it has', () => {
    const c = (type: string, protocol = 'udp'): { type: string; protocol: string } => ({ type, protocol });
    const stun = { urls: ['stun:a'] }, turn = { urls: ['turn:a?transport=udp', 'turns:a'] };
    const none = { relayOnly: false, iceServers: [] }, withStun = { relayOnly: false, iceServers: [stun] }, both = { relayOnly: false, iceServers: [stun, turn] };
    const only = { relayOnly: true, iceServers: [turn] };
    assert.ok(settleMs(c('host'), none) < 50);
    for (const how of [withStun, both, only]) assert.equal(settleMs(c('host'), how), Infinity);
    assert.equal(settleMs(c('host', 'tcp'), none), Infinity);
    assert.equal(settleMs({ type: null, protocol: null }, none), Infinity);
    assert.ok(settleMs(c('srflx'), withStun) < settleMs(c('srflx'), both));
    assert.equal(settleMs(c('srflx'), only), Infinity);
    assert.ok(settleMs(c('relay'), only) < settleMs(c('srflx'), withStun));
    assert.ok(settleMs(c('relay', 'tcp'), both) < Infinity);
});
