"""Reasoning through the whole gateway: how it is asked for, what comes back, and what clients send back of it.

The simulator knows its own reasoning again: a signature that has changed by one byte is refused there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.gateway.running import Gateway
from tests.gateway.test_tools import tool

BUDGETED = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ADAPTIVE = "us.anthropic.claude-sonnet-4-6"
SILENT = "us.anthropic.claude-opus-4-7"
NOVA_2 = "us.amazon.nova-2-lite-v1:0"
GPT_OSS = "openai.gpt-oss-120b-1:0"
DEEPSEEK = "deepseek.v3-v1:0"
DROPPED = "x-aigw-dropped-params"

HELLO: Any = [{"role": "user", "content": "Hi"}]
USE_FIRST: Any = {"role": "user", "content": "Use first"}
THOUGHT = "Let me think about Hi."
TOOLS = [tool("first"), tool("second"), tool("third")]
ANSWERS = {"first": "now use second", "second": "now use third", "third": "done"}

Ask = Callable[..., Any]


def whole(client: openai.OpenAI, **fields: Any) -> Any:
    return client.chat.completions.create(**fields)


def streamed(client: openai.OpenAI, **fields: Any) -> Any:
    """The completion that OpenAI's SDK makes of a stream."""
    with client.chat.completions.stream(**fields) as stream:
        return stream.get_final_completion()


both_ways = pytest.mark.parametrize("ask", [whole, streamed])


def message(completion: Any) -> dict[str, Any]:
    """The message as the SDK holds it, which is what a client sends back."""
    dumped: dict[str, Any] = completion.choices[0].message.model_dump(exclude_none=True)
    return dumped


def results(called: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"role": "tool", "tool_call_id": call["id"], "content": ANSWERS[call["function"]["name"]]}
        for call in called["tool_calls"]
    ]


def blocks(turn: dict[str, Any], kind: str) -> list[Any]:
    """What a turn of a Converse request holds of one kind."""
    return [block[kind] for block in turn["content"] if kind in block]


@pytest.mark.parametrize(
    ("model", "fields", "limit"),
    [
        (BUDGETED, {"thinking": {"type": "enabled", "budget_tokens": 16000}}, 32000),
        (ADAPTIVE, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}, None),
        (NOVA_2, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}, None),
        (GPT_OSS, {"reasoning_effort": "medium"}, None),
        (DEEPSEEK, {"reasoning_effort": "medium"}, None),
    ],
)
def test_each_family_is_asked_in_its_own_words(
    client: openai.OpenAI, gateway: Gateway, model: str, fields: dict[str, Any], limit: int | None
) -> None:
    sent = gateway.sent(whole(client, model=model, messages=HELLO, reasoning_effort="medium").id)
    assert sent["additionalModelRequestFields"] == fields
    assert sent.get("inferenceConfig", {}).get("maxTokens") == limit


@both_ways
@pytest.mark.parametrize("model", [BUDGETED, ADAPTIVE])
def test_signed_reasoning(client: openai.OpenAI, ask: Ask, model: str) -> None:
    answer = message(ask(client, model=model, messages=HELLO, reasoning_effort="low"))
    [block] = answer["thinking_blocks"]
    assert (answer["content"], answer["reasoning_content"]) == ("Hello! You said: Hi", THOUGHT)
    assert (block["type"], block["thinking"], len(block["signature"])) == ("thinking", THOUGHT, 44)


@both_ways
@pytest.mark.parametrize(("model", "thought"), [(NOVA_2, "[REDACTED]"), (GPT_OSS, THOUGHT)])
def test_reasoning_that_nobody_signs(client: openai.OpenAI, ask: Ask, model: str, thought: str) -> None:
    answer = message(ask(client, model=model, messages=HELLO, reasoning_effort="low"))
    [block] = answer["thinking_blocks"]
    assert (answer["reasoning_content"], block["thinking"], "signature" in block) == (thought, thought, False)


