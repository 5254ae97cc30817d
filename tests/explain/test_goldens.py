"""An explanation is what the gateway does: over all golden requests, byte for byte."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aigw_extproc.config.snapshot import Schema
from aigw_extproc.errors import GatewayError
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import (
    CredentialsReady,
    ForwardRequest,
    MediaReady,
    NeedCredentials,
    NeedMedia,
    RequestBody,
    RequestHeaders,
)
from aigw_extproc.explain.explain import Setting, explain
from aigw_extproc.explain.explanation import BackendReport, to_json
from aigw_extproc.explain.outgoing import HIDDEN, STAND_IN
from aigw_extproc.explain.request import client_request
from tests.explain.samples import router
from tests.test_exchange import BACKEND, NOW
from tests.translate import buffered_goldens, goldens
from tests.translate.goldens import Pair

OURS = ("x-ai-eg-", "x-envoy-", ":")


def cases() -> list[Any]:
    return [
        pytest.param(pair, case, id=f"{pair}-{case.stem}")
        for pair in goldens.PAIRS
        for case in goldens.cases("requests", pair)
    ]


@pytest.mark.parametrize(("pair", "case"), cases())
def test_the_request_that_is_explained_is_the_one_that_is_sent(pair: Pair, case: Path) -> None:
    golden = goldens.read(case)
    backend = replace(BACKEND, schema=Schema(name=pair.schema))
    headers = golden.get("headers", {})
    request = client_request(json.dumps(golden["request"]).encode(), path=pair.path, headers=headers.items())
    rules = router(backend=backend)
    setting = Setting(now=NOW, keeps=False, media=goldens.fetched(golden))
    explanation = explain(rules, request, setting)
    assert len(explanation.backends) == 1
    report = explanation.backends[0]

    machine = Exchange(rules, pick=0.0)
    machine.receive(RequestHeaders(request.headers, end_of_stream=False), now=NOW)
    action = machine.receive(RequestBody(request.body), now=NOW)
    if isinstance(action, NeedMedia) and setting.media:
        action = machine.receive(MediaReady(setting.media), now=NOW)
    if isinstance(action, NeedCredentials):
        action = machine.receive(CredentialsReady(STAND_IN), now=NOW)
    if isinstance(action, NeedMedia):
        assert report.notes == tuple(
            f"{url} would be fetched; an image of one pixel stands for it here" for url in action.urls
        )
    elif isinstance(action, ForwardRequest):
        assert sent(report) == {
            "path": dict(action.set_headers)[":path"],
            "body": action.body,
            "headers": {name: value for name, value in action.set_headers if not name.startswith(OURS)},
        }
        assert [change.place for change in report.changes if change.kind == "dropped"] == golden.get("dropped", [])
        assert json.loads(action.body) == golden["upstream"]["body"]
    else:
        assert report.refusal is not None
        refused = {"param": report.refusal.param or None, "message": report.refusal.message}
        assert refused == golden["error"]
    assert json.loads(to_json(explanation))["path"] == pair.path


def sent(report: BackendReport) -> dict[str, Any]:
    """What is sent, with the signature that the explanation hides."""
    (request,) = report.requests
    headers = {header.name: header.value for header in request.headers}
    assert headers.pop("authorization") == HIDDEN
    headers.pop("x-request-id")
    return {"path": request.path, "body": bytes(request.body), "headers": headers | {"authorization": ANY}}


class _Any:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other.startswith("AWS4-HMAC-SHA256 ")

    __hash__ = None  # type: ignore[assignment] # it equals many


ANY = _Any()


@pytest.mark.parametrize("case", buffered_goldens.cases(), ids=lambda case: f"{case.parent.name}-{case.stem}")
def test_requests_that_are_never_streamed(case: Path) -> None:
    golden = buffered_goldens.read(case)
    request = client_request(json.dumps(golden["request"]).encode(), path=golden["path"])
    (report,) = explain(router(), request, Setting(now=NOW, keeps=False)).backends
    try:
        upstream = buffered_goldens.upstream_request(golden["path"], golden["request"])
    except GatewayError as error:
        assert report.refusal is not None
        assert (report.refusal.status, report.refusal.message) == (error.status, error.message)
    else:
        assert [(each.path, bytes(each.body)) for each in report.requests] == [
            (upstream.path, body) for body in buffered_goldens.bodies(upstream)
        ]
