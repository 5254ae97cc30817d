"""The Responses API with OpenAI's own SDK, which assembles a response from its events, and parses what it says."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.gateway.conftest import NOVA
from tests.gateway.running import Gateway
from tests.gateway.test_chat import PNG
from tests.gateway.test_reasoning import ADAPTIVE, ANSWERS, BUDGETED, DROPPED, GPT_OSS, NOVA_2, SILENT, THOUGHT
from tests.gateway.test_structured_output import BY_TOOL, EXPECTED, JSON, NATIVE, THINKING_BY_TOOL, Weather
from tests.gateway.test_tools import ANSWER, CALLS, RESULTS

CLAUDE_3 = "anthropic.claude-3-haiku-20240307-v1:0"
OBJECT: Any = {"type": "object", "properties": {}}


def tool(name: str, **properties: str) -> Any:
    parameters = {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}
    return {"type": "function", "name": name, "description": f"Does {name}.", "parameters": parameters}


TOOLS = [tool("get_weather", city="string", days="integer"), tool("get_time")]
STEPS = [tool("first"), tool("second"), tool("third")]


def whole(client: openai.OpenAI, **asked: Any) -> Any:
    return client.responses.create(**asked)


def streamed(client: openai.OpenAI, **asked: Any) -> Any:
    """The response that OpenAI's SDK makes of a stream."""
    with client.responses.stream(**asked) as stream:
        return stream.get_final_response()


both_ways = pytest.mark.parametrize("ask", [whole, streamed])


def told(response: Any) -> dict[str, Any]:
    """What a response says, without what differs from one to the next, or is only the SDK's."""
    text = response.to_json().replace(response.id.removeprefix("resp_"), "R")
    said: dict[str, Any] = json.loads(text)
    for part in (part for item in said["output"] for part in item.get("content") or ()):
        part.pop("parsed", None)
    for item in said["output"]:
        item.pop("parsed_arguments", None)
    return {name: value for name, value in said.items() if name not in {"created_at", "output_parsed"}}


def items(response: Any, kind: str) -> list[Any]:
    return [item for item in response.output if item.type == kind]


def calls(response: Any) -> list[tuple[str, Any]]:
    return [(call.name, json.loads(call.arguments)) for call in items(response, "function_call")]


def loop(client: openai.OpenAI, ask: Any, text: str, results: dict[str, str], **asked: Any) -> tuple[list[Any], Any]:
    """An agent that sends back exactly what it got until there are no more calls: the history, and the last answer."""
    history: list[Any] = [{"role": "user", "content": text}]
    while called := items(answer := ask(client, input=history, **asked), "function_call"):
        history += answer.output
        history += [
            {"type": "function_call_output", "call_id": call.call_id, "output": results[call.name]} for call in called
        ]
    return history, answer


def sent(gateway: Gateway, response: Any) -> dict[str, Any]:
    """The Converse request behind a response."""
    return gateway.sent(response.id.removeprefix("resp_"))


