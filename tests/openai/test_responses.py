"""Decoding of Responses requests."""

from __future__ import annotations

import json

import pytest

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import response_items, responses
from aigw_extproc.translate.clients.responses.history import history
from tests.translate.goldens import target

STATELESS = target("m")


def items(value: object) -> list[response_items.Item]:
    return [item for _, item in history(parse(input=value), STATELESS).items]


def parse(**fields: object) -> responses.ResponsesRequest:
    return responses.parse(json.dumps({"model": "m", "input": "Hi", **fields}).encode())


def request_error(**fields: object) -> tuple[str, str | None]:
    with pytest.raises(InvalidRequest) as raised:
        history(parse(**fields), STATELESS)
    return raised.value.message, raised.value.param


def test_string_is_one_user_message() -> None:
    assert items("Hi") == [response_items.Message(role="user", content="Hi")]


def test_type_of_a_message_is_optional() -> None:
    message = {"role": "user", "content": "Hi"}
    assert items([message]) == items([message | {"type": "message"}])


def test_items_of_a_tool_loop() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "b64=="}
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}", "status": "x"}
    result = {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "4"}]}
    assert items([thought, call, result]) == [
        response_items.ReasoningItem(encrypted_content="b64=="),
        response_items.FunctionCall(call_id="c1", name="f", arguments="{}"),
        response_items.ToolOutput(call_id="c1", output=[response_items.InputText(text="4")]),
    ]


def test_output_message_can_be_sent_back() -> None:
    content = [{"type": "output_text", "text": "Hello", "annotations": []}, {"type": "refusal", "refusal": "No"}]
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
    parts: list[response_items.ContentPart] = [
        response_items.OutputText(text="Hello"),
        response_items.Refusal(refusal="No"),
    ]
    assert items([item]) == [response_items.Message(role="assistant", content=parts)]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (
            "previous_response_id",
            "resp_1",
            (
                "this gateway keeps no responses: send the items of the conversation so far as `input`"
                " (agent-framework: store=False; Semantic Kernel: store_enabled=False; openai-agents: a Session),"
                " or start it with --store"
            ),
        ),
        ("store", True, "this gateway keeps no responses: leave `store` out, or send false, or start it with --store"),
        (
            "conversation",
            {"id": "conv_1"},
            "OpenAI's conversations are not here: send their items as `input`",
        ),
        (
            "prompt",
            {"id": "pmpt_1"},
            "OpenAI's prompts are not here: send the text as `instructions` or `input`",
        ),
        (
            "background",
            True,
            "there are no responses in the background: wait for the response, or stream it",
        ),
    ],
)
def test_parameters_that_need_what_the_gateway_lacks_are_refused(field: str, value: object, message: str) -> None:
    assert request_error(**{field: value}) == (f"{field}: {message}", field)


@pytest.mark.parametrize("field", ["previous_response_id", "conversation", "prompt", "store", "background"])
def test_null_is_accepted_for_them(field: str) -> None:
    assert parse(**{field: None}).input == "Hi"


def test_store_may_be_false() -> None:
    assert parse(store=False).store is False


def test_item_reference_is_rejected() -> None:
    assert request_error(input=[{"type": "item_reference", "id": "msg_1"}]) == (
        (
            "input[0]: this gateway keeps no responses: send the item itself (AI SDK: providerOptions.openai.store ="
            " false, or openai.chat(model)), or start it with --store"
        ),
        "input[0]",
    )


def test_unknown_item_is_reported_with_its_path() -> None:
    assert request_error(input=[{"role": "user", "content": "Hi"}, {"type": "computer_call"}]) == (
        "input[1].type: items of the type 'computer_call' are not supported: send what they say as messages",
        "input[1].type",
    )


def test_wrong_type_inside_an_item_is_reported_with_its_full_path() -> None:
    assert request_error(input=[{"role": "user", "content": [{"type": "input_text", "text": 3}]}]) == (
        "input[0].content[0].text: Expected `str`, got `int`",
        "input[0].content[0].text",
    )


def test_missing_member_of_an_item_is_reported_with_the_items_path() -> None:
    assert request_error(input=[{"type": "function_call", "name": "f"}]) == (
        "input[0]: Object missing required field `call_id`",
        "input[0]",
    )


def test_item_that_is_not_an_object_is_reported_with_its_path() -> None:
    assert request_error(input=[3]) == ("input[0]: Expected `object`, got `int`", "input[0]")


def test_undeclared_fields_are_collected_by_name() -> None:
    assert list(parse(top_logprobs=3).others) == ["top_logprobs"]
