"""Errors in Anthropic's format."""

from __future__ import annotations

import json

from aigw_extproc.anthropic.errors import render
from aigw_extproc.errors import InvalidRequest, ThreadsUnsupported


def test_the_request_id_is_always_present() -> None:
    assert json.loads(render(InvalidRequest.at("a", "is wrong"), "R")) == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "a: is wrong"},
        "request_id": "R",
    }


def test_a_thread_is_refused_as_anthropic_refuses_it() -> None:
    assert json.loads(render(ThreadsUnsupported())) == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "thread: Bedrock keeps no conversations: send all messages, without `thread`",
            "details": {"error_code": "thread_unsupported_request", "unsupported": ["thread"]},
        },
        "request_id": None,
    }
