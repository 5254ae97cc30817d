"""Tests for aigw_extproc.run.container: what the kernel's files say."""

from pathlib import Path

import pytest

from aigw_extproc.run.container import container_memory


@pytest.mark.parametrize(
    ("text", "expected"), [("1073741824\n", 2**30), ("max\n", None), ("9223372036854771712\n", None), ("", None)]
)
def test_the_limit(text: str, expected: int | None, tmp_path: Path):
    file = tmp_path / "memory.max"
    file.write_text(text)
    assert container_memory([tmp_path / "missing", file]) == expected


def test_no_container(tmp_path: Path):
    assert container_memory([tmp_path / "missing"]) is None
