"""The terminal client on a real terminal: the line being typed stays whole whatever arrives, and the terminal is left as it was."""

import shutil
import subprocess
import time

import pytest

from api import Api
from people import BUILD, Person, everybody, wait

COLUMNS = 60


class Terminal:
    """A terminal emulator of its own (tmux) in which a shell runs."""

    def __init__(self, folder):
        self.socket = str(folder / "tmux")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(COLUMNS), "-y", "30", "env LC_ALL=C.UTF-8 PS1='$ ' sh")

    def tmux(self, *args):
        return subprocess.run(["tmux", "-S", self.socket, *args], check=True, capture_output=True, text=True).stdout

    def type(self, *keys):
        self.tmux("send-keys", *keys)

    def screen(self):
        return [line for line in self.tmux("capture-pane", "-p").split("\n") if line.strip()]

    def wait(self, what, done, limit_s=10):
        end = time.monotonic() + limit_s
        while not done(self.screen()):
            assert time.monotonic() < end, f"no {what} on the screen:\n" + "\n".join(self.screen())
            time.sleep(0.05)

    def close(self):
        self.tmux("kill-server")


@pytest.fixture
def terminal(tmp_path):
    assert shutil.which("tmux"), "tmux is needed"
    one = Terminal(tmp_path)
    yield one
    one.close()


@pytest.fixture
def talk(request, server, terminal, tmp_path):
    """jeden on a terminal, dwa driven by lines, in a talk. Its parameter: what stands before the command."""
    dwa = Person("dwa", server.url, tmp_path, mic="none", speaker="none")
    everybody([dwa], "logged-in")
    terminal.type(f"{getattr(request, 'param', '')} {BUILD}/myturn --server {server.url} --mic none --speaker none --agree", "Enter")
    terminal.wait("question for the name", lambda s: s[-1].startswith("Hi! What's your name?"))
    terminal.type("jeden", "Enter")
    terminal.wait("main page", lambda s: any("Press Enter when you are ready" in line for line in s))
    terminal.type("Enter")
    terminal.wait("waiting line", lambda s: s[-1].startswith("Waiting 0:0"))
    dwa.type("")
    everybody([dwa], "secure")
    terminal.wait("talk", lambda s: s[-1].strip() == "jeden:")
    yield dwa
    dwa.close()


def test_the_four_words_are_shown(talk, terminal):
    words = " ".join(talk.find("secure")[0]["words"])
    assert any(words in line for line in terminal.screen())


def test_incoming_lines_do_not_tear_the_one_being_typed(talk, terminal):
    typed = "Zażółć gęślą jaźń, a line that is longer than one row of this terminal 🎈"
    terminal.type(typed)
    for number in range(5):
        talk.type(f"number {number}")
    terminal.wait("the messages", lambda s: "dwa: number 4" in s)

    def whole(screen):
        at = screen.index("dwa: number 4")
        return "".join(screen[at + 1:]).replace(" ", "") == ("jeden:" + typed).replace(" ", "")
    terminal.wait("whole line below them", whole)
    assert [line for line in terminal.screen() if line.startswith("dwa: number")] == [f"dwa: number {n}" for n in range(5)]
    terminal.type("Enter")
    wait([talk], "the message", lambda: talk.find("text"))
    assert talk.find("text")[0]["body"] == typed


def test_editing_in_the_middle_of_letters_of_several_bytes(talk, terminal):
    terminal.type("łąka", "Left", "Left", "BSpace", "ą", "ć", "C-a", "C-d", "C-e", "!")
    terminal.type("Enter")
    wait([talk], "the message", lambda: talk.find("text"))
    assert talk.find("text")[0]["body"] == "ąćka!"


def test_question_and_hanging_up(talk, terminal):
    terminal.type("q", "Enter")
    terminal.wait("question", lambda s: s[-1].startswith("Are you sure you want to hang up? y/n"))
    terminal.type("y", "Enter")
    terminal.wait("end", lambda s: any("you have hung up" in line for line in s))
    wait([talk], "the end", lambda: talk.find("ended"))


