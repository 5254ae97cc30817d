"""A complete response is replayed as a stream, for models that cannot stream with tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openai.lib.streaming._deltas import accumulate_delta

from aigw_extproc.translate.carriers import converse
from tests.translate import goldens

RESPONSES = [case for case in goldens.cases("responses") if "completion" in goldens.read(case)]


def stream(golden: dict[str, Any]) -> list[Any]:
    writer = goldens.chat_writer(golden | {"include_usage": True})
    answer = converse.answer(goldens.conversed(writer, golden, replayed=True))
    response = answer.translate_response(json.dumps(golden["response"]).encode(), goldens.CONTEXT)
    assert response.media_type == "text/event-stream"
    return [goldens.event_data(event) for event in response.body.decode().split("\n\n")[:-1]]


def without_index(value: Any) -> Any:
    """Remove `index`, which entries of lists have in chunks only."""
    if isinstance(value, list):
        return [without_index(item) for item in value]
    if isinstance(value, dict):
        return {key: without_index(item) for key, item in value.items() if key != "index"}
    return value


@pytest.mark.parametrize("case", RESPONSES, ids=lambda case: case.stem)
def test_a_replayed_stream_adds_up_to_the_complete_response(case: Path) -> None:
    golden = goldens.read(case)
    *chunks, done = stream(golden)
    assert done == "[DONE]"
    message: dict[Any, Any] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            message = accumulate_delta(message, choice["delta"])
    completion = golden["completion"]
    expected = {key: value for key, value in completion["choices"][0]["message"].items() if key != "refusal"}
    assert without_index(message) == without_index({key: value for key, value in expected.items() if value is not None})
    assert [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"] if choice["finish_reason"]] == [
        completion["choices"][0]["finish_reason"]
    ]
    assert chunks[-1]["usage"] == completion["usage"]
