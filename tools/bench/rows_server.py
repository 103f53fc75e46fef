"""The server's rows: CPU time of the server process an operation, ours and a peer's in turn."""

import socket
import subprocess
import time

from tools import (BUILD, PEERS, ROOT, Figure, Generator, Sample, Trouble, cpu_s, family, free_port, need, node_modules, pss_bytes, take_turns,
                   wait_for_port, wait_for_sip)

USER_STATUS = "/user-status/"
SOCKET_BYTES = "4194304"  # as ours: what comes in a burst must not be lost before it is read


def nginx(run):
    port = free_port()
    conf = run.folder / "nginx.conf"
    conf.write_text((PEERS / "nginx.conf.in").read_text().format(folder=run.folder, port=port))
    process = run.start([need("nginx"), "-c", conf, "-p", run.folder, "-e", run.folder / "nginx-start.log"])
    wait_for_port(process, port)
    return process, port


def flask(run):
    port = free_port()
    process = run.start(["/usr/bin/python3", PEERS / "flask_server.py", port])
    wait_for_port(process, port)
    return process, port


def api(run):
    """One GET of the specification's /user-status/<name>."""
    ours, (fast, fast_port), (slow, slow_port) = run.myturnd(), nginx(run), flask(run)
    ops = run.few(30000, 10000)
    common = ["--in-flight", 16]
    many = ["--ops", ops, *common, "--path", USER_STATUS]
    generators = [
        Generator(run, "get", [ours], "--http", ours.http, "--users", 100, *many),
        Generator(run, "get", [fast], "--http", f"127.0.0.1:{fast_port}", "--peer", *many),
        Generator(run, "get", [slow], "--http", f"127.0.0.1:{slow_port}", "--peer", "--ops", ops // 50, *common, "--path", USER_STATUS)]
    yield take_turns(run, Figure("api", "one API GET", "µs", Sample("myturnd"), [Sample("nginx, static answer"), Sample("Flask development server")],
                                 14), generators)


def node_matchmaker(run):
    """The small matchmaker on Node.js and ws."""
    port = free_port()
    return run.start([need("node"), node_modules() / "server.js", port], ready="ready"), port


def draw(run):
    """Two thousand users who draw again and again: a held POST /v1/turn, answered, and the next with `leave`."""
    ours, (peer, port) = run.myturnd(), node_matchmaker(run)
    many = ["--users", run.few(2000, 1000), "--ops", run.few(10000, 4000)]
    yield take_turns(run, Figure("draw", "one draw of two users, through HTTP", "µs", Sample("myturnd"), [Sample("Node.js ws matchmaker")], 50),
                     [Generator(run, "turn", [ours], "--http", ours.http, *many),
                      Generator(run, "turn", [peer], "--peer", "--http", f"127.0.0.1:{port}", *many)])


def match(run):
    """The matchmaker alone, without any I/O: a draw, the end of the pair, both ready again."""
    for waiting in run.few([1000, 10000, 100000, 1000000], [1000, 100000]):
        with run.scope():
            figure = Figure("match", f"one draw, matchmaker alone, {waiting:,} waiting", "µs", Sample("myturn"), [], 0.5)
            yield take_turns(run, figure, [Generator(run, "match", [], waiting, run.few(500000, 200000))])


def kamailio(run):
    port = free_port(socket.SOCK_DGRAM)
    conf = run.folder / "kamailio.cfg"
    conf.write_text((PEERS / "kamailio.cfg.in").read_text().format(port=port))
    process = run.start([need("kamailio"), "-f", conf, "-DD", "-E", "-Y", run.folder, "-w", run.folder, "-m", "64", "-M", "8", "-b", SOCKET_BYTES])
    wait_for_sip(process, port)
    return process, port


def sip(run, what, row, mode, budget, *options):
    ours, (peer, port) = run.myturnd(), kamailio(run)
    users = ["--users", run.few(1000, 400), "--path", mode, *options]
    yield take_turns(run, Figure(row, what, "µs", Sample("myturnd"), [Sample("Kamailio")], budget),
                     [Generator(run, "sip", [ours], "--http", ours.http, "--sip", ours.sip, *users),
                      Generator(run, "sip", [peer], "--peer", "--sip", f"127.0.0.1:{port}", *users)])


def register(run):
    """REGISTER, 401, REGISTER with credentials, 200, over UDP, a socket a user."""
    yield from sip(run, "SIP REGISTER with challenge", "register", "register", 15, "--ops", run.few(10000, 3000))


def call(run):
    """INVITE, 407, ACK, INVITE, 100, 180, 200, ACK, BYE, 200 through the proxy, over UDP, a socket a user."""
    yield from sip(run, "SIP call, INVITE to BYE", "call", "call", 50)


class SippSide:
    """A server as sipp sees it: the accounts, and from which ports it is asked. Over UDP a port is all callees' binding."""

    def __init__(self, run, name, process, port, accounts):
        self.run, self.name, self.pids, self.port, self.accounts = run, name, family(process.pid), port, accounts
        self.ports = {"register": free_port(socket.SOCK_DGRAM), "caller": free_port(socket.SOCK_DGRAM), "callee": free_port(socket.SOCK_DGRAM)}

    def command(self, scenario, accounts, own, targets=None):
        at_once, a_second = (16, 2000) if targets is None else (len(targets), 1000)
        lines = [f"myturn.invalid;{user};[authentication username={user} password={password}];{target}\n"
                 for (user, password), target in zip(accounts, targets or [""] * len(accounts))]
        fields = self.run.folder / f"sipp-{self.name}-{scenario}.csv"
        fields.write_text("SEQUENTIAL\n" + "".join(lines))
        return [need("sipp"), f"127.0.0.1:{self.port}", "-sf", ROOT / f"tests/integration/sipp/{scenario}.xml", "-inf", fields, "-m", str(len(accounts)),
                "-r", str(a_second), "-l", str(at_once), "-i", "127.0.0.1", "-p", str(self.ports[own]), "-nostdin", "-timeout", "60", "-timeout_error",
                "-buff_size", SOCKET_BYTES]

    def sipp(self, *args, **kw):
        done = subprocess.run(self.command(*args, **kw), cwd=self.run.folder, capture_output=True, timeout=90)
        if done.returncode != 0:
            raise Trouble(f"sipp left with {done.returncode}: {done.stdout.decode(errors='replace')[-300:]}")

    def register(self):
        """CPU seconds of one REGISTER, while all accounts are registered once."""
        before = cpu_s(self.pids)
        self.sipp("register", self.accounts, "register")
        return (cpu_s(self.pids) - before) / len(self.accounts)

    def call(self, targets):
        """CPU seconds of one call, while the first half of the accounts calls the second, which waits in a sipp of its own."""
        callers, callees = self.accounts[:len(targets)], self.accounts[-len(targets):]
        self.sipp("register", callees, "callee")
        with self.run.scope():
            waiting = self.run.start(self.command("callee", callees, "callee"), cwd=self.run.folder)
            wait_until_bound(waiting, self.ports["callee"])
            before = cpu_s(self.pids)
            self.sipp("caller", callers, "caller", targets=targets)
            if waiting.wait(30) != 0:
                raise Trouble("the calls did not come to their end at those called")
            return (cpu_s(self.pids) - before) / len(targets)


def wait_until_bound(process, port):
    for _ in range(200):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise Trouble(f"{process.args[0]} does not listen")


def sipp_rounds(run, figure, measures):
    for n in range(run.rounds + 1):
        for side, measure in zip([figure.ours, *figure.peers], measures):
            value = measure() * 1e6
            if n > 0:
                side.values.append(value)
        run.say(f"{figure.what}: round {n} of {run.rounds}")
    return figure


def sipp(run):
    """The same REGISTER and call, but asked by sipp: a second witness."""
    from api import User, pair
    ours, (peer, port) = run.myturnd("--repeat-after-ms", 0), kamailio(run)
    users = [u for u in (User(f"http://{ours.http}", f"sipp{i}") for i in range(run.few(2000, 500)))
             if not u.login["sip"]["password"].startswith("0x")]  # sipp would take that for a number
    own = SippSide(run, "ours", ours, ours.sip.split(":")[1], [(u.login["sip"]["username"], u.login["sip"]["password"]) for u in users])
    foreign = SippSide(run, "peer", peer, port, [(u.name, "secret") for u in users])
    yield sipp_rounds(run, Figure("sipp", "SIP REGISTER with challenge, by sipp", "µs", Sample("myturnd"), [Sample("Kamailio")], 15),
                      [own.register, foreign.register])
    calls = run.few(400, 150)

    def own_calls():
        """Ours lets those call who were drawn for each other, which is done before the clock runs."""
        return own.call([pair(caller, callee)["exten"] for caller, callee in zip(users[:calls], users[-calls:])])

    yield sipp_rounds(run, Figure("sipp", "SIP call, INVITE to BYE, by sipp", "µs", Sample("myturnd"), [Sample("Kamailio")], 50),
                      [own_calls, lambda: foreign.call([u.name for u in users[-calls:]])])


def bare(run, certificate):
    port = free_port()
    files = [certificate, certificate.with_suffix(".key")] if certificate else []
    return run.start([BUILD / "tools/bench/bench-bare", port, *files], ready="ready"), f"127.0.0.1:{port}"


def certificate(run):
    path = run.folder / "cert.pem"
    if not path.exists():
        subprocess.run([need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-keyout", path.with_suffix(".key"), "-out", path], check=True, capture_output=True, timeout=30)
    return path


def per_user_bytes(run, process, users, options):
    before = pss_bytes(family(process.pid))
    generator = Generator(run, "waiting", [process], "--users", users, *options)
    r = generator.round()
    if r["ops"] < users * 0.999:
        raise Trouble(f"only {r['ops']} of {users} wait")
    return (pss_bytes(family(process.pid)) - before) / users / 1024


def memory(run):
    """Users who wait: a held request and a SIP flow each. Each round is a fresh server: memory only grows in steps."""
    users, rounds = run.few(9000, 1000), run.few(3, 1)
    for secure, budget in ((False, 8), (True, 40)):
        text = "with TLS" if secure else "plain"
        figure = Figure("memory", f"memory of one waiting user, {text}, at {users:,}", "KiB", Sample("myturnd"), [Sample("bare libuv, two connections")],
                        budget, "memory of the process; the kernel's socket buffers are not in it")
        cert = certificate(run) if secure else None
        for n in range(rounds):
            with run.scope():
                tls = ["--https", "127.0.0.1:0", "--sips", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", cert.with_suffix(".key")] if secure else []
                server = run.myturnd("--draw-window-ms", 60000, "--max-connections", 2 * users + 64, *tls)
                at = ["--https", server.https, "--sips", server.sips] if secure else ["--http", server.http, "--sip", server.sip]
                figure.ours.values.append(per_user_bytes(run, server, users, at))
            with run.scope():
                server, at = bare(run, cert)
                at = ["--peer", *(["--https", at, "--sips", at] if secure else ["--http", at, "--sip", at])]
                figure.peers[0].values.append(per_user_bytes(run, server, users, at))
            run.say(f"{figure.what}: round {n + 1} of {rounds}")
        yield figure


def growth(run):
    """Does anything grow faster than linear? CPU time an operation while so many are logged in."""
    kinds = {"GET": ("get", lambda n: ["--users", n, "--ops", 8000, "--path", USER_STATUS]),
             "draw": ("turn", lambda n: ["--users", n, "--ops", max(2000, n)]),
             "REGISTER": ("sip", lambda n: ["--users", n, "--ops", max(3000, n), "--path", "register"]),
             "call": ("sip", lambda n: ["--users", n, "--ops", 200, "--path", "call"])}
    for kind, (generator, options) in kinds.items():
        medians = []
        for users in run.few([10, 100, 1000, 9000], [10, 1000]):
            with run.scope():
                server = run.myturnd("--repeat-after-ms", 0)
                figure = Figure("growth", f"{kind}, {users:,} users", "µs", Sample("myturnd"))
                repeated = Generator(run, generator, [server], "--http", server.http, "--sip", server.sip, *options(users))
                take_turns(run, figure, [repeated])
                medians.append(figure.ours.median)
                if len(medians) > 1:
                    figure.note = f"{medians[-1] / medians[0]:.2f} times the cost at 10"
                yield figure


ROWS = {"api": api, "draw": draw, "match": match, "register": register, "call": call, "sipp": sipp, "memory": memory, "growth": growth}
