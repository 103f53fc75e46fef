"""A real TURN server (coturn) of the test's own, with the secret that myturnd is told, and TLS by an authority of its own."""

import pathlib
import shutil
import subprocess
import time

from ports import free_port

SECRET = "a-secret-of-this-test-alone"
REALM = "turn.example.org"


def missing():
    return None if shutil.which("turnserver") else "coturn is not installed"


def make_authority(folder, address):
    """An authority, and by it a certificate for the address: ca.pem, turn.pem, turn.key."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority")
    openssl("req", *key, "-keyout", "turn.key", "-out", "turn.csr", "-subj", "/CN=turn")
    (folder / "ext").write_text(f"subjectAltName=IP:{address}\n")
    openssl("x509", "-req", "-in", "turn.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "ext", "-out", "turn.pem")


class Relay:
    """relay.url("udp" | "tcp" | "tls"), relay.secret_file. `before`: a command prefix, for a namespace. settings: further lines of its configuration."""

    def __init__(self, folder, address="127.0.0.1", before=(), secret=SECRET, settings=()):
        folder = pathlib.Path(folder)
        self.address, self.log = address, folder / "turn.log"
        self.port, self.tls_port = (3478, 5349) if before else (free_port(address), free_port(address))
        make_authority(folder, address)
        self.ca_file = folder / "ca.pem"
        self.secret_file = folder / "turn.secret"
        self.secret_file.write_text(SECRET + "\n")
        self.secret_file.chmod(0o600)
        conf = folder / "turn.conf"
        conf.write_text("\n".join([
            *settings,
            f"listening-ip={address}", f"relay-ip={address}", f"listening-port={self.port}", f"tls-listening-port={self.tls_port}",
            "fingerprint", "use-auth-secret", f"static-auth-secret={secret}", f"realm={REALM}", "no-cli", "allow-loopback-peers",
            f"cert={folder / 'turn.pem'}", f"pkey={folder / 'turn.key'}", "no-multicast-peers", "no-dtls", "simple-log",
            f"log-file={self.log}", f"pidfile={folder / 'turn.pid'}", f"userdb={folder / 'turn.db'}"]) + "\n")
        self.process = subprocess.Popen([*before, "turnserver", "-c", conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._await(before)

    def _await(self, before):
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            listening = subprocess.run([*before, "ss", "-Hltn"], capture_output=True, text=True).stdout
            if f":{self.port} " in listening and f":{self.tls_port} " in listening:
                return
            time.sleep(0.05)
        raise RuntimeError("coturn did not start:\n" + (self.log.read_text() if self.log.exists() else ""))

    def url(self, transport):
        if transport == "tls":
            return f"turns:{self.address}:{self.tls_port}?transport=tcp"
        return f"turn:{self.address}:{self.port}?transport={transport}"

    def options(self, *transports, secret_file=None):
        """Of myturnd."""
        urls = [option for t in transports for option in ("--turn", self.url(t))]
        return [*urls, "--turn-secret-file", str(secret_file or self.secret_file)]

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
