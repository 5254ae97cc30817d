"""`explain`: the report on a terminal and as JSON, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import BACKEND, ROUTE, aigw


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gateway.yaml").write_text(f"{ROUTE}---\n{BACKEND}")
    (tmp_path / "ask.json").write_text('{"model": "nova", "messages": [{"role": "user", "content": "Hi."}], "seed": 7}')
    (tmp_path / "claude.json").write_text('{"model": "claude", "messages": []}')
    return tmp_path


def test_a_report_for_people(folder: Path) -> None:
    ended = aigw("explain", "gateway.yaml", "--request", "ask.json", "--header", "x-tier: premium", cwd=folder)
    assert (ended.code, ended.err) == (0, "")
    assert "POST /model/nova/converse" in ended.out
    assert "removed headers: x-tier" in ended.out


def test_a_report_as_json(folder: Path) -> None:
    ended = aigw("explain", "gateway.yaml", "--request", "ask.json", "--json", cwd=folder)
    (backend,) = json.loads(ended.out)["backends"]
    assert (ended.code, backend["requests"][0]["path"]) == (0, "/model/nova/converse")
    assert [change["place"] for change in backend["changes"]] == ["seed"]


def test_a_request_that_is_refused(folder: Path) -> None:
    ended = aigw("explain", "gateway.yaml", "--request", "claude.json", cwd=folder)
    assert ended.code == 1
    assert "404: no rule routes the model 'claude'" in ended.out
    assert "the model is not nova" in ended.out


def test_another_endpoint(folder: Path) -> None:
    ended = aigw("explain", "gateway.yaml", "--request", "ask.json", "--path", "/v1/messages", "--json", cwd=folder)
    report = json.loads(ended.out)
    assert (ended.code, report["endpoint"], report["backends"][0]["refusal"]["status"]) == (1, "messages", 400)


def test_a_header_that_is_none(folder: Path) -> None:
    ended = aigw("explain", "gateway.yaml", "--request", "ask.json", "--header", "premium", cwd=folder)
    assert ended.code == 2
    assert "'premium': expected NAME: VALUE" in ended.err


def test_a_file_that_is_missing(folder: Path) -> None:
    ended = aigw("explain", "gateway.yaml", "--request", "none.json", cwd=folder)
    assert (ended.code, ended.err) == (1, "--request none.json: No such file or directory\n")
