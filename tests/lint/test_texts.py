"""Every text for people is in the catalogue and translated: nothing missing, fuzzy, left over or broken."""

import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PO = ROOT / "po"
LANGUAGES = (PO / "LINGUAS").read_text().split()
XGETTEXT = ["xgettext", "--from-code=UTF-8", "--add-location=file", "--sort-by-file", "--keyword=_", "--keyword=N_", "--keyword=N_TEXTS:1,2",
            "--flag=_:1:pass-c-format", "--flag=N_:1:pass-c-format", "--flag=screen_say:2:c-format", f"--directory={ROOT}",
            f"--files-from={PO / 'POTFILES'}"]


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The texts as the sources have them now."""
    assert shutil.which("xgettext"), "gettext is not installed"
    out = tmp_path_factory.mktemp("po") / "myturn.pot"
    code, said = run(*XGETTEXT, "-o", str(out))
    assert code == 0, said
    return out


def test_every_source_with_texts_is_listed():
    listed = [line for line in (PO / "POTFILES").read_text().split("\n") if line and not line.startswith("#")]
    assert listed == sorted(listed), "keep POTFILES sorted"
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "src", "apps"], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split()
    marked = re.compile(r"\b(?:_|N_|N_TEXTS|C_)\(\s*\"")
    want = {f for f in files if f.endswith(".c") and (ROOT / f).is_file() and marked.search((ROOT / f).read_text())}
    assert want <= set(listed), f"not in po/POTFILES: {sorted(want - set(listed))}"
    assert not [f for f in listed if not (ROOT / f).is_file()], "po/POTFILES names a file that is not there"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_untranslated(language, template):
    po = PO / f"{language}.po"
    code, said = run("msgfmt", "--check-format", "--check-domain", "--statistics", "-o", "/dev/null", str(po))
    assert code == 0 and "untranslated" not in said and "fuzzy" not in said, said
    code, said = run("msgcmp", str(po), str(template))
    assert code == 0, f"new or changed texts; run ninja -C build myturn-pot myturn-update-po, then translate po/{language}.po:\n{said}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_over(language, template):
    def texts(path):
        return set(re.findall(r'^msgid (".*")$', subprocess.run(["msgcat", "--no-wrap", str(path)], check=True, capture_output=True,
                                                                 text=True).stdout, re.M))
    assert "#~" not in (PO / f"{language}.po").read_text(), "obsolete entries: msgattrib --no-obsolete"
    assert texts(PO / f"{language}.po") <= texts(template), texts(PO / f"{language}.po") - texts(template)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_merges(language):
    """Sorted by file and without line numbers, so that the changes of several people do not meet."""
    lines = [line for line in (PO / f"{language}.po").read_text().split("\n") if line.startswith("#:")]
    assert lines and not [line for line in lines if re.search(r":\d+", line)], "no line numbers: --add-location=file"
