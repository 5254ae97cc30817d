"""Tests for aigw_extproc.serve.memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aigw_extproc.serve.memory import default_budget, memory_limit

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(
    ("text", "limit"), [("1048576\n", 2**20), ("max\n", MACHINE), ("9223372036854771712\n", MACHINE), (None, MACHINE)]
)
def test_the_limit_of_the_container(tmp_path: Path, text: str | None, limit: int) -> None:
    file = tmp_path / "memory.max"
    if text is not None:
        file.write_text(text)
    assert memory_limit((file,)) == limit


def test_workers_share_the_budget() -> None:
    assert default_budget(4) == memory_limit() // 16