@both_ways
def test_reasoning_that_is_not_shown_is_its_signature_alone(client: openai.OpenAI, ask: Ask) -> None:
    thinking = {"thinking": {"type": "adaptive", "display": "omitted"}}
    answer = message(ask(client, model=SILENT, messages=HELLO, extra_body=thinking))
    [block] = answer["thinking_blocks"]
    assert (block["thinking"], len(block["signature"]), "reasoning_content" in answer) == ("", 44, False)


@both_ways
@pytest.mark.parametrize(
    "asked",
    [{"reasoning_effort": "low"}, {"extra_body": {"thinking": {"type": "adaptive", "display": "summarized"}}}],
    ids=["effort", "display"],
)
def test_reasoning_is_shown_to_those_who_ask_for_it(client: openai.OpenAI, ask: Ask, asked: dict[str, Any]) -> None:
    assert message(ask(client, model=SILENT, messages=HELLO, **asked))["reasoning_content"] == THOUGHT


@both_ways
def test_a_stream_and_a_whole_answer_say_the_same(client: openai.OpenAI, ask: Ask) -> None:
    asked = {"model": BUDGETED, "messages": [{"role": "user", "content": "redact"}], "reasoning_effort": "low"}
    answers = [message(way(client, **asked)) for way in (whole, streamed)]
    for block in answers[1]["thinking_blocks"]:
        del block["index"]  # the format of a stream's lists
    assert answers[0] == answers[1]


def test_reasoning_streams_as_it_comes(client: openai.OpenAI) -> None:
    chunks = client.chat.completions.create(model=BUDGETED, messages=HELLO, reasoning_effort="low", stream=True)
    deltas = [chunk.choices[0].delta.to_dict() for chunk in chunks]
    kinds = [next(iter(delta), "end") for delta in deltas]
    assert kinds == ["role", *["reasoning_content"] * 5, "thinking_blocks", *["content"] * 4, "end"]
    assert [delta["reasoning_content"] for delta in deltas[1:3]] == ["Let ", "me "]


def test_no_effort_asks_for_nothing(client: openai.OpenAI, gateway: Gateway) -> None:
    answer = whole(client, model=BUDGETED, messages=HELLO, reasoning_effort="none")
    assert gateway.sent(answer.id).keys() == {"messages"}
    assert "reasoning_content" not in message(answer)


def test_thinking_in_anthropics_words_wins(client: openai.OpenAI, gateway: Gateway) -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    answer = whole(
        client, model=BUDGETED, messages=HELLO, reasoning_effort="high", max_tokens=4000, extra_body=thinking
    )
    sent = gateway.sent(answer.id)
    assert (sent["additionalModelRequestFields"], sent["inferenceConfig"]) == (thinking, {"maxTokens": 4000})


def test_no_room_for_thinking_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        whole(client, model=BUDGETED, messages=HELLO, reasoning_effort="low", max_tokens=1000)
    expected = "max_tokens: has to be more than the 1024 tokens of thinking, got 1000"
    assert (caught.value.param, caught.value.body["message"]) == ("max_tokens", expected)


def test_what_does_not_go_with_thinking_is_left_out(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=BUDGETED,
        messages=HELLO,
        reasoning_effort="low",
        temperature=0.3,
        tools=[tool("first")],
        tool_choice="required",
    )
    assert raw.headers[DROPPED] == "temperature, tool_choice"


def test_a_family_that_cannot_be_asked_is_not(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="us.anthropic.claude-3-5-haiku-20241022-v1:0", messages=HELLO, reasoning_effort="low"
    )
    assert raw.headers[DROPPED] == "reasoning_effort"


def tool_loop(client: openai.OpenAI, ask: Ask, text: str = "Use first", **fields: Any) -> tuple[list[Any], Any]:
    """An agent that sends back exactly what it got until there are no more calls: the history, and the last answer."""
    history: list[Any] = [{**USE_FIRST, "content": text}]
    while (answer := ask(client, messages=history, tools=TOOLS, **fields)).choices[0].finish_reason == "tool_calls":
        history += [message(answer), *results(message(answer))]
    return history, answer


