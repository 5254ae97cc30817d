"""`aigw-extproc keys`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.running import Ended, aigw


def test_a_key_is_created_listed_and_revoked(tmp_path: Path) -> None:
    created = aigw("keys", "create", "team-a", "--file", "keys.yaml", cwd=tmp_path)
    assert (created.code, created.err) == (0, "")
    assert created.out.startswith("aigw_")
    assert aigw("keys", "list", "--file", "keys.yaml", cwd=tmp_path) == Ended(code=0, out="team-a\n", err="")
    assert aigw("keys", "revoke", "team-a", "--file", "keys.yaml", cwd=tmp_path) == Ended(code=0, out="", err="")
    assert aigw("keys", "list", "--file", "keys.yaml", cwd=tmp_path) == Ended(code=0, out="", err="")


def test_errors(tmp_path: Path) -> None:
    missing = aigw("keys", "list", "--file", "keys.yaml", cwd=tmp_path)
    assert missing == Ended(code=1, out="", err="keys.yaml: No such file or directory\n")
    unknown = aigw("keys", "revoke", "x", "--file", "none/keys.yaml", cwd=tmp_path)
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err.endswith("none: No such file or directory\n")
