"""Prometheus and Grafana accept their configuration, which refers to existing metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from aigw_extproc.metrics import OUTCOMES
from tests.compose.promtool import find_promtool, run
from tests.docs.pages import ROOT
from tests.docs.test_facts import existing_metrics

MONITORING = ROOT / "monitoring"
DASHBOARDS = sorted((ROOT / "charts/aigw-extproc/dashboards").glob("*.json"))
"""The chart's dashboards, which compose mounts too."""
RULES = [
    rule
    for file in sorted((ROOT / "charts/aigw-extproc/rules").glob("*.yaml"))
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]


@pytest.fixture(scope="session")
def promtool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return find_promtool(tmp_path_factory)


def queries(dashboard: Path) -> Iterator[str]:
    for panel in json.loads(dashboard.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$__rate_interval", "5m").replace("$model", ".*")


def test_prometheus_accepts_its_configuration(promtool: Path, tmp_path: Path) -> None:
    text = (MONITORING / "prometheus.yml").read_text()
    mounts = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]["prometheus"]["volumes"]
    (source,) = (mount.split(":")[0] for mount in mounts if ":/etc/prometheus/rules:" in mount)
    config = tmp_path / "prometheus.yml"
    config.write_text(text.replace("/etc/prometheus/rules", str(ROOT / source)))
    done = run(promtool, "check", "config", config)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUCCESS: {len(RULES)} rules found" in done.stdout


def test_rules_use_existing_metrics_and_outcomes() -> None:
    expressions = " ".join(rule["expr"] for rule in RULES)
    assert set(re.findall(r"\baigw_\w+", expressions)) <= set(existing_metrics())
    outcomes = re.findall(r'aigw_outcomes_total\{outcome="(\w+)"', expressions)
    assert set(outcomes) <= set(OUTCOMES)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.name)
def test_queries_are_valid_promql(dashboard: Path, promtool: Path, tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(queries(dashboard))]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = run(promtool, "check", "rules", tmp_path / "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(rules) > 20


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.name)
def test_queries_use_existing_metrics(dashboard: Path) -> None:
    without_labels = (re.sub(r"\{[^}]*\}|by \([^)]*\)", "", query) for query in queries(dashboard))
    named = {name for query in without_labels for name in re.findall(r"\b(?:aigw|gen_ai)_\w+", query)}
    series = {re.sub(r"_(bucket|sum|count)$", "", name) for name in named}
    assert series - set(existing_metrics()) == set()
    # The dashboard shows every metric.
    assert set(existing_metrics()) - series == set()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.name)
def test_labels_are_those_of_the_metrics(dashboard: Path) -> None:
    existing = {"le", *(label for labels in existing_metrics().values() for label in labels)}
    used: set[str] = set()
    for query in queries(dashboard):
        used.update(re.findall(r"[{,] *(\w+)(?:=|!)", query))
        used.update(label for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(", "))
    assert used - existing == set()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.name)
def test_panels_do_not_overlap(dashboard: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(dashboard.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_grafana_finds_its_dashboards_and_their_data_source() -> None:
    folder = MONITORING / "grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yaml").read_text())["datasources"]
    assert source["isDefault"]  # the first choice of the dashboard's variable
    (provider,) = yaml.safe_load((folder / "dashboards/dashboards.yaml").read_text())["providers"]
    mounts = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]["grafana"]["volumes"]
    assert f"./charts/aigw-extproc/dashboards:{provider['options']['path']}:ro" in mounts


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.name)
def test_the_data_source_can_be_chosen(dashboard: Path) -> None:
    content = json.loads(dashboard.read_text())
    (variable, *others) = content["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")
    assert set(_uids([content["panels"], others])) == {"${datasource}"}


def _uids(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "prometheus":
            yield node["uid"]
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _uids(each)
