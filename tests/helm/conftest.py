"""Helm, in both versions that people have; what cannot be had is skipped, with the reason."""

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
    """For what does not depend on the version."""
    return _helm("helm4")


@pytest.fixture(scope="session")
def schemas() -> Path:
    try:
        return tools.schemas()
    except tools.NotToBeHad as reason:
        pytest.skip(str(reason))


def _helm(version: str) -> Helm:
    try:
        return tools.helm(version)
    except tools.NotToBeHad as reason:
        pytest.skip(str(reason))
