"""Tests for aigw_extproc.openapi: the description says what the gateway takes and answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from aigw_extproc.exchange.stored import STORED
from aigw_extproc.openapi.description import DELETE, GET, POST, describe
from aigw_extproc.openapi.schemas import Schemas
from aigw_extproc.translate.clients.models import MODEL_PATHS
from aigw_extproc.translate.registry import ENDPOINTS

GOLDEN = Path(__file__).parent.parent / "golden"
DESCRIPTION = json.loads(json.dumps(describe("1.2.3")))
PATHS = {
    "chat_converse": "/v1/chat/completions",
    "chat_anthropic": "/v1/chat/completions",
    "messages_converse": "/v1/messages",
    "messages_anthropic": "/v1/messages",
    "responses_converse": "/v1/responses",
}
ANSWERS = ("completion", "message", "result", "answer")
"""The members of golden files with the client's response."""


def validator(path: str, *place: str) -> Draft202012Validator:
    """Return the validator of a body that the description has at a place of a path's POST."""
    found = DESCRIPTION["paths"][path]["post"]
    for name in (*place, "content", "application/json", "schema"):
        found = found[name]
    return Draft202012Validator({**found, "components": DESCRIPTION["components"]})


def goldens() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for file in sorted(GOLDEN.glob("*/*/*.json")):
        if "helm" in file.parts or file.parent.name == "streams":
            continue
        golden = json.loads(file.read_text())
        yield str(file.relative_to(GOLDEN)), golden.get("path") or PATHS[file.parts[-3]], golden


def test_it_is_valid() -> None:
    validate(DESCRIPTION)
    assert DESCRIPTION["info"]["version"] == "1.2.3"


def test_every_path_is_in_it_and_no_other() -> None:
    assert set(POST) == set(ENDPOINTS)
    assert set(GET) == {*MODEL_PATHS, *(f"{path}/{{id}}" for path in MODEL_PATHS), f"{STORED}{{id}}"}
    assert set(DELETE) == {f"{STORED}{{id}}"}


def test_requests_that_are_translated_are_valid() -> None:
    checked = 0
    for name, path, golden in goldens():
        if "request" in golden and "error" not in golden:
            faults = [fault.message for fault in validator(path, "requestBody").iter_errors(golden["request"])]
            assert (name, faults) == (name, [])
            checked += 1
    assert checked > 500


def test_responses_are_valid() -> None:
    checked = 0
    for name, path, golden in goldens():
        for member in ANSWERS:
            if member in golden and not name.startswith("messages_anthropic"):  # a passed one is whatever Bedrock sent
                faults = [fault.message for fault in validator(path, "responses", "200").iter_errors(golden[member])]
                assert (name, faults) == (name, [])
                checked += 1
    assert checked > 80


def test_a_type_without_a_schema_is_a_defect() -> None:
    class Odd(msgspec.Struct):
        value: complex

    with pytest.raises(TypeError, match="no schema for CustomType"):
        Schemas().of(Odd)


def test_a_type_that_contains_itself() -> None:
    schemas = Schemas()
    reference = schemas.of(Tree)
    assert schemas.components == {
        f"{__name__.partition('.')[2]}.Tree": {
            "type": "object",
            "description": "A value and its branches.",
            "properties": {"branches": {"type": "array", "items": reference, "maxItems": 2}},
            "required": ["branches"],
            "additionalProperties": False,
        }
    }


class Tree(msgspec.Struct, forbid_unknown_fields=True):
    """A value and its `branches`."""

    branches: Annotated[list[Tree], msgspec.Meta(max_length=2)]
