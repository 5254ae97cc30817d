"""Requests signed by botocore."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from aigw_extproc.simulator.http_messages import HttpRequest
from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_REGION, DEMO_SECRET_ACCESS_KEY

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
PATH = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse"
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}


def signed(
    body: Mapping[str, Any] | bytes = HELLO,
    *,
    path: str = PATH,
    key: str = DEMO_ACCESS_KEY_ID,
    secret: str = DEMO_SECRET_ACCESS_KEY,
    token: str | None = None,
    region: str = DEMO_REGION,
    service: str = "bedrock",
    at: datetime = NOW,
    headers: Mapping[str, str] | None = None,
) -> HttpRequest:
    """Return a request that botocore has signed."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"host": "bedrock.test", "content-type": "application/json", **(headers or {})}
    request = AWSRequest("POST", f"http://bedrock.test{path}", headers=fields, data=data)
    with mock.patch("botocore.auth.get_current_datetime", return_value=at.replace(tzinfo=None)):
        SigV4Auth(Credentials(key, secret, token), service, region).add_auth(request)
    sent = tuple((name.lower(), value) for name, value in request.headers.items())
    return HttpRequest(method="POST", raw_path=path, headers=sent, body=data)


def without_header(request: HttpRequest, *names: str) -> tuple[tuple[str, str], ...]:
    """Return the headers without some."""
    return tuple((name, value) for name, value in request.headers if name not in names)
