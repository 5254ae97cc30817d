"""Errors in OpenAI's format."""

from __future__ import annotations

import json

from aigw_extproc.errors import InternalError, InvalidRequest
from aigw_extproc.openai.errors import render


def test_every_key_is_always_present() -> None:
    assert json.loads(render(InternalError())) == {
        "error": {
            "message": "internal error of the gateway; see its log",
            "type": "api_error",
            "param": None,
            "code": "internal_error",
        }
    }


def test_messages_are_escaped() -> None:
    error = InvalidRequest.at("a.b", '"}\n\x00 \u2028')
    assert json.loads(render(error))["error"] == {
        "message": 'a.b: "}\n\x00 \u2028',
        "type": "invalid_request_error",
        "param": "a.b",
        "code": None,
    }
