"""The pages as a site, which `make docs` builds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

ELSEWHERE = re.compile(r"<(?:script|link|img|iframe)[^>]* (?:src|href)=\"(?:https?:)?//[^\"]*\"")
"""A part of a page that is fetched from another host."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it. A link without a target is an error, as is a page that no list names."""
    folder = tmp_path_factory.mktemp("site")
    command = (sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", str(folder / "trees"))
    built = subprocess.run(
        [*command, str(ROOT / "docs"), str(folder / "html")], capture_output=True, text=True, cwd=ROOT
    )
    assert (built.returncode, built.stderr) == (0, "")
    return folder / "html"


def test_every_page_is_there(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}
    assert [page for page in pages if not (site / page).is_file()] == []


def test_it_is_read_without_the_internet(site: Path) -> None:
    assert [found for page in site.rglob("*.html") for found in ELSEWHERE.findall(page.read_text())] == []


def test_the_description_of_the_api_is_beside_the_pages(site: Path) -> None:
    assert json.loads((site / "openapi.json").read_text())["openapi"] == "3.1.1"
