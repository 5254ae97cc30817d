"""Translated output items and their events are valid by the types of OpenAI's SDK."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from openai.types.responses import ResponseOutputItem, ResponseStreamEvent
from pydantic import TypeAdapter

from aigw_extproc.bedrock.converse_stream import BlockDelta, BlockStart, ReasoningDelta, ToolUseDelta, ToolUseStart
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.clients.responses.encrypted_content import EncryptedContent, decode, encode
from aigw_extproc.translate.clients.responses.output import Event, Output
from aigw_extproc.translate.converse.tool_names import ToolNames

EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
ITEMS: TypeAdapter[Any] = TypeAdapter(list[ResponseOutputItem])

REASONING = [
    BlockDelta(reasoning_content=ReasoningDelta(text="Hm")),
    BlockDelta(reasoning_content=ReasoningDelta(signature="c2ln")),
]


def use(name: str, *fragments: str) -> list[BlockStart | BlockDelta]:
    start = BlockStart(tool_use=ToolUseStart(tool_use_id="c1", name=name))
    return [start, *(BlockDelta(tool_use=ToolUseDelta(input=fragment)) for fragment in fragments)]


def translate(output: Output, *blocks: Iterable[BlockStart | BlockDelta]) -> list[Event]:
    events: list[Event] = []
    for at, block in enumerate(blocks):
        for event in block:
            events += output.start(event, at) if isinstance(event, BlockStart) else output.delta(event, at)
        events += output.stop(at)
    events += output.close("completed")
    for number, (name, members) in enumerate(events):
        EVENTS.validate_python({"type": f"response.{name}", "sequence_number": number, **members}, strict=True)
    ITEMS.validate_python(output.items, strict=True)
    return events


def output(answer_tool: str | None = None) -> Output:
    return Output("r", ToolNames.of(["f", "get weather"]), answer_tool)


def test_consecutive_text_blocks_are_one_message() -> None:
    out = output()
    assert [name for name, _ in translate(out, [BlockDelta(text="a")], [BlockDelta(text="b")])] == [
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
    ]
    assert out.items[0]["content"] == [{"type": "output_text", "text": "ab", "annotations": [], "logprobs": []}]


def test_reasoning_a_text_and_a_call_are_three_items_in_order() -> None:
    out = output()
    translate(out, REASONING, [BlockDelta(text="a")], use("f", '{"x"', ":1}"))
    assert [item["id"] for item in out.items] == ["rs_r_0", "msg_r_1", "fc_r_2"]


def test_a_signature_survives_in_the_encrypted_content() -> None:
    out = output()
    translate(out, REASONING)
    assert decode(out.items[0]["encrypted_content"], "x") == EncryptedContent("Hm", "c2ln")


def test_redacted_reasoning_survives_without_a_summary() -> None:
    out = output()
    translate(out, [BlockDelta(reasoning_content=ReasoningDelta(redacted_content="aGlk"))])
    assert out.items[0]["summary"] == []
    assert decode(out.items[0]["encrypted_content"], "x") == EncryptedContent(redacted="aGlk")


def test_a_call_has_the_clients_name_of_the_tool() -> None:
    out = output()
    translate(out, use(ToolNames.of(["get weather"]).to_bedrock("get weather")))
    assert out.items == [
        {
            "type": "function_call",
            "id": "fc_r_0",
            "call_id": "c1",
            "name": "get weather",
            "arguments": "{}",
            "status": "completed",
        }
    ]


def test_the_input_of_the_answer_tool_is_the_only_text() -> None:
    out = output(answer_tool="answer")
    events = translate(out, [BlockDelta(text="Sure:")], use("answer", '{"a"', ":1}"))
    assert [members["delta"] for name, members in events if name == "output_text.delta"] == ['{"a"', ":1}"]
    assert [item["content"][0]["text"] for item in out.items] == ['{"a":1}']


def test_an_answer_without_input_is_an_empty_object() -> None:
    out = output(answer_tool="answer")
    translate(out, use("answer"))
    assert [item["content"][0]["text"] for item in out.items] == ["{}"]


def test_held_text_is_the_answer_if_the_answer_tool_is_not_used() -> None:
    out = output(answer_tool="answer")
    translate(out, [BlockDelta(text="No.")])
    assert [item["content"][0]["text"] for item in out.items] == ["No."]


def test_an_answer_after_another_tool_call_is_ignored() -> None:
    out = output(answer_tool="answer")
    translate(out, use("f", "{}"), use("answer", "{}"))
    assert [item["type"] for item in out.items] == ["function_call"]


@pytest.mark.parametrize("text", ["", "x", "not ours", encode(EncryptedContent("a"))[:-3]])
def test_encrypted_content_of_other_gateways_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        decode(text, "input[0].encrypted_content")
    assert raised.value.param == "input[0].encrypted_content"


@pytest.mark.parametrize(
    "block", [[BlockDelta(text="a")], REASONING[:1], use("f", '{"x"')], ids=["text", "reasoning", "call"]
)
def test_only_the_last_item_is_incomplete(block: list[BlockStart | BlockDelta]) -> None:
    out = output()
    for at, one in enumerate(([BlockDelta(text="b")], use("f"), block)):
        for event in one:
            list(out.start(event, at) if isinstance(event, BlockStart) else out.delta(event, at))
        list(out.stop(at))
    list(out.close("incomplete"))
    assert [item["status"] for item in out.items] == ["completed", "completed", "incomplete"]


def test_consecutive_reasoning_blocks_are_separate_items() -> None:
    out = output()
    translate(out, REASONING, REASONING)
    assert [item["id"] for item in out.items] == ["rs_r_0", "rs_r_1"]
