// Two headless Chromiums, each behind a command prefix of its own, one speaks a WAV file to the other by WebRTC; prints what the listener's
// getStats() says of it. Called by impaired_chromium.py:  node chromium_voice.mjs WAV SECONDS PREFIX_A PREFIX_B   (prefixes: executables)
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(new URL("../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const [wav, seconds, ...executables] = process.argv.slice(2);
const args = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required", "--disable-features=WebRtcHideLocalIpsWithMdns"];

const prepare = async (speech) => {
  const pc = new RTCPeerConnection();
  window.pc = pc;
  const context = new AudioContext({ sampleRate: 48000 });
  await context.resume();
  if (speech !== null) {
    const out = context.createMediaStreamDestination();
    const bytes = Uint8Array.from(atob(speech), (c) => c.charCodeAt(0));
    window.source = new AudioBufferSourceNode(context, { buffer: await context.decodeAudioData(bytes.buffer) });
    window.source.connect(out);
    pc.addTrack(out.stream.getAudioTracks()[0], out.stream);
  } else {
    pc.addTransceiver("audio", { direction: "recvonly" });
    pc.ontrack = (e) => {
      const audio = new Audio(); // without an element that plays it nothing is decoded
      audio.srcObject = new MediaStream([e.track]);
      audio.play();
    };
  }
};
const gathered = () =>
  new Promise((done) => {
    const ready = () => window.pc.iceGatheringState === "complete" && done(window.pc.localDescription.toJSON());
    window.pc.onicegatheringstatechange = ready;
    ready();
  });
const inbound = async () => {
  for (const s of (await window.pc.getStats()).values()) if (s.type === "inbound-rtp") return { ...s };
};

const browsers = await Promise.all(executables.map((executablePath) => chromium.launch({ executablePath, args })));
try {
  const [speaker, listener] = await Promise.all(browsers.map((b) => b.newPage()));
  await speaker.evaluate(prepare, readFileSync(wav).toString("base64"));
  await listener.evaluate(prepare, null);
  await speaker.evaluate(async () => window.pc.setLocalDescription(await window.pc.createOffer()));
  const offer = await speaker.evaluate(gathered);
  await listener.evaluate(async (sdp) => {
    await window.pc.setRemoteDescription(sdp);
    await window.pc.setLocalDescription(await window.pc.createAnswer());
  }, offer);
  await speaker.evaluate((sdp) => window.pc.setRemoteDescription(sdp), await listener.evaluate(gathered));
  await speaker.waitForFunction(() => window.pc.connectionState === "connected", null, { timeout: 30000 });
  process.stdout.write("connected\n");
  await speaker.evaluate(() => window.source.start());
  await new Promise((done) => setTimeout(done, 1000 * Number(seconds)));
  process.stdout.write(JSON.stringify(await listener.evaluate(inbound)) + "\n");
} finally {
  await Promise.all(browsers.map((b) => b.close()));
}
