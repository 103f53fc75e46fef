"""Carries out deploy/container/Containerfile without an engine: each stage is a clean Debian of debootstrap, each RUN a chroot, and at the end its command is
started as its user in a network of its own and asked as its HEALTHCHECK asks. Knows the instructions that the file has, and stops at any other.

    container-try.py BASE.tar CONTEXT     as root; BASE.tar is a base system, CONTEXT the folder that COPY reads"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILE = ROOT / "deploy/container/Containerfile"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def instructions():
    text = re.sub(r"(?m)^#.*\n", "", FILE.read_text())
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line.strip():
            word, _, rest = line.partition(" ")
            yield word, rest.strip()


class Stage:
    def __init__(self, base, folder):
        self.root = pathlib.Path(tempfile.mkdtemp(dir=folder))
        self.dir, self.user, self.entry, self.command, self.health = "/", None, [], [], None
        subprocess.run(["tar", "--extract", "--file", base, "--directory", self.root], check=True)
        self.root.chmod(0o755)  # passed through by the server's user
        (self.root / "proc").mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "proc", "proc", self.root / "proc"], check=True)
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        (self.root / "etc/dpkg/dpkg.cfg.d/try").write_text("force-unsafe-io\n")  # it is thrown away afterwards
        extra = os.environ.get("NODE_EXTRA_CA_CERTS")
        if extra:  # whom this machine trusts, for registries behind a proxy of its own
            shutil.copy(extra, self.root / "run/extra-ca.pem")

    def chroot(self, command, **more):
        inside = ["chroot", self.root, "sh", "-c", 'cd "$0" && exec "$@"', self.dir, *command]
        trust = {"NODE_EXTRA_CA_CERTS": "/run/extra-ca.pem"} if (self.root / "run/extra-ca.pem").exists() else {}
        return subprocess.run(inside, env={"PATH": PATH, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **trust}, **more)

    def run(self, text):
        print(f"   RUN {text[:110]}", flush=True)
        done = self.chroot(["sh", "-c", text], capture_output=True, text=True, errors="replace")
        if done.returncode != 0:
            sys.exit(f"{(done.stdout + done.stderr)[-3000:]}\nfailed: RUN {text}")

    def copy(self, text, stages, context):
        origin = context
        if text.startswith("--from="):
            name, text = text[len("--from="):].split(" ", 1)
            origin = stages[name].root
        *sources, target = text.split()
        into = self.root / os.path.join(self.dir, target).lstrip("/")
        for source in sources:
            what = origin / source.lstrip("/")
            if what.is_dir():
                shutil.copytree(what, into, dirs_exist_ok=True, symlinks=True)
            else:
                as_file = into / what.name if target.endswith("/") or into.is_dir() else into
                as_file.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(what, as_file)

    def close(self):
        subprocess.run(["umount", self.root / "proc"], check=False)


def build(base, context, folder):
    stages, stage = {}, None
    for word, rest in instructions():
        if word == "FROM":
            stage = stages[rest.partition(" AS ")[2] or ""] = Stage(base, folder)
            print(f"FROM {rest}", flush=True)
        elif word == "RUN":
            stage.run(rest)
        elif word == "COPY":
            stage.copy(rest, stages, context)
        elif word == "WORKDIR":
            stage.dir = rest
            (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif word == "USER":
            stage.user = rest
        elif word == "HEALTHCHECK":
            stage.health = json.loads(rest.partition("CMD ")[2])
        elif word in ("ENTRYPOINT", "CMD"):
            setattr(stage, {"ENTRYPOINT": "entry", "CMD": "command"}[word], json.loads(rest))
        elif word not in ("EXPOSE", "STOPSIGNAL"):
            sys.exit(f"what is {word}?")
    return stages


def serve(stage):
    """Starts it as an engine would, and asks."""
    inside = ["chroot", f"--userspec={stage.user}", str(stage.root), *stage.entry, *stage.command]
    server = subprocess.Popen(["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *inside], env={"PATH": PATH})
    try:
        for _ in range(50):
            time.sleep(0.2)
            asked = subprocess.run(["nsenter", "-t", str(server.pid), "--net", "chroot", f"--userspec={stage.user}", str(stage.root), *stage.health], env={"PATH": PATH},
                                   capture_output=True, text=True)
            if asked.returncode == 0:
                break
        else:
            sys.exit(f"the health check fails: {asked.stderr}")
        page = stage.health[:2] + [stage.health[2].replace("/healthz", "/").replace('\'"ok"\'', "'<html'")]
        subprocess.run(["nsenter", "-t", str(server.pid), "--net", "chroot", str(stage.root), *page], env={"PATH": PATH}, check=True)
        owner = pathlib.Path(f"/proc/{server.pid}/status").read_text()
        assert re.search(r"Uid:\s+990\s+990", owner), "it runs as somebody else"
    finally:
        server.terminate()
    assert server.wait(10) == 0, f"it ended with status {server.returncode}"
    print("container: built, healthy, its page answers, runs as user 990, ends in order")


def main():
    base, context = sys.argv[1], pathlib.Path(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="container-") as folder:
        stages = {}
        try:
            stages = build(base, context, folder)
            serve(stages[""])
        finally:
            for mounted in pathlib.Path(folder).glob("*/proc"):
                subprocess.run(["umount", mounted], check=False, stderr=subprocess.DEVNULL)


main()