def refused(client: openai.OpenAI, **asked: Any) -> tuple[str | None, str]:
    """The field that is named, and the message."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(**{"model": "nova", "input": "Hi", **asked})
    return caught.value.param, caught.value.body["message"]


def test_a_response(client: openai.OpenAI) -> None:
    response = client.responses.create(model="nova", input="Hi there")
    number = response.id.removeprefix("resp_")
    assert response.to_dict() == {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": response.created_at,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "output": [
            {
                "type": "message",
                "id": f"msg_{number}_0",
                "role": "assistant",
                "content": [
                    {"type": "output_text", "text": "Hello! You said: Hi there", "annotations": [], "logprobs": []}
                ],
                "status": "completed",
            }
        ],
        "model": "nova",
        "instructions": None,
        "max_output_tokens": None,
        "temperature": None,
        "top_p": None,
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"effort": None, "summary": None},
        "text": {"format": {"type": "text"}},
        "truncation": "disabled",
        "metadata": {},
        "user": None,
        "safety_identifier": None,
        "service_tier": "default",
        "store": False,
        "background": False,
        "previous_response_id": None,
        "usage": {
            "input_tokens": 3,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 8,
        },
    }


async def test_a_response_with_the_asynchronous_client(async_client: openai.AsyncOpenAI) -> None:
    response = await async_client.responses.create(model="nova", input="Hi")
    assert response.output_text == "Hello! You said: Hi"


def test_the_events_of_a_stream(client: openai.OpenAI) -> None:
    events = list(client.responses.create(model="nova", input="Hi", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type.removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        *["output_text.delta"] * 4,
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event.delta for event in events[4:8]] == ["Hello! ", "You ", "said: ", "Hi"]


@pytest.mark.parametrize(
    "asked",
    [
        {"model": "nova", "input": "Hi", "metadata": {"team": "a"}, "max_output_tokens": 99},
        {"model": "nova", "input": "Use get_weather and get_time", "tools": TOOLS},
        {"model": BUDGETED, "input": "redact", "reasoning": {"effort": "low"}},
        {"model": BY_TOOL, "input": "Hi", "text": {"format": {"type": "json_schema", "name": "a", "schema": OBJECT}}},
    ],
    ids=["text", "tools", "reasoning", "structured"],
)
def test_a_stream_and_a_whole_response_say_the_same(client: openai.OpenAI, asked: dict[str, Any]) -> None:
    assert told(streamed(client, **asked)) == told(whole(client, **asked))


def test_instructions_and_a_conversation(client: openai.OpenAI, gateway: Gateway) -> None:
    response = client.responses.create(
        model="nova",
        instructions="Be brief.",
        input=[
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": "One"},
            {"role": "assistant", "content": "Two"},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Three"}]},
        ],
    )
    assert sent(gateway, response) == {
        "messages": [
            {"role": "user", "content": [{"text": "One"}]},
            {"role": "assistant", "content": [{"text": "Two"}]},
            {"role": "user", "content": [{"text": "Three"}]},
        ],
        "system": [{"text": "Be brief."}, {"text": "Be kind."}],
    }


def test_an_image(client: openai.OpenAI) -> None:
    parts: Any = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
    ]
    response = client.responses.create(model=CLAUDE_3, input=[{"role": "user", "content": parts}])
    assert response.output_text == "Hello! You said: What is this? I see a png image of 68 bytes."


@both_ways
def test_calls_in_parallel_and_their_results(client: openai.OpenAI, gateway: Gateway, ask: Any) -> None:
    history, answer = loop(client, ask, "Use get_weather and get_time", RESULTS, model="nova", tools=TOOLS)
    said, weather, time, *_ = history[1:]
    assert [(call.name, json.loads(call.arguments)) for call in (weather, time)] == CALLS
    assert (said.content[0].text, answer.output_text) == ("I will use get_weather, get_time.", ANSWER)
    assert sent(gateway, answer)["messages"][2:] == [
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": weather.call_id, "content": [{"text": "sunny"}]}},
                {"toolResult": {"toolUseId": time.call_id, "content": [{"text": "noon"}]}},
            ],
        }
    ]


@both_ways
def test_a_name_that_bedrock_refuses_comes_back_as_it_was(client: openai.OpenAI, ask: Any) -> None:
    response = ask(client, model="nova", input="Hi", tools=[tool("weather.now")], tool_choice="required")
    assert calls(response) == [("weather.now", {})]


def test_only_tools_that_are_allowed_are_offered(client: openai.OpenAI, gateway: Gateway) -> None:
    choice: Any = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_time"}]}
    response = client.responses.create(model="nova", input="Hi", tools=TOOLS, tool_choice=choice)
    assert calls(response) == [("get_time", {})]
    assert response.to_dict()["tool_choice"] == choice
    assert [tool["toolSpec"]["name"] for tool in sent(gateway, response)["toolConfig"]["tools"]] == ["get_time"]


@both_ways
@pytest.mark.parametrize("model", [BUDGETED, ADAPTIVE])
def test_reasoning(client: openai.OpenAI, ask: Any, model: str) -> None:
    response = ask(client, model=model, input="Hi", reasoning={"effort": "low"})
    thought, said = response.output
    assert ([part.text for part in thought.summary], said.content[0].text) == ([THOUGHT], "Hello! You said: Hi")


@both_ways
@pytest.mark.parametrize("model", [BUDGETED, ADAPTIVE, SILENT])
def test_a_signature_stays_as_it_is_over_three_turns(
    client: openai.OpenAI, gateway: Gateway, ask: Any, model: str
) -> None:
    _, answer = loop(client, ask, "Use first", ANSWERS, model=model, tools=STEPS, reasoning={"effort": "low"})
    taken = [turn["content"] for turn in sent(gateway, answer)["messages"] if turn["role"] == "assistant"]
    signatures = [turn[0]["reasoningContent"]["reasoningText"]["signature"] for turn in taken]
    assert answer.output_text == "The tools answered: done"
    assert [len(signature) for signature in signatures] == [44] * 3
    assert [use["name"] for turn in taken for block in turn if (use := block.get("toolUse"))] == [*ANSWERS]


@both_ways
def test_hidden_reasoning_comes_back_too(client: openai.OpenAI, gateway: Gateway, ask: Any) -> None:
    asked = {"model": BUDGETED, "tools": STEPS, "reasoning": {"effort": "low"}}
    history, answer = loop(client, ask, "Use first, and redact", ANSWERS, **asked)
    assert [len(item.summary) for item in history[1:3]] == [1, 0]
    assert "redactedContent" in sent(gateway, answer)["messages"][1]["content"][1]["reasoningContent"]
    assert answer.output_text == "The tools answered: done"


@both_ways
@pytest.mark.parametrize("model", [NOVA_2, GPT_OSS])
def test_a_tool_loop_with_reasoning_that_nobody_signs(client: openai.OpenAI, ask: Any, model: str) -> None:
    _, answer = loop(client, ask, "Use first", ANSWERS, model=model, tools=STEPS, reasoning={"effort": "low"})
    assert answer.output_text == "The tools answered: done"


def test_a_client_that_loses_the_thoughts_is_answered_without_thinking_and_told_so(client: openai.OpenAI) -> None:
    first = client.responses.create(model=BUDGETED, input="Use first", tools=STEPS, reasoning={"effort": "low"})
    [call] = items(first, "function_call")
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "done"}
    raw = client.responses.with_raw_response.create(
        model=BUDGETED,
        input=[{"role": "user", "content": "Use first"}, call, result],
        tools=STEPS,
        reasoning={"effort": "low"},
    )
    assert raw.headers[DROPPED] == "reasoning.effort"


@pytest.mark.parametrize("model", [NATIVE, BY_TOOL, THINKING_BY_TOOL])
def test_an_answer_is_parsed(client: openai.OpenAI, model: str) -> None:
    response = client.responses.parse(model=model, input="What is the answer?", text_format=Weather)
    assert (response.output_text, response.output_parsed) == (JSON, EXPECTED)


@pytest.mark.parametrize("model", [NATIVE, BY_TOOL])
def test_an_answer_is_parsed_from_a_stream(client: openai.OpenAI, model: str) -> None:
    response = streamed(client, model=model, input="What is the answer?", text_format=Weather)
    assert (response.output_text, response.output_parsed) == (JSON, EXPECTED)


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_that_is_cut(client: openai.OpenAI, stream: bool) -> None:
    response: Any = client.responses.create(model="nova", input="Hi", max_output_tokens=2, stream=stream)
    if stream:  # the SDK's own stream takes no end but response.completed, OpenAI's response.incomplete neither
        *_, last = response
        assert last.type == "response.incomplete"
        response = last.response
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert (response.output_text, response.output[0].status) == ("Hello! You ", "incomplete")


def test_what_is_dropped_is_named(client: openai.OpenAI, gateway: Gateway) -> None:
    raw = client.responses.with_raw_response.create(
        model="nova",
        input="Hi",
        truncation="auto",
        prompt_cache_key="k",
        text={"verbosity": "low"},
        include=["message.output_text.logprobs"],
        reasoning={"effort": "low"},
    )
    dropped = raw.headers[DROPPED].split(", ")
    assert dropped == ["reasoning.effort", "text.verbosity", "truncation", "include", "prompt_cache_key"]
    assert gateway.envoy.access_log(raw.headers["x-request-id"])["dropped"] == raw.headers[DROPPED]


def test_what_asks_for_nothing_else_is_not_dropped(client: openai.OpenAI) -> None:
    raw = client.responses.with_raw_response.create(
        model="nova",
        input="Hi",
        truncation="disabled",
        text={"verbosity": "medium"},
        include=["reasoning.encrypted_content"],
        store=False,
        background=False,
        previous_response_id=None,
    )
    assert DROPPED not in raw.headers


CALL: Any = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "[1]"}
RESULT: Any = {"type": "function_call_output", "call_id": "c", "output": "x"}
USER: Any = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}], "model": CLAUDE_3},
         "input[0].content[0].image_url"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "x"}]}]},
         "input[0].content[0].file_id"),
        ({"input": [USER, CALL, RESULT]}, "input[1].arguments"),
        ({"input": [USER, {**CALL, "arguments": "{}"}]}, "input[1]"),
        ({"input": [USER, RESULT]}, "input[1].call_id"),
        ({"input": [USER, {"type": "item_reference", "id": "msg_1"}]}, "input[1]"),
        ({"input": [USER, {"type": "compaction", "encrypted_content": "x"}]}, "input[1].type"),
        ({"input": [USER, {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"}]},
         "input[1].encrypted_content"),
        ({"input": []}, "input"),
        ({"tools": [{"type": "function", "name": "", "parameters": OBJECT}]}, "tools[0].name"),
        ({"tools": [{"type": "custom", "name": 1}]}, "tools[0].name"),
        ({"tools": [tool("f"), tool("f")]}, "tools[1].name"),
        ({"tools": [tool("f"), {"type": "function", "name": "g", "parameters": {"type": "array"}}],
          "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "g"}]}},
         "tools[1].parameters.type"),
        ({"tools": [tool("f")],
          "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "g"}]}},
         "tool_choice.tools[0].name"),
        ({"tool_choice": {"type": "function", "name": "f"}, "tools": [tool("g")]}, "tool_choice.name"),
        ({"text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "array"}}}, "model": BY_TOOL},
         "text.format.schema"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"max_output_tokens": 1000, "reasoning": {"effort": "low"}, "model": BUDGETED}, "max_output_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"store": True}, "store"),
        ({"background": True}, "background"),
    ],
)  # fmt: skip
def test_an_error_names_the_field_in_the_clients_own_words(
    client: openai.OpenAI, asked: dict[str, Any], param: str
) -> None:
    named, message = refused(client, **asked)
    assert (named, message[: len(param)]) == (param, param)


def test_what_a_client_calls_something_is_not_put_in_other_words(client: openai.OpenAI) -> None:
    tools = [tool("messages[9].tool_calls"), tool("messages[9].tool_calls")]
    assert (
        refused(client, tools=tools)[1] == "tools[1].name: 'messages[9].tool_calls' is already the name of another tool"
    )


def test_thoughts_of_an_answer_that_never_came_go_to_no_other(client: openai.OpenAI, gateway: Gateway) -> None:
    [thought, _] = client.responses.create(model=BUDGETED, input="Hi", reasoning={"effort": "low"}).output
    history: Any = [USER, thought, USER, {"role": "assistant", "content": "Yes?"}, USER]
    response = client.responses.create(model=BUDGETED, input=history, reasoning={"effort": "low"})
    assert [list(block) for block in sent(gateway, response)["messages"][1]["content"]] == [["text"]]


def test_a_failure_in_the_middle_of_a_stream(client: openai.OpenAI) -> None:
    stream = client.responses.create(model="simulator.stream-exception", input="Hi", stream=True)
    with pytest.raises(openai.APIError, match="The model failed while it was streaming"):
        list(stream)


def test_an_error_of_bedrocks(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        client.responses.create(model="simulator.throttling", input="Hi")
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="nobody.knows-this", input="Hi")


def test_a_response_has_the_request_ids_of_both_sides(client: openai.OpenAI, gateway: Gateway) -> None:
    raw = client.responses.with_raw_response.create(model=NOVA, input="Hi")
    request = gateway.request(raw.headers["x-amzn-requestid"])
    assert raw.parse().id == f"resp_{request['id']}"
    assert raw.headers["x-request-id"] == dict(request["headers"])["x-request-id"]


def test_input_tokens_are_counted(client: openai.OpenAI) -> None:
    claude = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    counted = client.responses.input_tokens.count(model=claude, input="Hello!", tools=TOOLS)
    answered = client.responses.create(model=claude, input="Hello!", tools=TOOLS)
    assert (counted.object, counted.input_tokens) == ("response.input_tokens", answered.usage.input_tokens)


def test_a_custom_tool_gets_its_text_and_returns_it(client: openai.OpenAI) -> None:
    custom: Any = {"type": "custom", "name": "apply_patch"}
    for ask in (whole, streamed):
        answer = ask(client, model=NOVA, input="Use apply_patch", tools=[custom])
        (call,) = items(answer, "custom_tool_call")
        output: Any = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "done"}
        history = [{"role": "user", "content": "Use apply_patch"}, *answer.output, output]
        assert ask(client, model=NOVA, input=history, tools=[custom]).output_text == "The tools answered: done"
        assert call.input == "example input"


def test_tools_of_a_namespace_are_told_apart(client: openai.OpenAI) -> None:
    tools: Any = [tool("get"), {"type": "namespace", "name": "mcp", "description": "x", "tools": [tool("get")]}]
    (call,) = items(whole(client, model=NOVA, input="Use mcp__get", tools=tools), "function_call")
    assert (call.namespace, call.name) == ("mcp", "get")