@both_ways
@pytest.mark.parametrize("model", [BUDGETED, ADAPTIVE, SILENT])
def test_a_signature_stays_as_it_is_over_three_turns(
    client: openai.OpenAI, gateway: Gateway, ask: Ask, model: str
) -> None:
    history, answer = tool_loop(client, ask, model=model, reasoning_effort="low")
    assert answer.choices[0].message.content == "The tools answered: done"
    given = [said["thinking_blocks"] for said in history if said["role"] == "assistant"]
    taken = [turn for turn in gateway.sent(answer.id)["messages"] if turn["role"] == "assistant"]
    assert [turn["content"][0] for turn in taken] == [
        {"reasoningContent": {"reasoningText": {"text": block["thinking"], "signature": block["signature"]}}}
        for [block] in given
    ]
    assert len({block["signature"] for [block] in given} | {block["thinking"] for [block] in given}) > 1
    assert [use["name"] for turn in taken for use in blocks(turn, "toolUse")] == ["first", "second", "third"]


@both_ways
def test_hidden_reasoning_comes_back_too(client: openai.OpenAI, gateway: Gateway, ask: Ask) -> None:
    history, answer = tool_loop(client, ask, model=BUDGETED, reasoning_effort="low", text="Use first, and redact")
    told = history[1]["thinking_blocks"]
    assert [block["type"] for block in told] == ["thinking", "redacted_thinking"]
    taken = blocks(gateway.sent(answer.id)["messages"][1], "reasoningContent")
    assert taken[1] == {"redactedContent": told[1]["data"]}
    assert answer.choices[0].message.content == "The tools answered: done"


@both_ways
@pytest.mark.parametrize("model", [NOVA_2, GPT_OSS])
def test_a_tool_loop_with_reasoning_that_nobody_signs(client: openai.OpenAI, ask: Ask, model: str) -> None:
    _, answer = tool_loop(client, ask, model=model, reasoning_effort="low")
    assert answer.choices[0].message.content == "The tools answered: done"


def test_a_signature_that_changed_is_refused_by_bedrock(client: openai.OpenAI) -> None:
    history, _ = tool_loop(client, whole, model=BUDGETED, reasoning_effort="low")
    block = history[1]["thinking_blocks"][0]
    block["signature"] = ("B" if block["signature"][0] == "A" else "A") + block["signature"][1:]
    with pytest.raises(openai.BadRequestError) as caught:
        whole(client, model=BUDGETED, messages=history, tools=TOOLS, reasoning_effort="low")
    assert caught.value.body["message"].endswith("messages.1.content.0: Invalid `signature` in `thinking` block")


@pytest.mark.parametrize(
    ("lost", "dropped"),
    [
        (("thinking_blocks",), "reasoning_effort, messages.reasoning_content"),
        (("thinking_blocks", "reasoning_content"), "reasoning_effort"),
    ],
    ids=["the blocks", "all"],
)
def test_a_client_that_loses_the_thoughts_is_answered_without_thinking_and_told_so(
    client: openai.OpenAI, gateway: Gateway, lost: tuple[str, ...], dropped: str
) -> None:
    called = message(whole(client, model=BUDGETED, messages=[USE_FIRST], tools=TOOLS, reasoning_effort="low"))
    kept = {name: value for name, value in called.items() if name not in lost}
    raw = client.chat.completions.with_raw_response.create(
        model=BUDGETED, messages=[USE_FIRST, kept, *results(called)], tools=TOOLS, reasoning_effort="low"
    )
    assert raw.headers[DROPPED] == dropped
    assert raw.parse().choices[0].finish_reason == "tool_calls"
    assert "additionalModelRequestFields" not in gateway.sent(raw.parse().id)


@both_ways
@pytest.mark.parametrize(("first", "second"), [(BUDGETED, NOVA_2), (NOVA_2, BUDGETED), (GPT_OSS, ADAPTIVE)])
def test_thoughts_of_another_family_do_no_harm(client: openai.OpenAI, ask: Ask, first: str, second: str) -> None:
    said = message(ask(client, model=first, messages=HELLO, reasoning_effort="low"))
    answer = ask(client, model=second, messages=[*HELLO, said, *HELLO], reasoning_effort="low")
    assert answer.choices[0].message.content == "Hello! You said: Hi"
