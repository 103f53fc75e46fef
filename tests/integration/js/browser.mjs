/* A browser that is told by lines of JSON on standard input what to do, and answers each with one line: for the tests in Python.
 *
 *   node browser.mjs '{"mdns":false,"microphone":true,"args":[…]}'
 *
 * {"do":"open","page":"anna","url":…,"locale":"pl"} and so on; see the table at the end. */
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(new URL('../../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const axe = require.resolve('axe-core/axe.min.js');

const wish = JSON.parse(process.argv[2] ?? '{}');
const LIMIT_MS = 20_000;

const browser = await chromium.launch({
    executablePath: wish.executable, headless: true,
    args: [
        '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
        '--use-fake-device-for-media-stream', '--allow-loopback-in-peer-connection', '--autoplay-policy=no-user-gesture-required',
        ...(wish.microphone === false ? [] : ['--use-fake-ui-for-media-stream']),
        ...(wish.mdns ? [] : ['--disable-features=WebRtcHideLocalIpsWithMdns']), ...(wish.args ?? []),
    ],
});

/* The page's own peer connections, for getStats() and for misbehaving in a partner's place. */
const WATCH = `(() => {
    const Real = window.RTCPeerConnection;
    window.__pcs = [];
    window.__channels = [];
    window.RTCPeerConnection = class extends Real {
        constructor(...all) {
            super(...all);
            window.__pcs.push(this);
            this.addEventListener('datachannel', (e) => window.__channels.push(e.channel));
        }
        createDataChannel(...all) {
            const channel = super.createDataChannel(...all);
            window.__channels.push(channel);
            return channel;
        }
    };
})();`;

const pages = new Map();
const received = new Map(); // what came to a page by WebSocket
const complaints = [];

function page(o) {
    const found = pages.get(o.page);
    if (!found) throw new Error(`no page ${o.page}`);
    return found;
}

const at = (o) => page(o).locator(o.selector ?? `[data-testid="${o.testid}"]`).first();

const table = {
    async open(o) {
        const context = await browser.newContext({
            locale: o.locale ?? 'en-GB', viewport: { width: o.width ?? 1000, height: o.height ?? 760 }, colorScheme: o.scheme ?? 'light', reducedMotion: o.still ? 'reduce' : 'no-preference',
            ignoreHTTPSErrors: true,
        });
        const made = await context.newPage();
        made.setDefaultTimeout(LIMIT_MS);
        await made.addInitScript(WATCH);
        if (o.info) await made.route('**/v1/info', (route) => route.fulfill({ json: o.info }));
        if (o.unanswered) { // it comes to the server, but the answer does not come to the page
            await made.route(o.unanswered, async (route) => {
                await route.fetch();
                await route.abort('connectionreset');
            }, { times: 1 });
        }
        if (o.loses) await made.route(o.loses, (route) => route.abort('connectionreset'), { times: 1 });
        made.on('pageerror', (e) => complaints.push(`${o.page}: ${e.stack ?? e}`));
        made.on('console', (m) => {
            if (/Content Security Policy|Refused to|requires 'Trusted/i.test(m.text())) complaints.push(`${o.page}: ${m.text()}`);
        });
        const frames = [];
        made.on('websocket', (ws) => ws.on('framereceived', (f) => frames.push(String(f.payload))));
        received.set(o.page, frames);
        pages.set(o.page, made);
        await made.goto(o.url);
    },
    click: (o) => at(o).click(),
    fill: (o) => at(o).fill(o.text),
    press: (o) => page(o).keyboard.press(o.key),
    keys: (o) => page(o).keyboard.type(o.text),
    select: (o) => at(o).selectOption(o.value),
    text: (o) => at(o).innerText(),
    count: (o) => page(o).locator(o.selector).count(),
    wait: (o) => at(o).waitFor({ state: o.state ?? 'visible', timeout: o.limit_ms ?? LIMIT_MS }),
    evaluate: (o) => page(o).evaluate(o.script),
    async until(o) { // waitForFunction() would need eval, which the page's policy forbids
        const end = Date.now() + (o.limit_ms ?? LIMIT_MS);
        for (;;) {
            const done = await page(o).evaluate(o.script).catch((e) => {
                if (/context was destroyed|navigation/i.test(String(e))) return false;
                throw e;
            });
            if (done) return;
            if (Date.now() > end) throw new Error(`not within ${o.limit_ms ?? LIMIT_MS} ms; the page says: ${await page(o).evaluate('document.body.innerText')}`);
            await new Promise((resolve) => setTimeout(resolve, 60));
        }
    },
    frames: (o) => received.get(o.page),
    reload: (o) => page(o).reload(),
    goto: (o) => page(o).goto(o.url),
    scheme: (o) => page(o).emulateMedia({ colorScheme: o.scheme }),
    size: (o) => page(o).setViewportSize({ width: o.width, height: o.height }),
    shot: (o) => page(o).screenshot({ path: o.path, animations: 'disabled' }).then(() => undefined),
    offline: (o) => page(o).context().setOffline(o.on),
    async crash(o) {
        const gone = page(o).waitForEvent('crash');
        page(o).goto('chrome://crash').catch(() => undefined);
        await gone;
    },
    async close(o) {
        await page(o).close({ runBeforeUnload: o.politely ?? false });
        await page(o).context().close();
        pages.delete(o.page);
    },
    async axe(o) {
        await page(o).evaluate(`window.axe || (() => { throw new Error('none'); })()`).catch(() => page(o).context().newCDPSession(page(o)).then(async (cdp) => {
            const { readFile } = await import('node:fs/promises');
            await cdp.send('Runtime.evaluate', { expression: await readFile(axe, 'utf8') }); // past the page's policy, which forbids foreign scripts
        }));
        const result = await page(o).evaluate(`axe.run(document, { resultTypes: ['violations'] })`);
        return result.violations.map((v) => `${v.id}: ${v.help} (${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join('; ')})`);
    },
    async reset() {
        for (const made of pages.values()) await made.context().close().catch(() => undefined);
        pages.clear();
        return complaints.splice(0);
    },
};

process.stdout.write('{"ready":true}\n');
for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    try {
        const result = await table[order.do](order);
        process.stdout.write(JSON.stringify({ result: result ?? null }) + '\n');
    } catch (e) {
        process.stdout.write(JSON.stringify({ error: String(e?.message ?? e).slice(0, 2000) }) + '\n');
    }
}
await browser.close();
