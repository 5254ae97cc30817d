"""Rules and requests to explain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aigw_extproc.config.snapshot import Backend, Rule, Snapshot
from aigw_extproc.explain.explain import Setting, explain
from aigw_extproc.explain.explanation import Explanation
from aigw_extproc.explain.request import client_request
from aigw_extproc.routing import Router
from tests.test_exchange import BACKEND, NOW

CHAT = "/v1/chat/completions"


def router(*rules: Rule, backend: Backend = BACKEND, **snapshot: Any) -> Router:
    """These rules; without any, one that takes every model."""
    anything = Rule(name="default/r/rule/0", backends=(backend,), owned_by="us", created=7)
    return Router(Snapshot(rules=rules or (anything,), **snapshot))


def explained(
    body: bytes | Mapping[str, Any],
    *,
    rules: Router | None = None,
    path: str | None = None,
    method: str = "POST",
    setting: Setting | None = None,
    **headers: str,
) -> Explanation:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    request = client_request(data, path=path, headers=named, method=method)
    return explain(rules or router(), request, setting or Setting(now=NOW))


def question(model: str = "nova", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Hi."}], **fields}
