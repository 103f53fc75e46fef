/* Pictures of every page in both languages and widths, the English ones in both themes, into docs/pictures/web.
 *
 *   node screenshots.mjs [http://127.0.0.1:8080]      of a server that serves the page and to which nobody else is logged in */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';

const url = process.argv[2] ?? 'http://127.0.0.1:8080';
const out = process.argv[3] ?? new URL('../docs/pictures/web/', import.meta.url).pathname;
const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const SIZES = { wide: { width: 900, height: 720 }, phone: { width: 390, height: 780 } };
const TALK = {
    en: ['Hi! Where does the day find you?', 'On a train, somewhere between two hills. And you?', 'Kitchen. Waiting for the kettle.', 'Then we have both time to spare.'],
    pl: ['Cześć! Co dziś u Ciebie słychać?', 'Jadę pociągiem, gdzieś między dwoma wzgórzami. A Ty?', 'W kuchni. Czekam na czajnik.', 'To oboje mamy chwilę.'],
};

await mkdir(out, { recursive: true });
const browser = await chromium.launch({
    executablePath, args: ['--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
        '--disable-features=WebRtcHideLocalIpsWithMdns', '--allow-loopback-in-peer-connection'],
});
const wait = (page, id) => page.waitForSelector(`body[data-page=${id}]`);

async function open(language, size, colorScheme, name) {
    const context = await browser.newContext({ locale: language, viewport: SIZES[size], colorScheme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    await page.goto(url);
    return { page, name, get: (id) => page.getByTestId(id) };
}

async function enter(user) {
    await user.get('name').fill(user.name);
    await user.get('login').click();
    await wait(user.page, 'rules');
    await user.get('agree').click();
    await wait(user.page, 'main');
}

/** One user's way through all pages; the partner is not shown. */
async function walk(language, size, scheme) {
    const shot = async (user, what) => {
        await user.page.evaluate('document.fonts.ready');
        const devtools = await user.page.context().newCDPSession(user.page);
        const { data } = await devtools.send('Page.captureScreenshot', { format: 'webp', quality: 65 });
        await writeFile(`${out}/${what}-${language}-${size}-${scheme}.webp`, Buffer.from(data, 'base64'));
        await devtools.detach();
    };
    const anna = await open(language, size, scheme, 'Ania'), bob = await open(language, size, scheme, 'Kuba');
    await shot(anna, 'login');
    await anna.get('name').fill(anna.name);
    await anna.get('login').click();
    await wait(anna.page, 'rules');
    await shot(anna, 'rules');
    await anna.get('agree').click();
    await wait(anna.page, 'main');
    await anna.page.locator('[data-testid=sound] summary').click();
    await anna.get('test').click();
    await anna.page.waitForTimeout(700);
    await shot(anna, 'main');
    await enter(bob);
    await anna.get('ready').click();
    await anna.page.locator('[data-testid=online]', { hasText: /./ }).waitFor();
    await shot(anna, 'wait');
    await bob.get('ready').click();
    for (const user of [anna, bob]) await wait(user.page, 'convo');
    for (const [i, line] of TALK[language].entries()) {
        const [from, to] = i % 2 === 0 ? [bob, anna] : [anna, bob];
        await from.get('message').fill(line);
        await from.get('send').click();
        await to.page.getByText(line).waitFor();
    }
    await bob.get('mic').click();
    await anna.get('mic').click();
    await anna.page.locator('[data-testid=mic][aria-pressed=true]').waitFor();
    await anna.page.locator('[data-testid=partner-mic][data-on=true]').waitFor();
    await bob.get('message').pressSequentially('…');
    await anna.page.waitForTimeout(500);
    await shot(anna, 'convo');
    await anna.get('words-what').click();
    await shot(anna, 'words');
    await anna.page.keyboard.press('Escape');
    await anna.get('report').click();
    await shot(anna, 'report');
    await anna.page.keyboard.press('Escape');
    await bob.get('hangup').click();
    await bob.get('hangup').click();
    await wait(anna.page, 'main');
    await anna.get('ended').waitFor();
    await shot(anna, 'ended');
    for (const user of [anna, bob]) {
        await user.get('logout').click();
        await wait(user.page, 'login');
        await user.page.context().close();
    }
}

for (const language of ['en', 'pl']) {
    for (const size of Object.keys(SIZES)) {
        for (const scheme of language === 'en' ? ['light', 'dark'] : ['light']) await walk(language, size, scheme);
    }
}
await browser.close();
