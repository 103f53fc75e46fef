"""Adds up what the parts of ./test reported and prints the one closing line. Exit status 1 if anything failed."""

import json
import pathlib
import sys
import xml.etree.ElementTree as xml


def from_meson(path):
    passed = failed = skipped = 0
    for line in path.read_text().splitlines():
        result = json.loads(line)["result"]
        if result in ("OK", "EXPECTEDFAIL"):
            passed += 1
        elif result == "SKIP":
            skipped += 1
        else:
            failed += 1
    return passed, failed, skipped


def from_junit(path):
    passed = failed = skipped = 0
    for case in xml.parse(path).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif (why := case.find("skipped")) is not None:
            skipped += 1
            print(f"skipped: {case.get('classname')}.{case.get('name')}: {why.get('message')}")
        else:
            passed += 1
    return passed, failed, skipped


def main():
    folder, broken = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    totals = [0, broken, 0]
    for path in sorted(folder.iterdir()):
        counts = {".json": from_meson, ".xml": from_junit}.get(path.suffix)
        if counts:
            found = counts(path)
        elif path.suffix == ".one":
            found = (1, 0, 0) if path.read_text().strip() == "passed" else (0, 1, 0)
        else:
            continue
        print(f"{path.stem}: {found[0]} passed, {found[1]} failed, {found[2]} skipped")
        totals = [a + b for a, b in zip(totals, found)]
    if sum(totals) == 0:
        totals[1] = 1  # a run that tested nothing is no success
    print("{} passed, {} failed, {} skipped".format(*totals))
    return 1 if totals[1] else 0


sys.exit(main())
