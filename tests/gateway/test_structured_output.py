"""Answers in a form that the client gives, as a Pydantic model to OpenAI's own SDK.

`NATIVE` takes a schema; the others do not, and are given a tool whose input is the answer.
"""

from __future__ import annotations

from typing import Any, Literal

import openai
import pytest
from openai.types.chat import ParsedChatCompletion
from pydantic import BaseModel

from tests.gateway.running import Gateway

NATIVE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
BY_TOOL = "us.amazon.nova-lite-v1:0"
THINKING_BY_TOOL = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
both_routes = pytest.mark.parametrize("model", [NATIVE, BY_TOOL], ids=["native", "by-tool"])


class Wind(BaseModel):
    direction: Literal["north", "south"]
    knots: float


class Weather(BaseModel):
    """What it is like outside."""

    city: str
    degrees: int
    winds: list[Wind]


EXPECTED = Weather(city="example city", degrees=1, winds=[Wind(direction="north", knots=0.5)])
JSON = '{"city":"example city","degrees":1,"winds":[{"direction":"north","knots":0.5}]}'
HELLO: Any = [{"role": "user", "content": "What is it like outside?"}]


class Look(BaseModel):
    window: str


FORCED: Any = {
    "messages": [{"role": "user", "content": "Use look_outside"}],
    "tools": [openai.pydantic_function_tool(Look, name="look_outside")],
    "tool_choice": "required",
}
"""A model that must use a tool says nothing before, which the SDK would take for the answer."""


def outcome(completion: ParsedChatCompletion[Weather]) -> tuple[Any, ...]:
    """What a client makes its decisions on."""
    [choice] = completion.choices
    return choice.finish_reason, choice.message.content, choice.message.parsed, choice.message.tool_calls


def calls(completion: ParsedChatCompletion[Weather]) -> list[tuple[str, str, Any]]:
    functions = [call.function for call in completion.choices[0].message.tool_calls or ()]
    return [(function.name, function.arguments, function.parsed_arguments) for function in functions]


def streamed(client: openai.OpenAI, **fields: Any) -> ParsedChatCompletion[Weather]:
    with client.chat.completions.stream(response_format=Weather, **fields) as stream:
        return stream.get_final_completion()


def whole(client: openai.OpenAI, **fields: Any) -> ParsedChatCompletion[Weather]:
    return client.chat.completions.parse(response_format=Weather, **fields)


both_ways = pytest.mark.parametrize("ask", [whole, streamed])


@both_ways
@both_routes
def test_a_parsed_answer(client: openai.OpenAI, model: str, ask: Any) -> None:
    assert outcome(ask(client, model=model, messages=HELLO)) == ("stop", JSON, EXPECTED, None)


@both_routes
def test_a_parsed_answer_under_the_older_name(client: openai.OpenAI, model: str) -> None:
    answer = client.beta.chat.completions.parse(model=model, messages=HELLO, response_format=Weather)
    assert outcome(answer) == ("stop", JSON, EXPECTED, None)


@both_routes
async def test_a_parsed_answer_with_the_asynchronous_client(async_client: openai.AsyncOpenAI, model: str) -> None:
    async with async_client.chat.completions.stream(model=model, messages=HELLO, response_format=Weather) as stream:
        assert outcome(await stream.get_final_completion()) == ("stop", JSON, EXPECTED, None)


@both_routes
def test_an_answer_streams_as_it_comes(client: openai.OpenAI, model: str) -> None:
    with client.chat.completions.stream(model=model, messages=HELLO, response_format=Weather) as stream:
        events = list(stream)
    deltas = [event.delta for event in events if event.type == "content.delta"]
    assert "".join(deltas) == JSON
    assert len([delta for delta in deltas if delta]) > 1
    assert [event.parsed for event in events if event.type == "content.done"] == [EXPECTED]


def test_a_family_that_takes_schemas_is_given_the_schema(client: openai.OpenAI, gateway: Gateway) -> None:
    sent = gateway.sent(whole(client, model=NATIVE, messages=HELLO).id)
    assert sent.keys() == {"messages", "outputConfig"}
    assert sent["outputConfig"]["textFormat"]["structure"]["jsonSchema"].keys() == {"schema", "name"}


def test_another_is_made_to_use_a_tool(client: openai.OpenAI, gateway: Gateway) -> None:
    sent = gateway.sent(whole(client, model=BY_TOOL, messages=HELLO).id)
    [offered] = sent["toolConfig"]["tools"]
    assert sent.keys() == {"messages", "toolConfig"}
    assert sent["toolConfig"]["toolChoice"] == {"tool": {"name": "answer"}}
    assert offered["toolSpec"]["inputSchema"]["json"]["required"] == ["city", "degrees", "winds"]