@pytest.mark.parametrize("keys", [["C-c"], ["C-d"], ["q", "Enter", "y", "Enter", "quit", "Enter"]], ids=["ctrl-c", "ctrl-d", "quit"])
def test_leaving_restores_the_terminal(talk, terminal, keys):
    for key in keys:
        terminal.type(key)
        time.sleep(0.3)
    wait([talk], "the end", lambda: talk.find("ended"))
    terminal.wait("prompt of the shell", lambda s: s[-1].strip() == "$")
    terminal.type("echo status $?; stty -a | tr ';' '\\n' | grep -ow -e '-icanon' -e '-echo' -e '-isig'; echo done", "Enter")
    terminal.wait("answer", lambda s: "done" in s)
    screen = terminal.screen()
    assert "status 0" in screen
    assert screen[screen.index("status 0") + 1] == "done"


@pytest.mark.parametrize("talk", ["", "exec"], indirect=True, ids=["of a shell", "its own"])
def test_a_closed_terminal(talk, terminal, server):
    """Its end of input and SIGHUP come together, and the user is logged out all the same: once the second of them was taken for impatience, and
    he stayed at the server for half a minute."""
    terminal.tmux("new-window", "-d", "sleep 60")  # or the terminal's server would end, too
    terminal.tmux("kill-pane", "-t", ":0.0")
    wait([talk], "the end", lambda: talk.find("ended", reason="partner_left"), 10)
    wait([talk], "the other logged out", lambda: Api(server.url).get("/v1/stats").json["online"] == 1, 10)


@pytest.mark.parametrize("key,said", [("C-z", "Stopped"), ("C-\\", "Quit")], ids=["ctrl-z", "ctrl-backslash"])
def test_stopping_leaves_a_sane_terminal(terminal, key, said):
    terminal.type(f"ulimit -c 0; {BUILD}/myturn --server http://127.0.0.1:1", "Enter")
    terminal.wait("question for the name", lambda s: s[-1].startswith("Hi! What's your name?"))
    terminal.type("jed")
    terminal.wait("what was typed", lambda s: s[-1].strip() == "Hi! What's your name? jed")
    terminal.type(key)
    terminal.wait("prompt of the shell", lambda s: s[-1].strip() == "$")
    terminal.type("stty -a | tr ';' '\\n' | grep -ow -e '-icanon' -e '-echo' -e '-isig'; echo sane", "Enter")
    terminal.wait("answer", lambda s: "sane" in s)
    assert not {"-icanon", "-echo", "-isig"} & set(terminal.screen())
    if key == "C-z":
        terminal.type("fg", "Enter")
        terminal.wait("the line again", lambda s: s[-1].strip() == "Hi! What's your name? jed")
        terminal.type("quit", "C-a", "C-k", "quit", "Enter")
        terminal.wait("prompt of the shell", lambda s: s[-1].strip() == "$")


def test_the_terminal_speaks_polish(server, terminal, polish):
    terminal.type(f"LC_ALL=C.UTF-8 LANGUAGE=pl {BUILD}/myturn --server {server.url} --mic none --speaker none", "Enter")
    terminal.wait("question for the name", lambda s: s[-1].startswith("Cześć! Jak się nazywasz?"))
    terminal.type("jeden", "Enter")
    terminal.wait("the rules", lambda s: any("Czy masz ukończone 18 lat" in line for line in s))
    assert any("Cztery słowa rozmowy dowodzą" in line for line in terminal.screen())
    terminal.type("t", "Enter")
    terminal.wait("main page", lambda s: any("Naciśnij Enter, gdy chcesz rozmawiać, jeden." in line for line in s))
    terminal.type("Enter")
    terminal.wait("waiting line", lambda s: s[-1].startswith("Czekanie 0:0"))
    terminal.type("quit", "Enter")
    terminal.wait("prompt of the shell", lambda s: s[-1].strip() == "$")
    terminal.type(f"clear; LC_ALL= LANGUAGE= LANG=pl_PL.UTF-8 {BUILD}/myturn --server http://127.0.0.1:1 --name jeden", "Enter")
    terminal.wait("an error of the library, also where no Polish locale is installed", lambda s: any("Serwer jest nieosiągalny" in line for line in s))
