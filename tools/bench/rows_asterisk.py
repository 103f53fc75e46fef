"""Asterisk as a peer: what one of its registrations and calls costs. It bridges calls rather than pass them on, and does more than we with each; it is what the
specification's service ran on."""

import pathlib
import socket
import subprocess
import tempfile

from tools import ROOT, Figure, Generator, Sample, Trouble, free_port, take_turns, wait_for_sip

FILES = {
    "asterisk.conf": "[directories]\nastetcdir => /mnt/etc\nastmoddir => /usr/lib/asterisk/modules\nastdatadir => /usr/share/asterisk\n"
                     + "".join(f"{key} => /mnt/data\n" for key in ("astvarlibdir", "astdbdir", "astkeydir", "astspooldir", "astrundir", "astlogdir")),
    "modules.conf": "[modules]\nautoload=no\n" + "".join(f"load => {m}.so\n" for m in ("res_timing_timerfd", "res_sorcery_config", "res_pjproject", "res_rtp_asterisk", "codec_ulaw", "codec_alaw",
                                                                                "bridge_simple", "pbx_config", "app_dial", "chan_sip")),
    "logger.conf": "[general]\n[logfiles]\nmessages.log => error\n",
    "cdr.conf": "[general]\nenable=no\n",
    "cel.conf": "[general]\nenable=no\n",
    "extensions.conf": "[phones]\nexten => _sip.,1,Dial(SIP/${EXTEN})\n",
}
GENERAL = """[general]
udpbindaddr=127.0.0.1:{port}
tcpenable=no
context=public
allowguest=no
disallow=all
directmedia=no
qualify=no
srvlookup=no
"""
DEVICE = "[sip{n}]\ntype=friend\nhost=dynamic\nsecret=secret\ncontext=phones\nallow=ulaw,alaw\n"


def asterisk(run, users):
    """Without logs, records, and modules that it does not need; without re-INVITEs and OPTIONS."""
    made = subprocess.run([ROOT / "scripts/asterisk-root.sh"], capture_output=True, text=True)
    if made.returncode != 0:
        raise Trouble("no Asterisk from Debian 11: " + made.stderr.strip()[-160:])
    folder, port = pathlib.Path(tempfile.mkdtemp(dir=run.folder)), free_port(socket.SOCK_DGRAM)
    for sub in ("etc", "data"):
        (folder / sub).mkdir()
    for name, text in FILES.items():
        (folder / "etc" / name).write_text(text)
    (folder / "etc/sip.conf").write_text(GENERAL.format(port=port) + "".join(DEVICE.format(n=n) for n in range(users)))
    process = run.start(["unshare", "--mount", "--propagation", "private", "sh", "-ec", 'mount --bind "$1" "$2/mnt"\nexec chroot "$2" asterisk -f -C /mnt/etc/asterisk.conf',
                         "sh", folder, made.stdout.strip()])
    wait_for_sip(process, port)
    return process, port


def rows(run):
    """The same REGISTER and call as above, beside Asterisk 16."""
    users = run.few(400, 200)
    for what, mode, ops in (("SIP REGISTER with challenge", "register", run.few(2000, 800)), ("SIP call, INVITE to BYE", "call", users // 2)):
        with run.scope():
            ours, (peer, port) = run.myturnd(), asterisk(run, users)
            options = ["--users", users, "--path", mode, "--ops", ops]
            yield take_turns(run, Figure("asterisk", f"{what}, beside Asterisk", "µs", Sample("myturnd"), [Sample("Asterisk 16")]),
                             [Generator(run, "sip", [ours], "--http", ours.http, "--sip", ours.sip, *options),
                              Generator(run, "sip", [peer], "--peer", "--sip", f"127.0.0.1:{port}", *options)])


ROWS = {"asterisk": rows}
