"""Fixtures for Helm in both major versions; tests are skipped, with the reason, if a tool is not available."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helm import tools
from tests.helm.tools import Helm


@pytest.fixture(scope="session", params=tools.WHEELS)
def helm(request: pytest.FixtureRequest) -> Helm:
    return _helm(request.param)


@pytest.fixture(scope="session")
def helm4() -> Helm:
    """For tests that do not depend on the version."""
    return _helm("helm4")


@pytest.fixture(scope="session")
def schemas() -> Path:
    try:
        return tools.schemas()
    except tools.ToolUnavailable as reason:
        pytest.skip(str(reason))


def _helm(version: str) -> Helm:
    try:
        return tools.helm(version)
    except tools.ToolUnavailable as reason:
        pytest.skip(str(reason))
