"""Validation of requests against botocore's service model."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.simulator.shapes import validate

TEXT = {"text": "Hello"}
MODEL = "anthropic.claude-3-haiku-20240307-v1:0"


def user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def problems(body: dict[str, Any], operation: str = "Converse", model_id: str = MODEL) -> str:
    with pytest.raises(Invalid) as caught:
        validate(operation, {"modelId": model_id, **body})
    return caught.value.message


def one(problem: str) -> str:
    return f"1 validation error detected: {problem}"


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "unknown member": (
        {**user(TEXT), "stream": True},
        "Value at 'stream' failed to satisfy constraint: Member is not known",
    ),
    "unknown nested member": (
        {"messages": [{"role": "user", "content": [TEXT], "name": "x"}]},
        "Value at 'messages.0.name' failed to satisfy constraint: Member is not known",
    ),
    "unknown block": (
        user({"txt": "Hello"}),
        "Value at 'messages.0.content.0.txt' failed to satisfy constraint: Member is not known",
    ),
    "missing member": (
        {"messages": [{"role": "user"}]},
        "Value null at 'messages.0.content' failed to satisfy constraint: Member must not be null",
    ),
    "string for a list": (
        {"messages": [{"role": "user", "content": "Hello"}]},
        "Value at 'messages.0.content' failed to satisfy constraint: Expected list, found string",
    ),
    "list for a structure": (
        {"messages": [[]]},
        "Value at 'messages.0' failed to satisfy constraint: Expected structure, found list",
    ),
    "number for a string": (
        user({"text": 1}),
        "Value at 'messages.0.content.0.text' failed to satisfy constraint: Expected string, found number",
    ),
    "null for a string": (
        user({"text": None}),
        "Value at 'messages.0.content.0.text' failed to satisfy constraint: Expected string, found null",
    ),
    "enum": (
        {"messages": [{"role": "tool", "content": [TEXT]}]},
        (
            "Value 'tool' at 'messages.0.role' failed to satisfy constraint: Member must satisfy enum value set:"
            " [user, assistant, system]"
        ),
    ),
    "pattern": (
        {**user(TEXT), "toolConfig": {"tools": [{"systemTool": {"name": "a b"}}]}},
        (
            "Value 'a b' at 'toolConfig.tools.0.systemTool.name' failed to satisfy constraint: Member must satisfy"
            " regular expression pattern: [a-zA-Z0-9_-]+"
        ),
    ),
    "too short": (
        {**user(TEXT), "inferenceConfig": {"stopSequences": [""]}},
        (
            "Value '' at 'inferenceConfig.stopSequences.0' failed to satisfy constraint: Member must have"
            " length greater than or equal to 1"
        ),
    ),
    "too long": (
        {**user(TEXT), "toolConfig": {"tools": [{"systemTool": {"name": "n" * 65}}]}},
        (
            f"Value '{'n' * 65}' at 'toolConfig.tools.0.systemTool.name' failed to satisfy constraint: Member must"
            " have length less than or equal to 64"
        ),
    ),
    "empty list": (
        {**user(TEXT), "toolConfig": {"tools": []}},
        (
            "Value '[]' at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or"
            " equal to 1"
        ),
    ),
    "map too large": (
        {**user(TEXT), "requestMetadata": {str(n): "v" for n in range(17)}},
        (
            "Value '{'0': 'v', '1': 'v', '2': 'v', '3': 'v', '4': 'v', '5': 'v', '6': 'v', '7': 'v',…' at"
            " 'requestMetadata' failed to satisfy constraint: Member must have length less than or equal to 16"
        ),
    ),
    "map value": (
        {**user(TEXT), "requestMetadata": {"team": "ü"}},
        (
            "Value 'ü' at 'requestMetadata.team' failed to satisfy constraint: Member must satisfy regular expression"
            r" pattern: [a-zA-Z0-9\s:_@$#=/+,-.]{0,256}"
        ),
    ),
    "not a map": (
        {**user(TEXT), "requestMetadata": []},
        "Value at 'requestMetadata' failed to satisfy constraint: Expected map, found list",
    ),
    "maxTokens 0": (
        {**user(TEXT), "inferenceConfig": {"maxTokens": 0}},
        (
            "Value '0' at 'inferenceConfig.maxTokens' failed to satisfy constraint: Member must have value greater than"
            " or equal to 1"
        ),
    ),
    "maxTokens of 64 bits": (
        {**user(TEXT), "inferenceConfig": {"maxTokens": 2**31}},
        (
            "Value '2147483648' at 'inferenceConfig.maxTokens' failed to satisfy constraint: Member must be a 32-bit"
            " integer"
        ),
    ),
    "boolean for an integer": (
        {**user(TEXT), "inferenceConfig": {"maxTokens": True}},
        "Value at 'inferenceConfig.maxTokens' failed to satisfy constraint: Expected integer, found boolean",
    ),
    "fraction for an integer": (
        {**user(TEXT), "inferenceConfig": {"maxTokens": 1.5}},
        "Value at 'inferenceConfig.maxTokens' failed to satisfy constraint: Expected integer, found number",
    ),
    "temperature 1.1": (
        {**user(TEXT), "inferenceConfig": {"temperature": 1.1}},
        (
            "Value '1.1' at 'inferenceConfig.temperature' failed to satisfy constraint: Member must have value less"
            " than or equal to 1"
        ),
    ),
    "temperature in a string": (
        {**user(TEXT), "inferenceConfig": {"temperature": "0.5"}},
        "Value at 'inferenceConfig.temperature' failed to satisfy constraint: Expected float, found string",
    ),
    "string for a boolean": (
        user({"document": {"name": "d", "source": {"text": "x"}, "citations": {"enabled": "yes"}}}),
        (
            "Value at 'messages.0.content.0.document.citations.enabled' failed to satisfy constraint: Expected boolean,"
            " found string"
        ),
    ),
    "union of none": (
        user({}),
        "Value at 'messages.0.content.0' failed to satisfy constraint: Exactly one member must be set, found none",
    ),
    "union of two": (
        user({"text": "a", "cachePoint": {"type": "default"}}),
        (
            "Value at 'messages.0.content.0' failed to satisfy constraint: Exactly one member must be set, found"
            " cachePoint, text"
        ),
    ),
    "blob that is not base64": (
        user({"image": {"format": "png", "source": {"bytes": "a b"}}}),
        (
            "Value 'a b' at 'messages.0.content.0.image.source.bytes' failed to satisfy constraint: Member must be"
            " encoded in base64"
        ),
    ),
    "blob that is not a string": (
        user({"image": {"format": "png", "source": {"bytes": [1]}}}),
        (
            "Value at 'messages.0.content.0.image.source.bytes' failed to satisfy constraint: Expected base64 string,"
            " found list"
        ),
    ),
    "empty blob": (
        user({"image": {"format": "png", "source": {"bytes": ""}}}),
        (
            "Value '' at 'messages.0.content.0.image.source.bytes' failed to satisfy constraint: Member must have"
            " length greater than or equal to 1"
        ),
    ),
}


@pytest.mark.parametrize(("body", "problem"), INVALID.values(), ids=INVALID.keys())
def test_a_violation_is_reported_with_its_path(body: dict[str, Any], problem: str) -> None:
    assert problems(body) == one(problem)


def test_all_violations_are_reported_at_once() -> None:
    body = {**user({"text": 1}), "inferenceConfig": {"topP": 2}, "x": 0}
    assert problems(body) == (
        "3 validation errors detected: Value at 'x' failed to satisfy constraint: Member is not known;"
        " Value at 'messages.0.content.0.text' failed to satisfy constraint: Expected string, found number;"
        " Value '2' at 'inferenceConfig.topP' failed to satisfy constraint: Member must have value less than or"
        " equal to 1"
    )


def test_a_model_id_has_its_pattern() -> None:
    assert problems(user(TEXT), model_id="a/b").startswith(
        "1 validation error detected: Value 'a/b' at 'modelId' failed to satisfy constraint: Member must satisfy"
        " regular expression pattern: "
    )


@pytest.mark.parametrize(
    "model_id",
    [
        MODEL,
        "us.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
        "simulator.slow-50",
    ],
)
def test_model_ids_of_every_kind_are_valid(model_id: str) -> None:
    assert validate("Converse", {"modelId": model_id, **user(TEXT)}) is None


@pytest.mark.parametrize("value", [None, True, 1.5, "x", [1, {"a": None}], {"deep": {"er": [[]]}}])
def test_documents_may_be_any_json(value: Any) -> None:
    tool_use = {"toolUse": {"toolUseId": "t", "name": "n", "input": value}}
    assert validate("Converse", {"modelId": MODEL, "messages": [{"role": "assistant", "content": [tool_use]}]}) is None


def test_count_tokens_has_its_own_shape() -> None:
    body = {"input": {"converse": {"messages": [], "inferenceConfig": {}}}}
    assert problems(body, "CountTokens") == one(
        "Value at 'input.converse.inferenceConfig' failed to satisfy constraint: Member is not known"
    )


def test_a_body_for_invoke_model_has_a_maximal_size() -> None:
    body = {"body": base64.b64encode(bytes(25_000_001)).decode()}
    assert problems(body, "InvokeModel") == one(
        f"Value '{'A' * 80}…' at 'body' failed to satisfy constraint: Member must have length less than or equal to"
        " 25000000"
    )
