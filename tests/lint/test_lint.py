"""The rules of the code base that a machine can check: layers, sizes, banned calls, what the repository may speak of."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# An arrow may only point down: what each folder may include besides itself and system headers.
LAYERS = {
    "src/base": set(),
    "src/match": {"base"},
    "src/sip": {"base"},
    "src/net": {"base"},
    "src/server": {"base", "match", "sip", "net"},
    "src/link": {"base"},
    "src/media": {"base"},
    "src/client": {"base", "link", "media", "myturn"},
    "apps/myturnd": {"base", "server"},  # the program is the server module's shell
    "apps/myturn": {"myturn"},
    "apps/myturn-gtk": {"myturn"},
}
# Rules do no I/O: headers that would bring sockets, threads, files or a loop into them.
PURE = ["src/match", "src/sip", "src/link/sdp", "src/link/sas", "src/link/words", "src/link/chan", "src/client/turn",
        "src/media/jitter", "src/media/transit", "src/media/rtcp", "src/media/rtp", "src/media/reception", "src/media/report",
        "src/media/quality", "src/media/adapt", "src/media/g711", "src/media/narrow", "src/media/shrink"]
IO_HEADERS = re.compile(r"<(sys/socket|sys/epoll|poll|pthread|uv|unistd|fcntl|glib|gio/.*|sofia-sip/.*|nice/.*|usrsctp|"
                        r"gst/.*|libsoup/.*|stdio)\.?h?>|base/(clock|log)\.h")
BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|atoi|atol|atof|strtok|alloca|gets|rand|srand)\s*\(")
# Heap only by base/alloc.h, so that every allocation can be made to fail; GLib modules use GLib's.
RAW_HEAP = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|strdup|strndup|free)\s*\(")
RAW_HEAP_EXCEPTIONS = {"src/link/sctp.c": "usrsctp hands over what the C library's malloc gave"}
MAX_FUNCTION, MAX_FILE, MAX_PARAMS, MAX_NESTING = 60, 500, 6, 3

# (file, function) -> why it may be longer, deeper or take more parameters.
EXCEPTIONS = {
    ("apps/myturn-gtk/announcer.c", "measure"): "the signature is GTK's",
    ("src/link/sctp.c", "on_receive"): "the signature is usrsctp's",
    ("src/client/ua.c", "on_event"): "the signature is sofia-sip's",
}


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns], cwd=ROOT,
                         check=True, capture_output=True, text=True).stdout
    return [p for p in out.split("\n") if p and (ROOT / p).is_file()]


def sources():
    return tracked("src/**.[ch]", "apps/**.[ch]", "include/**.h")


def strip_comments(text):
    """Comments and string contents blanked, lines kept."""
    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def functions(path):
    """(name, parameters, first line, body lines) of each function: clang-format puts heads and closing braces in column 0."""
    lines = strip_comments((ROOT / path).read_text()).split("\n")
    start = None
    for number, line in enumerate(lines):
        if start is None and re.match(r"^[A-Za-z_].*\)\s*\{\s*$", line) or start is None and re.match(r"^\s+.*\)\s*\{\s*$", line) \
                and number and re.match(r"^[A-Za-z_][^;{}]*\($|^[A-Za-z_][^;{}]*,\s*$", lines[number - 1]):
            head = line
            back = number
            while back > 0 and not re.match(r"^[A-Za-z_]", head):
                back -= 1
                head = lines[back] + " " + head.strip()
            name = re.search(r"([A-Za-z_]\w*)\s*\(", head)
            start = (name.group(1) if name else "?", head, number)
        elif start is not None and line.startswith("}"):
            yield start[0], start[1], start[2], lines[start[2] + 1:number]
            start = None


def test_layers():
    bad = []
    for path in sources():
        folder = "/".join(path.split("/")[:2])
        if folder not in LAYERS:
            continue
        own = folder.split("/")[1]
        for match in re.finditer(r'^#include "([^"]+)"', (ROOT / path).read_text(), flags=re.M):
            target = match.group(1).split("/")[0] if "/" in match.group(1) else own
            if target != own and target not in LAYERS[folder]:
                bad.append(f"{path} includes {match.group(1)}")
    assert not bad, "\n".join(bad)


def test_every_folder_has_a_layer():
    folders = {"/".join(p.split("/")[:2]) for p in sources() if p.startswith(("src/", "apps/"))}
    assert folders <= set(LAYERS), f"no layer is declared for {folders - set(LAYERS)}"


def test_rules_do_no_io():
    bad = []
    for path in sources():
        if not any(path.startswith(p + "/") or re.match(re.escape(p) + r"\w*\.[ch]$", path) for p in PURE):
            continue
        for number, line in enumerate((ROOT / path).read_text().split("\n"), 1):
            found = re.match(r'#include\s+[<"]([^>"]+)[>"]', line)
            if found and IO_HEADERS.search(f"<{found.group(1)}>" if "<" in line else found.group(1)) and found.group(1) != "stdio.h":
                bad.append(f"{path}:{number}: {line}")
    assert not bad, "\n".join(bad)


def test_banned_calls():
    bad = [f"{p}:{n}: {line.strip()}" for p in sources() + tracked("tests/**.c", "tests/fuzz/**.c", "tools/**.c")
           for n, line in enumerate(strip_comments((ROOT / p).read_text()).split("\n"), 1) if BANNED.search(line)]
    assert not bad, "\n".join(bad)


def test_heap_only_through_alloc():
    bad = []
    for path in sources():
        if path.startswith(("src/base/alloc", "apps/")) or path in RAW_HEAP_EXCEPTIONS:
            continue
        for n, line in enumerate(strip_comments((ROOT / path).read_text()).split("\n"), 1):
            if RAW_HEAP.search(line):
                bad.append(f"{path}:{n}: {line.strip()}")
    assert not bad, "\n".join(bad)


def test_file_sizes():
    bad = [f"{p}: {len((ROOT / p).read_text().splitlines())} lines" for p in sources()
           if len((ROOT / p).read_text().splitlines()) > MAX_FILE and (p, None) not in EXCEPTIONS]
    assert not bad, "\n".join(bad)


def test_functions_stay_small():
    bad = []
    for path in sources():
        if not path.endswith(".c"):
            continue
        for name, head, number, body in functions(path):
            if (path, name) in EXCEPTIONS:
                continue
            if len(body) > MAX_FUNCTION:
                bad.append(f"{path}:{number + 1}: {name} has {len(body)} lines")
            params = head[head.index("(") + 1:] if "(" in head else ""
            count = params.count(",") + 1
            if count > MAX_PARAMS:
                bad.append(f"{path}:{number + 1}: {name} has {count} parameters")
            depth, deepest = 0, 0
            for line in body:
                if re.match(r"\s*(\} else )?(if|for|while|switch|do)\b.*\{\s*$|.*\belse \{\s*$", line) and "} else" not in line:
                    depth += 1
                    deepest = max(deepest, depth)
                elif re.match(r"\s*\}\s*(while.*)?;?\s*$", line):
                    depth = max(0, depth - 1)
            if deepest > MAX_NESTING:
                bad.append(f"{path}:{number + 1}: {name} nests {deepest} deep")
    assert not bad, "\n".join(bad)


def test_exceptions_are_needed():
    stale = [f"{path}: {name}" for path, name in EXCEPTIONS if not (ROOT / path).is_file()]
    assert not stale, "\n".join(stale)


def test_every_unit_has_its_test_folder():
    modules = {p.split("/")[1] for p in sources() if p.startswith("src/")}
    missing = [m for m in modules if not tracked(f"tests/unit/{m}/test_*.c")]
    assert not missing, f"no unit test in tests/unit/ for {missing}"


@pytest.mark.parametrize("pattern", [r"(?<![\w.])/(root|home)/\w", r"\b(?:TODO|FIXME|XXX)\b"])
def test_nothing_left_behind(pattern):
    bad = []
    for path in tracked("*.c", "*.h", "*.py", "*.sh", "*.md", "*.build", "run", "test", "bench", "soak", "package", "debian/*"):
        if path == "tests/lint/test_lint.py":
            continue
        for n, line in enumerate((ROOT / path).read_text(errors="replace").split("\n"), 1):
            if re.search(pattern, line):
                bad.append(f"{path}:{n}: {line.strip()}")
    assert not bad, "\n".join(bad)


def test_scripts_parse():
    for script in ["run", "test", "fuzz", "bench", "soak", "package", ".ci/run", *tracked("scripts/*.sh")]:
        path = ROOT / script
        assert path.is_file(), script
        subprocess.run(["bash", "-n", str(path)], check=True)
