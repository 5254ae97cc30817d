"""The file through which processes share what one of them has read."""

from __future__ import annotations

from pathlib import Path

import pytest

from aigw_extproc.errors import ConfigError
from aigw_extproc.kubernetes import published
from tests.kubernetes.documents import gateway, route, secret, service, to
from tests.kubernetes.test_scope import NAME, scope_of, stored


def test_what_was_written_is_served(tmp_path: Path) -> None:
    file = tmp_path / published.FILE
    scope = scope_of(stored(gateway(), *service("good", 80), route("a", to("good", "nova"))), NAME)
    assert published.write(file, str(NAME), scope.documents) is True
    assert published.write(file, str(NAME), scope.documents) is False
    loaded = published.load(file)
    assert [rule.models for rule in loaded.snapshot.rules] == [("nova",)]
    assert (loaded.files, file.stat().st_mode & 0o777) == ((str(file),), 0o600)


def test_before_anything_was_published_nothing_is_served(tmp_path: Path) -> None:
    assert published.load(tmp_path / "missing").snapshot.rules == ()


def test_what_another_gateway_was_served_is_not_taken_over(tmp_path: Path) -> None:
    file = tmp_path / published.FILE
    published.write(file, "default/another", [])
    assert (published.discard_others(file, "default/mine"), file.exists()) == (False, False)
    published.write(file, "default/mine", [])
    assert (published.discard_others(file, "default/mine"), file.exists()) == (True, True)


def test_a_foreign_file_is_refused_without_its_content(tmp_path: Path) -> None:
    file = tmp_path / published.FILE
    file.write_text(str(secret("team", alice="canary")))
    with pytest.raises(ConfigError) as refused:
        published.load(file)
    assert str(refused.value) == f"{file}: file: was not written by this program"
