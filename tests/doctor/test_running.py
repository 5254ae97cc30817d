"""`doctor --running`: what the page of a running gateway says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aigw_extproc import __version__
from aigw_extproc.doctor.checks import Check, CheckOutcome
from aigw_extproc.doctor.running import examine_running
from tests.cli.running import aigw
from tests.doctor.endpoints import closed_port
from tests.envoy_config.running import Handler, Upstream, running_upstream

CREDENTIALS = {"source": "default chain", "method": "env", "usable": True, "expires_in": 5400.0, "error": None}
STATUS: dict[str, Any] = {
    "version": __version__,
    "started": 1000.0,
    "now": 1600.0,
    "config": {"loaded_at": 1000.0, "reloads": 0, "rejections": 0, "problems": []},
    "credentials": [CREDENTIALS],
    "warnings": [],
    "workers": 2,
    "rules": [{}, {}],
    "requests": 10,
    "failed": 1,
}


def answering(status: int, body: Any) -> Any:
    def answer(handler: Handler) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response_only(status)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


async def examined(
    status: int = 200, body: Any = None, token: str = "", **changed: Any
) -> tuple[Upstream, list[Check]]:
    with running_upstream() as page:
        page.answer = answering(status, STATUS | changed if body is None else body)
        diagnosis = await examine_running(f"http://127.0.0.1:{page.port}/", token)
    assert diagnosis.backend == "running gateway"
    return page, list(diagnosis.checks)


def outcomes(checks: list[Check]) -> list[tuple[str, str, str]]:
    return [(check.name, check.outcome.value, check.detail) for check in checks]


async def test_all_well() -> None:
    page, checks = await examined(token="a-token-of-some-length")
    assert outcomes(checks) == [
        ("reach", "ok", f"version {__version__}, running for 10 min"),
        ("configuration", "ok", "in effect, 2 rules"),
        ("workers", "ok", "2 run"),
        ("credentials", "ok", "usable for 90 min"),
        ("traffic", "ok", "1 of the last 10 requests failed"),
    ]
    (request,) = page.received
    assert request.line == "GET /status.json HTTP/1.1"
    assert ("authorization", "Bearer a-token-of-some-length") in request.headers


async def test_what_is_wrong_is_named() -> None:
    config = STATUS["config"] | {"problems": ["a.yaml: AIGatewayRoute default/r: spec: expected an object"]}
    broken = CREDENTIALS | {"usable": False, "error": "no source has any"}
    _, checks = await examined(config=config, credentials=[broken], workers=0, failed=6, version="0.0.1")
    assert checks[0].notes == (f"this doctor is {__version__}",)
    assert checks[1].notes == ("a.yaml: AIGatewayRoute default/r: spec: expected an object",)
    assert outcomes(checks[1:]) == [
        ("configuration", "failed", "the files have 1 errors; what was in effect before stays in effect"),
        ("workers", "failed", "none runs"),
        ("credentials", "failed", "no source has any"),
        ("traffic", "failed", "6 of the last 10 requests failed"),
    ]
    assert all(check.next_step for check in checks[1:])


async def test_a_gateway_without_requests_and_workers_of_its_own() -> None:
    _, checks = await examined(workers=None, credentials=[], requests=0, failed=0)
    assert outcomes(checks)[1:] == [
        ("configuration", "ok", "in effect, 2 rules"),
        ("traffic", "skipped", "no requests yet"),
    ]


@pytest.mark.parametrize(
    ("status", "body", "detail", "step"),
    [
        (401, b"", "it answers 401", "give the file of its token with --page-token"),
        (403, b"", "it answers 403", "ask it as http://127.0.0.1:PORT"),
        (404, b"", "it answers 404", "it has no page there"),
        (500, b"", "it answers 500", "check that `run` or `serve` runs"),
        (200, b"<html>", "its answer is not a gateway's", "check that `run` or `serve` runs"),
    ],
)
async def test_no_gateway_or_no_page(status: int, body: bytes, detail: str, step: str) -> None:
    _, (check,) = await examined(status, body)
    assert (check.outcome, check.detail) == (CheckOutcome.FAILED, detail)
    assert check.next_step is not None
    assert check.next_step.startswith(step)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "ftp://127.0.0.1:{port}"])
async def test_nobody_there(url: str) -> None:
    with closed_port() as port:
        (check,) = (await examine_running(url.format(port=port))).checks
    assert (check.name, check.outcome) == ("reach", CheckOutcome.FAILED)
    assert check.detail.startswith("no answer: ")


def test_the_command_needs_no_resources(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token-of-some-length\n")
    with running_upstream() as page:
        page.answer = answering(200, STATUS)
        url = f"http://127.0.0.1:{page.port}"
        ended = aigw("doctor", "--running", url, "--page-token", "token", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert "running gateway" in ended.out
    assert ("authorization", "Bearer a-token-of-some-length") in page.received[0].headers
    assert "a-token-of-some-length" not in ended.out
