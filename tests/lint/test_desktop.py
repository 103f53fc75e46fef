"""What a desktop reads of the graphical client: its entry, its description for software centres, its settings. Each in English and as translated."""

import pathlib
import shutil
import subprocess
import xml.etree.ElementTree as xml

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
APP, ID = ROOT / "apps/myturn-gtk", "net.myturn.Client"


def run(*command):
    assert shutil.which(command[0]), f"{command[0]} is not installed"
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def translated(kind, source, target):
    """As the build makes it; the source if no language is asked for."""
    run("msgfmt", f"--{kind}", f"--template={source}", "-d", str(ROOT / "po"), "-o", str(target))
    return target


@pytest.mark.parametrize("how", ["source", "translated"])
def test_desktop_entry(tmp_path, how):
    source, target = APP / f"data/{ID}.desktop.in", tmp_path / f"{ID}.desktop"
    if how == "source":
        shutil.copy(source, target)
    else:
        translated("desktop", source, target)
        assert "Comment[pl]=" in target.read_text() and "Keywords[pl]=" in target.read_text()
    assert run("desktop-file-validate", str(target)) == ""


@pytest.mark.parametrize("how", ["source", "translated"])
def test_metainfo(tmp_path, how):
    source, target = APP / f"data/{ID}.metainfo.xml.in", tmp_path / f"{ID}.metainfo.xml"
    if how == "source":
        shutil.copy(source, target)
    else:
        translated("xml", source, target)
        assert 'xml:lang="pl"' in target.read_text()
    done = subprocess.run(["appstreamcli", "validate", "--no-net", str(target)], capture_output=True, text=True)
    # Newer ones warn of a missing home page, which there is not.
    faults = [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:")) and "url-homepage-missing" not in line]
    assert not faults and "Validation" in done.stdout, done.stdout + done.stderr


def test_settings(tmp_path):
    run("glib-compile-schemas", "--strict", f"--targetdir={tmp_path}", str(APP))


def test_icons():
    for name, size in (f"{ID}.svg", 128), (f"{ID}-symbolic.svg", 16):
        picture = xml.parse(APP / "data/icons" / name).getroot()
        assert picture.tag == "{http://www.w3.org/2000/svg}svg" and picture.get("viewBox") == f"0 0 {size} {size}", name
    assert f"Icon={ID}\n" in (APP / f"data/{ID}.desktop.in").read_text()
