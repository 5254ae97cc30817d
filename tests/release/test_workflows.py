"""The CI and release workflows are valid, use fixed versions, and release one version of everything."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
CHART = ROOT / "charts/aigw-extproc/Chart.yaml"


def jobs(workflow: Path) -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load(workflow.read_text())["jobs"]
    return jobs


def steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(workflow).values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_digest_with_the_version_as_a_comment(workflow: Path) -> None:
    used = re.findall(r"uses: (.*)", workflow.read_text())
    assert len(used) == len([step for step in steps(workflow) if "uses" in step])
    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


def test_both_workflows_use_the_same_versions_of_actions() -> None:
    used = {step["uses"] for workflow in WORKFLOWS for step in steps(workflow) if "uses" in step}
    assert len(used) == len({one.partition("@")[0] for one in used})


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_only_read_by_default(workflow: Path) -> None:
    assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_scripts_contain_no_expressions(workflow: Path) -> None:
    """https://docs.github.com/en/actions/concepts/security/script-injections"""
    assert [step["run"] for step in steps(workflow) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_ci_runs_the_same_tests_as_developers(workflow: Path) -> None:
    assert jobs(workflow)["test"]["steps"][-1]["run"] == ".ci/run"


def test_images_have_a_bill_of_materials_and_a_provenance() -> None:
    pushed = jobs(ROOT / ".github/workflows/release.yml")["images"]["steps"][-1]["with"]
    assert (pushed["sbom"], pushed["provenance"]) == (True, "mode=max")


def test_images_have_one_base_by_digest() -> None:
    release = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    default = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert default == [release["env"]["PYTHON_IMAGE"]]
    pushed = release["jobs"]["images"]["steps"][-1]["with"]
    assert "PYTHON_IMAGE=${{ needs.version.outputs.base }}" in pushed["build-args"].splitlines()
    others = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert {one for one in others if ":" in one or "$" in one} == {"${PYTHON_IMAGE}"}


def test_packages_and_chart_show_the_same_address() -> None:
    source = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Source"]
    chart = yaml.safe_load(CHART.read_text())
    assert (chart["home"], chart["sources"]) == (source, [source])
    assert chart["icon"] == f"{source}/raw/main/docs/icon.svg"
    assert (ROOT / "docs/icon.svg").exists()


def test_every_image_is_published() -> None:
    targets = re.findall(r"^FROM runtime AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    matrix = jobs(ROOT / ".github/workflows/release.yml")["images"]["strategy"]["matrix"]["include"]
    assert sorted(one["target"] for one in matrix) == sorted(targets)
    services = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"].values()
    built = {one["image"].partition(":")[0] for one in services if "build" in one}
    assert {one["image"] for one in matrix} == built


def test_packages_images_and_chart_have_the_version_of_the_tag() -> None:
    release = jobs(ROOT / ".github/workflows/release.yml")
    version = "${{ needs.version.outputs.version }}"
    (checked,) = [step["env"]["VERSION"] for step in release["packages"]["steps"] if "VERSION" in step.get("env", {})]
    pushed = release["images"]["steps"][-1]["with"]
    assert [checked, release["chart"]["env"]["VERSION"]] == [version, version]
    assert f"VERSION={version}" in pushed["build-args"].splitlines()
    assert pushed["tags"].splitlines()[0].endswith(f":{version}")
    (package,) = [step["run"] for step in release["chart"]["steps"] if "helm package" in step.get("run", "")]
    assert package.endswith('--version "$VERSION" --app-version "$VERSION"')


def test_chart_and_image_have_the_same_version() -> None:
    if not CHART.exists():
        pytest.skip("NOT TESTED: there is no chart in this tree")
    chart = yaml.safe_load(CHART.read_text())
    assert chart["version"] == chart["appVersion"]
