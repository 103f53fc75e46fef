"""Pages of the browser client, driven through js/browser.mjs: one call a step, each waits until it is done."""

import fcntl
import json
import pathlib
import shutil
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
WEB = HERE.parents[1] / "web"
DIST = WEB / "dist"


def executable():
    """A Chromium, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def prepare():
    """npm ci and the page, once however many workers want it, and anew where a source is newer."""
    with (WEB / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = WEB / "node_modules/.package-lock.json"
        if not (WEB / "node_modules/playwright-core").is_dir() or stamp.stat().st_mtime < (WEB / "package-lock.json").stat().st_mtime:
            subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=WEB, check=True, timeout=600)
        sources = [*WEB.glob("src/**/*.*"), *WEB.glob("static/*"), WEB / "build.mjs"]
        built = DIST / "index.html"
        if not built.is_file() or built.stat().st_mtime < max(s.stat().st_mtime for s in sources):
            subprocess.run(["node", "build.mjs"], cwd=WEB, check=True, timeout=120, stdout=subprocess.DEVNULL)


SELECTED = """window.__pcs.at(-1).getStats().then(r => {
    const all = [...r.values()], pair = r.get(all.find(s => s.type === 'transport').selectedCandidatePairId);
    return pair ? [r.get(pair.localCandidateId).candidateType, r.get(pair.remoteCandidateId).candidateType] : [];
})"""


class Failed(AssertionError):
    pass


class Browser:
    """before: a command prefix, for a namespace."""

    def __init__(self, before=(), **wish):
        self.process = subprocess.Popen([*before, "node", HERE / "js/browser.mjs", json.dumps({"executable": executable(), **wish})],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert json.loads(self.process.stdout.readline() or "{}").get("ready"), "the browser did not start"

    def do(self, order, **members):
        self.process.stdin.write(json.dumps({"do": order, **members}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failed("the browser is gone")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"{order} {members}: {answer['error']}")
        return answer["result"]

    def reset(self):
        """Closes all pages; what they complained of (exceptions, violations of the policy)."""
        return self.do("reset")

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Page:
    """One user's page; name: also the nickname."""

    def __init__(self, browser, server_url, name, **wish):
        self.browser, self.name, self.url = browser, name, server_url + "/"
        self.do("open", url=self.url, **wish)

    def do(self, order, **members):
        return self.browser.do(order, page=self.name, **members)

    def click(self, testid):
        self.do("click", testid=testid)

    def text(self, testid):
        return self.do("text", testid=testid)

    def evaluate(self, script):
        return self.do("evaluate", script=script)

    def until(self, script, limit_s=20):
        self.do("until", script=script, limit_ms=1000 * limit_s)

    @property
    def page(self):
        return self.evaluate("document.body.dataset.page")

    def on(self, page, limit_s=20):
        self.until(f"document.body.dataset.page === '{page}'", limit_s)

    def log_in(self, name=None):
        self.do("fill", testid="name", text=name or self.name)
        self.click("login")
        self.click("agree")
        self.on("main")
        return self

    def ready(self):
        self.click("ready")

    def writes_until(self, seen):
        """Types into its message, and on as long as the partner has not seen that it does: that is told for three seconds after each key."""
        self.do("keys", text="half a sentence")
        end = time.monotonic() + 30
        while not seen():
            if time.monotonic() > end:
                raise Failed(f"nobody is told that {self.name} writes")
            time.sleep(0.1)
            self.do("press", key="Space")
            self.do("press", key="Backspace")

    def sees_writing(self, other):
        return other.name in self.evaluate("document.querySelector('[data-testid=typing]').textContent")

    def say(self, text):
        self.do("fill", testid="message", text=text)
        self.click("send")

    def hears(self, text, limit_s=20):
        """Waits until the partner's message stands in the log."""
        self.until(f"[...document.querySelectorAll('.said.theirs .bubble')].some(b => b.textContent === {json.dumps(text)})", limit_s)

    def sound_arrives(self):
        """The partner is heard, by WebAudio's level and by the browser's own count. A page's own fake microphone beeps once a second."""
        self.until("parseFloat(getComputedStyle(document.querySelector('.heard .level')).getPropertyValue('--level')) > 0.3")
        self.until("window.__pcs.at(-1).getStats().then(r => [...r.values()].some(s => s.type === 'inbound-rtp' && s.kind === 'audio' && s.totalAudioEnergy > 0.0001))")

    def loudest_hz(self):
        """The strongest frequency in what is heard of the partner."""
        return self.evaluate("""(async () => {
            const context = new AudioContext(), analyser = context.createAnalyser();
            analyser.fftSize = 8192;
            context.createMediaStreamSource(new MediaStream([window.__pcs.at(-1).getReceivers()[0].track])).connect(analyser);
            await new Promise((done) => setTimeout(done, 1000));
            const bins = new Float32Array(analyser.frequencyBinCount);
            analyser.getFloatFrequencyData(bins);
            await context.close();
            return bins.indexOf(Math.max(...bins)) * context.sampleRate / analyser.fftSize;
        })()""")

    @property
    def partner(self):
        return self.evaluate("document.querySelector('h1 .name')?.textContent ?? ''")

    @property
    def words(self):
        self.until("document.querySelector('[data-testid=words]')?.textContent.split(' ').length === 4")
        return self.text("words").split()

    @property
    def path(self):
        """Kinds of the candidates of the path in use: own and partner's."""
        return self.evaluate(SELECTED)

    @property
    def ports(self):
        """The UDP ports of the talk's own candidates, as text: the path may move from one to another."""
        return {str(s["port"]) for s in self.stats("s.type === 'local-candidate' && s.protocol === 'udp'")}

    def hang_up(self):
        self.click("hangup")
        self.click("hangup")

    def ended(self, limit_s=20):
        """Waits for the main page after a talk; the reason."""
        self.on("main", limit_s)
        self.do("wait", testid="ended", limit_ms=5000)
        return self.evaluate("document.querySelector('[data-testid=ended]').dataset.reason")

    def stats(self, what):
        """Of the newest peer connection: the reports that the JavaScript condition on `s` names."""
        return self.evaluate(f"window.__pcs.at(-1).getStats().then(r => [...r.values()].filter(s => {what}))")


def talk(*pages):
    """The two are ready and wait for each other's talk."""
    for page in pages:
        page.ready()
    for page in pages:
        page.on("convo")
    assert [p.partner for p in pages] == [p.name for p in reversed(pages)]
