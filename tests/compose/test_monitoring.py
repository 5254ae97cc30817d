"""Prometheus and Grafana accept their configuration, which refers to existing metrics."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT
from tests.docs.test_facts import existing_metrics

MONITORING = ROOT / "monitoring"
DASHBOARDS = sorted((ROOT / "charts/aigw-extproc/dashboards").glob("*.json"))
"""The chart's dashboards, which compose mounts too."""


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(command), cwd=cwd, capture_output=True, text=True, timeout=100)


@pytest.fixture(scope="session")
def promtool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return promtool, extracted from Debian's package if it is not installed."""
    if installed := shutil.which("promtool"):
        return Path(installed)
    folder = tmp_path_factory.mktemp("promtool")
    if shutil.which("apt-get") is None:
        pytest.skip("NOT TESTED: promtool is not installed, and there is no apt-get to download it")
    if os.geteuid() == 0:
        run("apt-get", "update")
    run("apt-get", "download", "prometheus", cwd=folder)
    for package in folder.glob("*.deb"):
        run("dpkg-deb", "--extract", package, folder)
    if not (folder / "usr/bin/promtool").exists():
        pytest.skip("NOT TESTED: promtool is not installed, and Debian's package prometheus is not available")
    return folder / "usr/bin/promtool"


def queries(dashboard: Path) -> Iterator[str]:
    for panel in json.loads(dashboard.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$__rate_interval", "5m").replace("$model", ".*")


def test_prometheus_accepts_its_configuration(promtool: Path) -> None:
    done = run(promtool, "check", "config", MONITORING / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


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
