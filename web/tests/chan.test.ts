import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode, fits, Receiver, Sender, type Message } from '../src/core/chan.js';
import { Outbox } from '../src/core/outbox.js';

const say = (id: number, body = 'x'): string => JSON.stringify({ type: 'text', id, body });

test('messages as in the vectors', () => {
    const text: Message = { type: 'text', id: 7, body: 'Cześć "Anna"\\\n\tżółw/\u001b🐢' };
    assert.equal(encode(text), '{"type":"text","id":7,"body":"Cześć \\"Anna\\"\\\\\\n\\tżółw/\\u001b🐢"}');
    assert.deepEqual(decode(encode(text)), text);
    for (const m of [{ type: 'typing', on: true }, { type: 'mic', on: false }, { type: 'ping', id: 1 }, { type: 'pong', id: 1 }, { type: 'bye' }] as const) {
        assert.deepEqual(decode(encode(m)), m);
    }
    const nonce = { type: 'sas-nonce', value: new Uint8Array(32) } as const;
    assert.equal(encode(nonce), '{"type":"sas-nonce","nonce":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}');
    assert.deepEqual(decode(encode(nonce)), nonce);
});

test('accepted, and ignored', () => {
    assert.deepEqual(decode('{ "x":[{}], "t\\u0079pe":"bye" }'), { type: 'bye' });
    assert.deepEqual(decode('{"type":"sticker"}\n'), { type: 'unknown' });
    assert.deepEqual(decode('{"type":"mic","on":true,"more":-1.5e3}'), { type: 'mic', on: true });
});

test('malformed ones are refused', () => {
    const bad = [
        '', 'null', '[]', '"bye"', '{"type":"bye"} x', '{"type":"bye","type":"bye"}', '{"type":"bye","t\\u0079pe":"bye"}', '{"type":1}', '{}',
        '{"type":"x","a":[[[[]]]]}', '{"type":"x","a":{"b":{"c":{"d":{}}}}}', '{"type":"ping","id":1.0}', '{"type":"ping","id":01}', '{"type":"ping","id":0}',
        '{"type":"ping","id":-1}', '{"type":"ping","id":1e1}', '{"type":"ping","id":9007199254740992}', '{"type":"ping","id":"1"}', '{"type":"ping"}', '{"type":"typing"}',
        '{"type":"typing","on":1}', '{"type":"text","id":1,"body":""}', '{"type":"text","id":1,"body":"\\u0000"}', '{"type":"text","id":1,"body":"\\ud800"}',
        '{"type":"text","id":1,"body":"\\udc00\\ud800"}', '{"type":"text","id":1,"body":"a\nb"}', '{"type":"bye",}', '{"type":"sas-nonce","nonce":"AA"}',
        say(1, 'x'.repeat(4001)), `{"type":"bye","pad":"${'x'.repeat(16_384)}"}`, `{"type":"x",${Array.from({ length: 32 }, (_, i) => `"k${i}":1`).join(',')}}`,
    ];
    for (const json of bad) assert.equal(decode(json), null, json.slice(0, 80));
    assert.notEqual(decode(say(1, '🐢'.repeat(4000))), null);
    assert.notEqual(decode(`{"type":"x",${Array.from({ length: 31 }, (_, i) => `"k${i}":1`).join(',')}}`), null);
    assert.notEqual(decode('{"type":"x","a":[[[]]]}'), null);
});

test('what fits', () => {
    assert.ok(fits('a') && fits('🐢'.repeat(4000)) && fits('x'.repeat(4000)));
    assert.ok(!fits('') && !fits('x'.repeat(4001)) && !fits('\0'));
    assert.ok(!fits('\u0001'.repeat(4000)), 'six bytes each when written');
});

test('a receiver bears 40 at once and 20 a second', () => {
    const r = new Receiver(0);
    for (let i = 1; i <= 40; i++) assert.notEqual(r.receive(say(i), 0), null);
    assert.equal(r.receive(say(41), 49), null);
    const slow = new Receiver(0);
    for (let i = 1; i <= 400; i++) assert.notEqual(slow.receive(say(i), 50 * i), null);
});

test('text numbers rise', () => {
    const r = new Receiver(0);
    assert.notEqual(r.receive(say(3), 0), null);
    assert.equal(r.receive(say(3), 0), null);
});

