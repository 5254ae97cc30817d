"""What of a Responses request is read, and what is refused before it is translated."""

from __future__ import annotations

import json

import pytest

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import responses


def read(items: object, **fields: object) -> list[responses.Item]:
    return responses.items(parse(input=items, **fields))


def parse(**fields: object) -> responses.ResponsesRequest:
    return responses.parse(json.dumps({"model": "m", "input": "Hi", **fields}).encode())


def refusal(**fields: object) -> tuple[str, str | None]:
    with pytest.raises(InvalidRequest) as raised:
        responses.items(parse(**fields))
    return raised.value.message, raised.value.param


def test_a_string_is_one_user_message() -> None:
    assert read("Hi") == [responses.Message(role="user", content="Hi")]


def test_a_message_may_come_without_a_type() -> None:
    message = {"role": "user", "content": "Hi"}
    assert read([message]) == read([message | {"type": "message"}])


def test_a_tool_loop_is_read_item_by_item() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "b64=="}
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}", "status": "x"}
    result = {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "4"}]}
    assert read([thought, call, result]) == [
        responses.ReasoningItem(encrypted_content="b64=="),
        responses.FunctionCall(call_id="c1", name="f", arguments="{}"),
        responses.FunctionCallOutput(call_id="c1", output=[responses.InputText(text="4")]),
    ]


def test_an_output_message_can_be_sent_back() -> None:
    content = [{"type": "output_text", "text": "Hello", "annotations": []}, {"type": "refusal", "refusal": "No"}]
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
    told: list[responses.ContentPart] = [responses.OutputText(text="Hello"), responses.Refusal(refusal="No")]
    assert read([item]) == [responses.Message(role="assistant", content=told)]


@pytest.mark.parametrize(
    ("field", "value", "advice"),
    [
        ("previous_response_id", "resp_1", "send the items of the conversation so far as `input`"),
        ("conversation", {"id": "conv_1"}, "send the items of the conversation so far as `input`"),
        ("prompt", {"id": "pmpt_1"}, "send the prompt's text as `instructions` or `input`"),
        ("store", True, "leave `store` out, or send false"),
        ("background", True, "leave `background` out, and wait for the response or stream it"),
    ],
)
def test_what_would_have_to_be_kept_is_refused(field: str, value: object, advice: str) -> None:
    assert refusal(**{field: value}) == (f"{field}: the gateway keeps no responses: {advice}", field)


@pytest.mark.parametrize("field", ["previous_response_id", "conversation", "prompt", "store", "background"])
def test_null_keeps_nothing(field: str) -> None:
    assert parse(**{field: None}).input == "Hi"


def test_store_false_is_what_happens_anyway() -> None:
    assert parse(store=False).store is False


def test_a_reference_to_an_item_is_refused() -> None:
    assert refusal(input=[{"type": "item_reference", "id": "msg_1"}]) == (
        "input[0]: the gateway keeps no items: send the item itself",
        "input[0]",
    )


def test_an_unknown_item_is_refused_by_its_place() -> None:
    assert refusal(input=[{"role": "user", "content": "Hi"}, {"type": "computer_call"}]) == (
        "input[1].type: expected one of message, function_call, function_call_output, reasoning, got 'computer_call'",
        "input[1].type",
    )


def test_a_fault_inside_an_item_is_told_with_its_whole_path() -> None:
    assert refusal(input=[{"role": "user", "content": [{"type": "input_text", "text": 3}]}]) == (
        "input[0].content[0].text: Expected `str`, got `int`",
        "input[0].content[0].text",
    )


def test_a_missing_member_of_an_item_is_told_with_its_place() -> None:
    assert refusal(input=[{"type": "function_call", "name": "f"}]) == (
        "input[0]: Object missing required field `call_id`",
        "input[0]",
    )


def test_an_item_that_is_no_object_is_told_with_its_place() -> None:
    assert refusal(input=[3]) == ("input[0]: Expected `object`, got `int`", "input[0]")


def test_undeclared_fields_are_collected_by_name() -> None:
    assert list(parse(top_logprobs=3).others) == ["top_logprobs"]
