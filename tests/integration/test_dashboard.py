"""The dashboard in deploy/grafana asks for what the daemon exports, and can be imported: a panel on a metric that is not there stays empty without a word."""

import json
import pathlib
import re

from api import Api

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "deploy/grafana"
KINDS = {"bucket": "histogram", "sum": "histogram", "count": "histogram"}


def exported(server):
    """name -> (type, label -> values)"""
    kinds, labels = {}, {}
    for line in Api(server.url).get("/metrics").raw.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            kinds[name] = kind
        elif line and not line.startswith("#"):
            name, inner = re.match(r"(\w+)(?:\{([^}]*)\})?", line).groups()
            for label, value in re.findall(r'(\w+)="([^"]*)"', inner or ""):
                labels.setdefault(name, {}).setdefault(label, set()).add(value)
            labels.setdefault(name, {})
    return kinds, labels


def expressions():
    board = json.loads((FOLDER / "myturn.json").read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"], ""
    for expr in re.findall(r"`([^`]*myturn_\w+\[[^`]*)`", (FOLDER / "README.md").read_text()):
        yield "README", expr, ""


def test_every_metric_is_exported(server):
    kinds, labels = exported(server)
    bad = []
    for title, expr, legend in expressions():
        for name, matchers in re.findall(r"(myturn_\w+)(\{[^}]*\})?", expr):
            if name not in labels:
                bad.append(f"{title}: {name} is not exported")
                continue
            for label, value in re.findall(r'(\w+)="([^"]*)"', matchers):
                if value not in labels[name].get(label, ()):
                    bad.append(f"{title}: {name} has no {label}={value}")
            used = re.findall(r"\{\{(\w+)\}\}", legend) + re.findall(r"by \((\w+)\)", expr)
            bad += [f"{title}: {name} has no label {label}" for label in used if label not in labels[name]]
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            counter = kinds.get(name) == "counter" or kinds.get(base) == "histogram"
            if counter != ("rate(" in expr) and "label_values" not in expr:
                bad.append(f"{title}: {name} is a {kinds.get(name, 'histogram')}, asked for as {expr}")
    assert not bad, "\n".join(bad)


def test_every_metric_is_shown(server):
    """A new metric gets a panel; those that are told apart otherwise are named here."""
    shown = " ".join(expr for _, expr, _ in expressions())
    kinds, _ = exported(server)
    assert not {n for n in kinds if n not in shown} - {"myturn_users_registered"}


def test_the_dashboard_can_be_imported():
    board = json.loads((FOLDER / "myturn.json").read_text())
    ids = [p["id"] for p in board["panels"]]
    assert len(ids) == len(set(ids)) and board["uid"] and board["schemaVersion"] >= 36
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        assert all(t["datasource"]["uid"] == "${source}" for t in panel["targets"]), panel["title"]