@both_ways
@both_routes
def test_a_real_tool_goes_before(client: openai.OpenAI, model: str, ask: Any) -> None:
    answer = ask(client, model=model, **FORCED)
    assert answer.choices[0].finish_reason == "tool_calls"
    assert calls(answer) == [("look_outside", '{"window":"example window"}', Look(window="example window"))]


@both_ways
@both_routes
def test_the_answer_behind_a_tools_result(client: openai.OpenAI, model: str, ask: Any) -> None:
    called = ask(client, model=model, **FORCED).choices[0].message
    result = {"role": "tool", "tool_call_id": called.tool_calls[0].id, "content": "sunny"}
    question = {"role": "user", "content": "So now use answer"}
    history = [*FORCED["messages"], called.model_dump(exclude_none=True), result, question]
    assert outcome(ask(client, model=model, messages=history, tools=FORCED["tools"])) == ("stop", JSON, EXPECTED, None)


@both_ways
def test_a_real_tool_may_have_the_name_of_ours(client: openai.OpenAI, gateway: Gateway, ask: Any) -> None:
    tools = [openai.pydantic_function_tool(Look, name="answer")]
    answer = ask(client, model=BY_TOOL, messages=[{"role": "user", "content": "Use answer"}], tools=tools)
    assert calls(answer) == [("answer", '{"window":"example window"}', Look(window="example window"))]
    offered = [each["toolSpec"]["name"] for each in gateway.sent(answer.id)["toolConfig"]["tools"]]
    assert offered == ["answer", "answer_2"]


@both_ways
def test_where_thinking_forbids_to_force_a_tool_the_model_is_told_to_use_it(
    client: openai.OpenAI, gateway: Gateway, ask: Any
) -> None:
    messages = [{"role": "user", "content": "Use answer"}]
    answer = ask(client, model=THINKING_BY_TOOL, messages=messages, reasoning_effort="low")
    sent = gateway.sent(answer.id)
    assert outcome(answer) == ("stop", JSON, EXPECTED, None)
    assert answer.choices[0].message.reasoning_content == "Let me think about Use answer."
    assert sent["system"] == [{"text": "Give your final answer by calling the tool answer, exactly once."}]
    assert "toolChoice" not in sent["toolConfig"]


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_model_says_instead_of_answering_is_not_lost(client: openai.OpenAI, stream: bool) -> None:
    schema: Any = {"type": "json_schema", "json_schema": {"name": "w", "schema": Weather.model_json_schema()}}
    asked: Any = {"model": THINKING_BY_TOOL, "messages": HELLO, "reasoning_effort": "low", "response_format": schema}
    with client.chat.completions.stream(**asked) as streaming:
        answer = streaming.get_final_completion() if stream else client.chat.completions.create(**asked)
    expected = ("stop", "Hello! You said: What is it like outside?")
    assert (answer.choices[0].finish_reason, answer.choices[0].message.content) == expected


@both_ways
def test_an_answer_that_is_cut_is_told_as_cut(client: openai.OpenAI, ask: Any) -> None:
    with pytest.raises(openai.LengthFinishReasonError) as caught:
        ask(client, model=NATIVE, messages=HELLO, max_completion_tokens=1)
    assert JSON.startswith(caught.value.completion.choices[0].message.content)


@both_routes
def test_any_json_object_is_asked_for_in_words(client: openai.OpenAI, gateway: Gateway, model: str) -> None:
    messages: Any = [{"role": "system", "content": "Be kind."}, *HELLO]
    answer = client.chat.completions.create(model=model, messages=messages, response_format={"type": "json_object"})
    sent = gateway.sent(answer.id)
    assert sent.keys() == {"messages", "system"}
    assert sent["system"] == [
        {"text": "Be kind."},
        {"text": "Answer with one JSON object and nothing else: no prose around it, no code fence."},
    ]


@both_routes
def test_text_is_what_is_answered_anyway(client: openai.OpenAI, gateway: Gateway, model: str) -> None:
    answer = client.chat.completions.create(model=model, messages=HELLO, response_format={"type": "text"})
    assert gateway.sent(answer.id).keys() == {"messages"}


def test_a_schema_of_something_else_than_an_object_is_refused(client: openai.OpenAI) -> None:
    format_: Any = {"type": "json_schema", "json_schema": {"name": "list", "schema": {"type": "array"}}}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=BY_TOOL, messages=HELLO, response_format=format_)
    assert (caught.value.param, caught.value.body["message"]) == (
        "response_format.json_schema.schema",
        "response_format.json_schema.schema: expected a JSON schema of an object",
    )