test('a sender keeps its windows, and a pong opens them', () => {
    const s = new Sender(0);
    assert.equal(s.send({ type: 'ping' }, 0), '{"type":"ping","id":1}');
    for (let i = 1; i <= 15; i++) assert.notEqual(s.send({ type: 'text', body: 'x' }, 0), null);
    assert.equal(s.send({ type: 'text', body: 'x' }, 0), null, 'the bucket is empty');
    assert.equal(s.nextMs('text', 60_000), Infinity, 'the window is full');
    assert.equal(s.nextMs('pong', 60_000), 60_000);
    assert.notEqual(s.send({ type: 'bye' }, 0), null);
    assert.equal(s.pong(2), false);
    assert.equal(s.pong(1), true);
    assert.equal(s.pong(1), false, 'once only');
    assert.equal(s.nextMs('text', 60_000), Infinity, '16 of them are not confirmed yet');
    assert.notEqual(s.send({ type: 'ping' }, 60_000), null);
    assert.equal(s.pong(2), true);
    assert.equal(s.nextMs('text', 60_000), 60_000);
});

/** Two ends on a path that delivers in bunches: neither may ever break the other's rule, and all texts arrive. */
test('two talkative ends over a path that stalls', () => {
    const got: string[][] = [[], []];
    const wire: { to: number; json: string }[] = [];
    const boxes = [0, 1].map((i) => new Outbox(0, (json) => wire.push({ to: 1 - i, json })));
    const inboxes = [new Receiver(0), new Receiver(0)];
    boxes.forEach((b, i) => {
        b.open = true;
        for (let n = 0; n < 150; n++) assert.ok(b.text(`${i}:${n}`));
    });
    for (let now = 0; now < 60_000; now += 100) {
        boxes.forEach((b) => b.flush(now));
        if (Math.floor(now / 4000) % 2 === 0) continue; // nothing passes for 4 s, then all of it
        for (const { to, json } of wire.splice(0)) {
            const m = inboxes[to]?.receive(json, now);
            assert.ok(m, `refused at ${now}: ${json}`);
            if (m.type === 'text') got[to]?.push(m.body);
            if (m.type === 'ping') boxes[to]?.ping(m.id);
            if (m.type === 'pong') assert.ok(boxes[to]?.pong(m.id));
        }
    }
    for (const i of [0, 1]) assert.deepEqual(got[1 - i], Array.from({ length: 150 }, (_, n) => `${i}:${n}`));
});

test('states are sent when they change, texts wait for the words', () => {
    const out: string[] = [];
    const box = new Outbox(0, (json) => out.push(json));
    box.setMic(true);
    assert.ok(box.text('early'));
    box.flush(0);
    assert.deepEqual(out, []);
    box.open = true;
    box.flush(0);
    box.flush(1);
    assert.deepEqual(out, ['{"type":"mic","on":true}', '{"type":"text","id":1,"body":"early"}', '{"type":"ping","id":1}']);
    box.setMic(false);
    box.setMic(true);
    box.flush(2);
    assert.equal(out.length, 3);
});

/** Small changes to good messages: nothing throws, and what is accepted is what JSON.parse reads as well. */
test('twenty thousand damaged messages', () => {
    let seed = 7;
    const random = (n: number): number => {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        return Math.floor((seed / 2_147_483_648) * n);
    };
    const good = [say(1, 'a"\\\n\u0001🐢'), '{"type":"ping","id":12}', '{"type":"mic","on":true,"x":[1,{"y":null}]}', `{"type":"sas-nonce","nonce":"${'A'.repeat(43)}"}`];
    const pieces = ['"', '\\', '{', '}', '[', ']', ',', ':', '\\u0000', '\\ud800', '0', '-', 'e', ' ', '\n', '\ud83d', 'null', '"type":"bye",'];
    for (let i = 0; i < 20_000; i++) {
        let json = good[i % good.length] ?? '';
        for (let k = random(3); k >= 0; k--) {
            const at = random(json.length + 1);
            json = json.slice(0, at) + (random(3) > 0 ? pieces[random(pieces.length)] ?? '' : '') + json.slice(at + random(3));
        }
        const m = decode(json);
        if (m === null || m.type === 'unknown') continue;
        const parsed = JSON.parse(json) as Record<string, unknown>;
        assert.equal(parsed.type, m.type, json);
        if ('id' in m) assert.equal(parsed.id, m.id);
        if ('body' in m) assert.equal(parsed.body, m.body);
        if ('on' in m) assert.equal(parsed.on, m.on);
    }
});
