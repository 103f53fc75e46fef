"""The browser client: types, lint and the rules' own tests, by the tools of its lock file."""

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))

from browser import WEB, prepare  # noqa: E402


@pytest.mark.parametrize("what", ["check", "test"])
def test_npm_run(what):
    prepare()
    done = subprocess.run(["npm", "run", "--silent", what], cwd=WEB, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def test_lock_file_names_no_registry():
    assert not re.search(r'"resolved"', (WEB / "package-lock.json").read_text())


def test_both_languages_have_every_text():
    """The compiler sees to the keys; here: nothing is left in English by oversight."""
    def texts(name):
        return dict(re.findall(r"^\s*(\w+): '((?:[^'\\]|\\.)*)'", (WEB / f"src/ui/{name}.ts").read_text(), flags=re.M))
    english, polish = texts("en"), texts("pl")
    assert [k for k in english if english[k] == polish.get(k)] == []
