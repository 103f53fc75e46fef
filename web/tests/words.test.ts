import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fromBase64url, fromHex, toBase64url } from '../src/core/bytes.js';
import { Sas, SasFailed, type SasMessage } from '../src/core/sas.js';
import { WORDS } from '../src/core/words.js';

const vectors = process.env.VECTORS ?? '../tests/vectors';
const digest = (b: Uint8Array): Promise<Uint8Array> => Promise.resolve(new Uint8Array(createHash('sha256').update(b).digest()));
const lines = (name: string): string[] => readFileSync(`${vectors}/${name}`, 'utf8').split('\n').filter((l) => l !== '' && !l.startsWith('#'));
const hex = (s: string | undefined): Uint8Array => fromHex(s ?? '') ?? assert.fail(`not hexadecimal: ${s ?? ''}`);
const toHex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

interface Sides { a: Sas; b: Sas }

function sides(v: Map<string, string>): Sides {
    const make = (a: boolean): Sas => new Sas({
        a, pair: hex(v.get('pair')), nonce: hex(v.get(a ? 'na' : 'nb')),
        fpOwn: hex(v.get(a ? 'fpa' : 'fpb')), fpPeer: hex(v.get(a ? 'fpb' : 'fpa')),
    }, digest);
    return { a: make(true), b: make(false) };
}

const read = (line: string): Map<string, string> => new Map(line.split(' ').map((p) => p.split('=') as [string, string]));
const some = (): Map<string, string> => read(lines('sas.txt')[1] ?? '');

async function untilNonce(s: Sides): Promise<{ commit: SasMessage; nonce: SasMessage }> {
    assert.equal(await s.b.start(0), null);
    const commit = (await s.a.start(0)) ?? assert.fail();
    const nonce = (await s.b.input(commit, 1)) ?? assert.fail();
    return { commit, nonce };
}

test('the list is the one of the vectors', () => {
    assert.deepEqual([...WORDS], lines('words.txt'));
});

test('every vector gives its commitment and its words on both sides', async () => {
    const all = lines('sas.txt').map(read);
    assert.ok(all.length >= 5);
    for (const v of all) {
        const s = sides(v);
        const { commit, nonce } = await untilNonce(s);
        assert.equal(toHex(commit.value), v.get('commit'));
        const reveal = (await s.a.input(nonce, 2)) ?? assert.fail();
        assert.equal(await s.b.input(reveal, 3), null);
        assert.equal(s.a.words?.join('-'), v.get('words'));
        assert.equal(s.b.words?.join('-'), v.get('words'));
    }
});

test('a reveal that does not fit the commitment fails, and shows no words', async () => {
    const s = sides(some());
    const { nonce } = await untilNonce(s);
    const reveal = (await s.a.input(nonce, 2)) ?? assert.fail();
    reveal.value[0] = (reveal.value[0] ?? 0) ^ 1;
    await assert.rejects(s.b.input(reveal, 3), SasFailed);
    assert.equal(s.b.words, null);
});

test('a certificate in between gives other words or none', async () => {
    const v = some(), s = sides(v), between = sides(new Map(v).set('fpb', '00'.repeat(32)));
    await s.b.start(0);
    const commit = (await between.a.start(0)) ?? assert.fail();
    const nonce = (await s.b.input(commit, 1)) ?? assert.fail();
    const reveal = (await between.a.input(nonce, 2)) ?? assert.fail();
    await assert.rejects(s.b.input(reveal, 3), SasFailed);
});

test('out of order, once too often, too late: failed', async () => {
    const value = new Uint8Array(32);
    await assert.rejects(sides(some()).b.input({ type: 'sas-commit', value }, 0), SasFailed); // before the start
    const early = sides(some());
    await early.b.start(0);
    await assert.rejects(early.b.input({ type: 'sas-reveal', value }, 0), SasFailed);
    const twice = sides(some());
    const { commit } = await untilNonce(twice);
    await assert.rejects(twice.b.input(commit, 2), SasFailed);
    const late = sides(some());
    await late.b.start(0);
    assert.equal(late.b.late(9_999), false);
    assert.equal(late.b.late(10_000), true);
    await assert.rejects(late.b.input({ type: 'sas-commit', value }, 10_000), SasFailed);
});

test('base64url is exact', () => {
    const bytes = hex('fffe' + '00'.repeat(30));
    assert.equal(toBase64url(bytes), '__4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA');
    assert.deepEqual(fromBase64url('__4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 32), bytes);
    for (const bad of ['__4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', '__4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB', '++4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', '']) {
        assert.equal(fromBase64url(bad, 32), null, bad);
    }
});
