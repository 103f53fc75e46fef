"""What bash offers at Tab: the programs' own options, and the words that they take."""

import re
import subprocess

import pytest

from people import BUILD, ROOT

ASK = r"""
source "$0"
program=$1
shift
COMP_WORDS=("$program" "$@") COMP_CWORD=$#
_myturn "$program" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def offered(program, *words, cwd=None):
    done = subprocess.run(["bash", "-c", ASK, ROOT / "apps/completion.bash", BUILD / program, *words], cwd=cwd, capture_output=True, text=True,
                          check=True, timeout=30)
    assert not done.stderr
    return done.stdout.split()


def helped(program):
    return subprocess.run([BUILD / program, "--help"], env={"LC_ALL": "C"}, capture_output=True, text=True, check=True, timeout=10).stdout


def built(program):
    if not (BUILD / program).is_file():
        pytest.skip(f"{program} is not built")


@pytest.mark.parametrize("program", ["myturnd", "myturn", "myturn-gtk"])
def test_every_option_is_offered(program):
    built(program)
    options = offered(program, "--")
    assert len(options) > 5 and sorted(options) == sorted(set(re.findall(r"^ .*?(--[a-z0-9-]+)", helped(program), re.M)) | {"--version"})
    assert offered(program, "--log-l") == ["--log-level"]
    assert offered(program, "--log-level", "i") == ["info"]
    assert offered(program, "--log-level", "=", "") == ["error", "warn", "info", "debug"]


def test_every_word_of_the_server_is_offered():
    choices = re.findall(r"^ *(--[a-z0-9-]+) [A-Z]+ .*\(([a-z, -]+ or [a-z-]+); [a-z-]+\)$", helped("myturnd"), re.M)
    assert len(choices) > 5
    for option, words in choices:
        assert sorted(offered("myturnd", option, "")) == sorted(re.split(", | or ", words)), option


@pytest.mark.parametrize("option", ["--codec", "--ptime", "--policy", "--transport", "--device", "--log-level"])
def test_every_word_of_the_client_is_offered(option):
    text = re.search(rf"^ *{option} [A-Z]+ +(.*)", helped("myturn"), re.M).group(1)
    words = re.search(r"(?:^|[:,] )(\w+(?:, \w+)* or \w+(?:,\w+)?)", text).group(1)
    assert offered("myturn", option, "") == re.split(", | or ", words)


def test_files_and_folders(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert sorted(offered("myturnd", "--config", "", cwd=tmp_path)) == ["file", "folder"]
    assert offered("myturnd", "--web", "", cwd=tmp_path) == ["folder"]
    assert offered("myturnd", "--http", "", cwd=tmp_path) == []
    assert offered("myturn", "--mic", "fi") == ["file:"]
    assert sorted(offered("myturn", "--mic", "file", ":", "f", cwd=tmp_path)) == ["file", "folder"]
