"""The half of the stand-in for Asterisk (asterisk_peer.py) that does not speak SIP: its two files, and the manager interface by which they are
reloaded, looked at, and calls ended."""

import contextlib
import re
import selectors
import time

RELOAD_S = 0.03


def sections(text):
    """A configuration file as [(section, [(key, value), …]), …]; ';' begins a comment anywhere."""
    found = []
    for line in text.splitlines():
        line = line.split(";", 1)[0].strip()
        head = re.match(r"\[([^]]+)\]", line)
        if head:
            found.append((head.group(1), []))
        elif "=" in line and found:
            key, _, value = line.partition("=")
            found[-1][1].append((key.strip().lower(), value.lstrip(">").strip()))
    return found


class Manager:
    """Of Asterisk, on whose one thread all of it runs."""

    # files

    def _text(self, name):
        try:
            return (self.folder / name).read_text()
        except FileNotFoundError:
            return ""

    def load_sip(self):
        """Deaf while it works: called on the one thread."""
        fresh = {}
        for name, pairs in sections(self._text("sip.conf")):
            values = dict(pairs)
            if name.lower() in ("general", "authentication") or values.get("host") != "dynamic":
                continue
            fresh = {k: v for k, v in fresh.items() if k.lower() != name.lower()}
            fresh[name] = values
        for name in set(self.peers) - set(fresh):
            self.bound.pop(name, None)
        for name in set(fresh) - set(self.peers):
            if name in self.registry:  # seeded from what the database remembers
                self.bound[name] = self.registry[name]
        self.peers = fresh
        self.loaded += 1

    def load_dialplan(self):
        plan = {}
        for context, pairs in sections(self._text("extensions.conf")):
            for key, value in pairs:
                if key == "exten":
                    number, priority, app = value.split(",", 2)
                    plan.setdefault(context, {}).setdefault(number.strip(), {})[int(priority)] = app.strip()
        self.dialplan = plan

    # manager interface

    def _accept(self, listener):
        s, _ = listener.accept()
        self.managers[s] = [b"", False]
        self.selector.register(s, selectors.EVENT_READ, self._manager)
        s.sendall(b"Asterisk Call Manager/7.0.3\r\n")

    def _manager(self, s):
        try:
            data = s.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._drop(s)
            return
        self.managers[s][0] += data
        while s in self.managers and b"\r\n\r\n" in self.managers[s][0]:
            raw, _, self.managers[s][0] = self.managers[s][0].partition(b"\r\n\r\n")
            self._action(s, dict(line.split(": ", 1) for line in raw.decode().split("\r\n")))

    def _drop(self, s):
        self.selector.unregister(s)
        del self.managers[s]
        s.close()

    def _reply(self, s, fields, output=()):
        lines = [f"{k}: {v}" for k, v in fields.items()] + [f"Output: {line}" for line in output]
        s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def _action(self, s, fields):
        answer = {"Response": "Success"}
        if "ActionID" in fields:
            answer["ActionID"] = fields["ActionID"]
        if fields["Action"] == "Login":
            good = (fields["Username"], fields["Secret"]) == (self.user, self.secret)
            self.managers[s][1] = good
            self._reply(s, answer | ({"Message": "Authentication accepted"} if good else
                                     {"Response": "Error", "Message": "Authentication failed"}))
            if not good:
                self._drop(s)
        elif not self.managers[s][1]:
            self._reply(s, answer | {"Response": "Error", "Message": "Permission denied"})
        elif fields["Action"] == "Ping":
            self._reply(s, answer | {"Ping": "Pong"})
        else:
            output = self._command(fields["Command"])
            self._reply(s, answer | {"Message": "Command output follows"}, output)

    def _event(self, name, **fields):
        text = "".join(f"{k}: {v}\r\n" for k, v in {"Event": name, "Privilege": "call,all", **fields}.items()) + "\r\n"
        for s, state in list(self.managers.items()):
            if state[1]:
                with contextlib.suppress(OSError):  # who has just gone is noticed when he is read
                    s.sendall(text.encode())

    def _command(self, command):
        self.commands.append(command)
        if command == "sip reload":
            self._after(RELOAD_S, lambda: (time.sleep(0.005), self.load_sip()))
            return []
        if command == "dialplan reload":
            self.load_dialplan()
            return ["Dialplan reloaded."]
        if command.startswith("sip show peer "):
            return self._show(command.split(" ", 3)[3])
        if command.startswith("dialplan show "):
            number, _, context = command.split(" ", 2)[2].partition("@")
            plan = self.dialplan.get(context, {}).get(number)
            if not plan:
                return [f"There is no existence of {number}@{context} extension"]
            return [f"[ Context '{context}' created by 'pbx_config' ]"] + [
                f"  '{number}' =>         {p}. {app}" for p, app in plan.items()]
        if command.startswith("database del SIP/Registry "):
            name = command.split(" ", 3)[3]
            return ["Database entry removed." if self.registry.pop(name, None) else "Database entry does not exist."]
        if command.startswith("channel request hangup "):
            channel = command.split(" ", 3)[3]
            leg = next((leg for leg in self.legs.values() if leg.channel == channel), None)
            if not leg:
                return [f"{channel} is not a known channel"]
            self._end(leg)
            return [f"Requested Hangup on channel '{channel}'"]
        return [f"No such command '{command}'"]

    def _show(self, name):
        if name not in self.peers:
            return [f"Peer {name} not found."]
        at = self.bound.get(name)
        address = "%s:%d" % at[0] if at else "(null)"
        return ["", "", f"  * Name       : {name}", "  Secret       : <Set>", f"  Context      : {self.peers[name].get('context')}",
                f"  Addr->IP     : {address}", "  Defaddr->IP  : (null)", f"  Status       : {'OK (1 ms)' if at else 'UNKNOWN'}", ""]
