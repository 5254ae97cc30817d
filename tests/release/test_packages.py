"""The wheel and the source archive, as published."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata

from aigw_extproc import __version__
from tests.docs.pages import ROOT

VERSION = "1.2.3"
DATA = [
    "aigw_extproc/bedrock/families.toml",
    "aigw_extproc/bedrock/models.toml",
    "aigw_extproc/extproc/pb/ext_proc_pb2.py",
    "aigw_extproc/_version.py",
]


def build(source: Path, output: Path, **environment: str) -> None:
    """Build the source archive, and the wheel from it.

    Raises:
        AssertionError: the build failed; the text is its output.
    """
    command = (sys.executable, "-m", "build", "--no-isolation", "--outdir", output, source)
    done = subprocess.run(
        command, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the files that git tracks, without git's own data."""
    folder = tmp_path_factory.mktemp("source")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607 - on the PATH
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def packages(source: Path) -> Path:
    build(source, source / "dist", SETUPTOOLS_SCM_PRETEND_VERSION=VERSION)
    return source / "dist"


def test_both_packages_have_this_version(packages: Path) -> None:
    assert sorted(file.name for file in packages.iterdir()) == [
        f"aigw_extproc-{VERSION}-py3-none-any.whl",
        f"aigw_extproc-{VERSION}.tar.gz",
    ]


def test_the_metadata_is_valid(packages: Path) -> None:
    with zipfile.ZipFile(packages / f"aigw_extproc-{VERSION}-py3-none-any.whl") as wheel:
        text = wheel.read(f"aigw_extproc-{VERSION}.dist-info/METADATA")
    metadata = Metadata.from_email(text, validate=True)
    assert metadata.name == "aigw-extproc"
    assert (str(metadata.version), metadata.license_expression) == (VERSION, "Apache-2.0")
    assert metadata.description_content_type == "text/markdown"
    assert metadata.project_urls is not None
    assert metadata.project_urls.keys() == {"Source", "Documentation", "Changelog", "Issues"}


def test_links_of_the_readme_lead_somewhere_on_pypi_too(packages: Path) -> None:
    with zipfile.ZipFile(packages / f"aigw_extproc-{VERSION}-py3-none-any.whl") as wheel:
        text = wheel.read(f"aigw_extproc-{VERSION}.dist-info/METADATA")
    metadata = Metadata.from_email(text, validate=True)
    source = (metadata.project_urls or {})["Source"]
    there = metadata.description or ""
    here = (ROOT / "README.md").read_text()
    files = [target for target in re.findall(r"\]\(([^)]*)\)", here) if "://" not in target and target[0] != "#"]
    assert len(files) > 20
    assert there.strip() == re.sub(r"\]\((?!https://|#)", f"]({source}/blob/main/", here).strip()
    assert [target for target in files if f"]({source}/blob/main/{target})" not in there] == []


def test_the_wheel_has_the_package_and_nothing_else(packages: Path) -> None:
    with zipfile.ZipFile(packages / f"aigw_extproc-{VERSION}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())
    listed = {str(path.relative_to(ROOT)) for path in (ROOT / "aigw_extproc").rglob("*") if path.is_file()}
    assert {name for name in names if ".dist-info/" not in name} == {
        name for name in listed if "__pycache__" not in name
    }
    assert set(DATA) <= names


def test_the_source_archive_has_only_these_files(packages: Path) -> None:
    with tarfile.open(packages / f"aigw_extproc-{VERSION}.tar.gz") as archive:
        top = {name.split("/")[1] for name in archive.getnames()}
    assert top == {
        *("PKG-INFO", "README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "constraints.txt", ".gitignore"),
        *("aigw_extproc", "docs", "envoy", "examples", "proto"),
    }


def test_the_wheel_works_in_a_separate_environment(packages: Path, tmp_path: Path) -> None:
    """Dependencies come from this environment: the test is whether the wheel itself is complete."""
    venv.create(tmp_path / "venv", with_pip=False)
    (site,) = (tmp_path / "venv/lib").glob("python*/site-packages")
    with zipfile.ZipFile(packages / f"aigw_extproc-{VERSION}-py3-none-any.whl") as wheel:
        wheel.extractall(site)  # noqa: S202 - our own
    (here,) = {path for path in map(Path, sys.path) if path.name == "site-packages"}
    (site / "dependencies.pth").write_text(f"{here}\n")
    python = tmp_path / "venv/bin/python"

    def run(*arguments: str) -> str:
        done = subprocess.run([python, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert run("-c", "import aigw_extproc; print(aigw_extproc.__file__)") == str(site / "aigw_extproc/__init__.py")
    assert run("-m", "aigw_extproc", "--version") == VERSION
    assert run("-m", "aigw_extproc", "check", "--region", "eu-west-1") == "ok: 1 rule, 1 upstream, 0 models"
    assert run("-m", "aigw_extproc", "models", "amazon.nova-micro-v1:0").startswith(
        "amazon.nova-micro-v1:0 is looked up"
    )


def test_envoy_config_without_envoys_types_says_what_to_install() -> None:
    """As with `pip install aigw-extproc`, which lacks the extra `local`."""
    code = "import sys; sys.modules['envoy_data_plane'] = None; from aigw_extproc.cli import app; app()"
    command = [sys.executable, "-c", code, "envoy-config", "--region", "us-east-1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    expected = "Envoy's configuration needs the types of its API: pip install 'aigw-extproc[local]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)


def test_a_tree_without_git_can_be_built(source: Path, tmp_path: Path) -> None:
    build(source, tmp_path)
    assert (tmp_path / "aigw_extproc-0.0.0-py3-none-any.whl").exists()


def test_the_installed_package_has_a_version() -> None:
    assert __version__ != "0.0.0"
