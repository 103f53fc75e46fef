// Two pages of one Chromium at myTurn's web client, driven over the browser's debugging socket.
// node pages.js CHROMIUM FOLDER URL TALKS [bus]
// With "bus" each page has a Chromium of its own, with the devices of tools/mouth_to_ear.py.
// Prints for each talk a line {"secure_ms": …}: from the later press of "ready" to the four words on both pages; then switches
// both microphones on, prints {"talking": true} and holds that talk until its standard input ends.
"use strict";
const { spawn } = require("node:child_process");
const { WebSocket } = require("ws");
const [chromium, folder, url, talks, bus] = process.argv.slice(2);
const devices = bus
  ? [{ PULSE_SOURCE: "mic", PULSE_SINK: "away" }, { PULSE_SOURCE: "deaf", PULSE_SINK: "ear" }]
  : [{}];

const flags = (number) => ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
  ...(bus ? [] : ["--use-fake-device-for-media-stream"]),
  "--disable-features=WebRtcHideLocalIpsWithMdns", "--allow-loopback-in-peer-connection", "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows", "--remote-debugging-port=0",
  `--user-data-dir=${folder}/${number}`, "about:blank"];

// In the page: waits for a condition, looked at each 2 ms, and tells the time at which it held.
const HELP = `
  window.part = (id) => document.querySelector('[data-testid="' + id + '"]');
  window.until = (what, limit_ms = 30000) => new Promise((done, fail) => {
    const begin = Date.now();
    const timer = setInterval(() => {
      if (what()) { clearInterval(timer); done(performance.timeOrigin + performance.now()); }
      else if (Date.now() - begin > limit_ms) { clearInterval(timer); fail(new Error('no ' + what)); }
    }, 2);
  });`;

class Browser {
  constructor(socket) {
    this.socket = socket;
    this.last = 0;
    this.open = new Map();
    socket.on("message", (data) => {
      const m = JSON.parse(data);
      const waiting = this.open.get(m.id);
      if (!waiting) return;
      this.open.delete(m.id);
      if (m.error) waiting.fail(new Error(m.error.message));
      else waiting.done(m.result);
    });
  }
  call(method, params = {}, sessionId = undefined) {
    const id = ++this.last;
    this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((done, fail) => this.open.set(id, { done, fail }));
  }
}

async function openPage(browser, name) {
  const { browserContextId } = await browser.call("Target.createBrowserContext");
  const { targetId } = await browser.call("Target.createTarget", { url, browserContextId, width: 900, height: 700 });
  const { sessionId } = await browser.call("Target.attachToTarget", { targetId, flatten: true });
  const run = async (expression) => {
    const r = await browser.call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true }, sessionId);
    if (r.exceptionDetails) throw new Error(name + ": " + (r.exceptionDetails.exception?.description ?? r.exceptionDetails.text));
    return r.result.value;
  };
  for (let tries = 0; ; tries++) { // a page that is about to be replaced by ours has no place to run anything in
    await new Promise((done) => setTimeout(done, 100));
    const there = await run(`document.readyState === "complete" && location.href !== "about:blank"`).catch(() => false);
    if (there) break;
    if (tries > 200) throw new Error(name + ": the page does not load");
  }
  await run(HELP);
  await run(`until(() => part('name')).then(() => { part('name').value = '${name}'; part('name').dispatchEvent(new Event('input', { bubbles: true })); part('login').click(); })`);
  await run(`until(() => part('agree') || part('ready')).then(() => { part('agree')?.click(); })`);
  await run(`until(() => part('ready') && !part('ready').disabled)`);
  return run;
}

const PRESS = `until(() => part('ready') && !part('ready').disabled).then(() => { part('ready').click(); return performance.timeOrigin + performance.now(); })`;
const SECURE = `until(() => part('words') && part('words').textContent.trim() !== '')`;
const HANG_UP = `until(() => part('hangup')).then(() => { part('hangup').click(); setTimeout(() => part('hangup')?.click(), 50); })`;
const MIC = `until(() => part('mic')).then(() => { part('mic').click(); })`;

async function main(browsers) {
  const pages = [await openPage(browsers[0], "jeden"), await openPage(browsers.at(-1), "dwa")];
  const all = (expression) => Promise.all(pages.map((run) => run(expression)));
  for (let i = 0; i < Number(talks); i++) {
    const pressed = await all(PRESS);
    const secure = await all(SECURE);
    console.log(JSON.stringify({ secure_ms: Math.max(...secure) - Math.max(...pressed) }));
    if (i + 1 < Number(talks)) await pages[0](HANG_UP);
  }
  await all(MIC);
  console.log(JSON.stringify({ talking: true }));
}

const children = [];
const end = (status) => {
  for (const child of children) child.kill();
  setTimeout(() => process.exit(status), 500);
};

function start(env, number) {
  const child = spawn(chromium, flags(number), { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, ...env } });
  children.push(child);
  let said = "";
  return new Promise((done) => child.stderr.on("data", (data) => {
    said += data;
    const found = /DevTools listening on (ws:\S+)/.exec(said);
    if (!found) return;
    child.stderr.removeAllListeners("data");
    child.stderr.resume();
    const socket = new WebSocket(found[1], { perMessageDeflate: false });
    socket.on("open", () => done(new Browser(socket)));
  }));
}

Promise.all(devices.map(start)).then(main).catch((error) => {
  console.error(error.message);
  end(1);
});
process.stdin.resume();
process.stdin.on("end", () => end(0));
process.on("SIGTERM", () => end(0));
