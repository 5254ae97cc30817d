"""A loop of two turns with tools, as an agent runs it: calls in parallel, their results, the answer."""

from __future__ import annotations

import json
from typing import Any

import openai

from tests.gateway.running import Gateway

ASKED = {"role": "user", "content": "Use get_weather and get_time"}
RESULTS = {"get_weather": "sunny", "get_time": "noon"}
ANSWER = "The tools answered: sunny; noon"


def tool(name: str, **properties: str) -> Any:
    schema = {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}
    return {"type": "function", "function": {"name": name, "description": f"Does {name}.", "parameters": schema}}


TOOLS = [tool("get_weather", city="string", days="integer"), tool("get_time")]


def called(message: dict[str, Any]) -> list[tuple[str, Any]]:
    """The names and arguments of the calls in a message."""
    functions = [call["function"] for call in message["tool_calls"]]
    return [(function["name"], json.loads(function["arguments"])) for function in functions]


def results(message: dict[str, Any]) -> list[dict[str, Any]]:
    """A tool message for each call."""
    return [
        {"role": "tool", "tool_call_id": call["id"], "content": RESULTS[call["function"]["name"]]}
        for call in message["tool_calls"]
    ]


def joined(chunks: Any) -> dict[str, Any]:
    """The message that a stream's chunks add up to."""
    calls: dict[int, dict[str, Any]] = {}
    content = ""
    for chunk in chunks:
        delta = chunk.choices[0].delta
        content += delta.content or ""
        for piece in delta.tool_calls or ():
            call = calls.setdefault(piece.index, {"id": piece.id, "type": piece.type, "function": {"arguments": ""}})
            call["function"]["arguments"] += piece.function.arguments
            if piece.function.name:
                call["function"]["name"] = piece.function.name
    assert list(calls) == list(range(len(calls)))
    return {"role": "assistant", "content": content, "tool_calls": list(calls.values())}


CALLS = [("get_weather", {"city": "example city", "days": 1}), ("get_time", {})]


def test_calls_in_parallel(client: openai.OpenAI) -> None:
    choice = client.chat.completions.create(model="nova", messages=[ASKED], tools=TOOLS).choices[0]
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", "I will use get_weather, get_time.")
    assert called(choice.message.to_dict()) == CALLS


def test_two_turns(client: openai.OpenAI) -> None:
    message = client.chat.completions.create(model="nova", messages=[ASKED], tools=TOOLS).choices[0].message.to_dict()
    second = client.chat.completions.create(
        model="nova", messages=[ASKED, message, *results(message)], tools=TOOLS
    ).choices[0]
    assert (second.finish_reason, second.message.content) == ("stop", ANSWER)


def test_calls_in_parallel_streamed(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="nova", messages=[ASKED], tools=TOOLS, stream=True))
    assert called(joined(chunks)) == CALLS
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_two_turns_streamed(client: openai.OpenAI) -> None:
    message = joined(client.chat.completions.create(model="nova", messages=[ASKED], tools=TOOLS, stream=True))
    history = [ASKED, message, *results(message)]
    second = joined(client.chat.completions.create(model="nova", messages=history, tools=TOOLS, stream=True))
    assert second == {"role": "assistant", "content": ANSWER, "tool_calls": []}


def test_a_streamed_call_has_the_same_id_as_a_whole_one(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="nova", messages=[ASKED], tools=TOOLS).choices[0].message.to_dict()
    streamed = joined(client.chat.completions.create(model="nova", messages=[ASKED], tools=TOOLS, stream=True))
    assert [call["id"] for call in streamed["tool_calls"]] == [call["id"] for call in whole["tool_calls"]]


def test_bedrock_gets_the_results_in_one_turn(client: openai.OpenAI, gateway: Gateway) -> None:
    message = client.chat.completions.create(model="nova", messages=[ASKED], tools=TOOLS).choices[0].message.to_dict()
    raw = client.chat.completions.with_raw_response.create(
        model="nova", messages=[ASKED, message, *results(message)], tools=TOOLS
    )
    body = json.loads(gateway.request(raw.headers["x-amzn-requestid"])["body"])
    assert body["messages"][2:] == [
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": call["id"], "content": [{"text": text}]}}
                for call, text in zip(message["tool_calls"], ("sunny", "noon"), strict=True)
            ],
        }
    ]


def test_a_name_that_bedrock_refuses_comes_back_as_it_was(client: openai.OpenAI) -> None:
    choice = client.chat.completions.create(
        model="nova",
        messages=[{"role": "user", "content": "Hi"}],
        tools=[tool("weather.now")],
        tool_choice="required",
    ).choices[0]
    assert called(choice.message.to_dict()) == [("weather.now", {})]


def test_a_custom_tool_gets_its_text(client: openai.OpenAI, gateway: Gateway) -> None:
    tools: Any = [{"type": "custom", "custom": {"name": "apply", "description": "Applies a patch."}}]
    asked: Any = {"role": "user", "content": "Use apply"}
    whole = client.chat.completions.create(model="nova", messages=[asked], tools=tools).choices[0].message
    (call,) = whole.tool_calls or ()
    assert call.type == "custom"
    assert (call.custom.name, call.custom.input) == ("apply", "example input")

    chunks = client.chat.completions.create(model="nova", messages=[asked], tools=tools, stream=True)
    deltas = [call.to_dict() for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    pieces: list[Any] = [delta["custom"] for delta in deltas]
    assert (deltas[0]["type"], pieces[0]["name"]) == ("custom", "apply")
    assert "".join(piece["input"] for piece in pieces) == call.custom.input

    history: Any = [asked, whole.to_dict(), {"role": "tool", "tool_call_id": call.id, "content": "done"}]
    answer = client.chat.completions.create(model="nova", messages=history, tools=tools)
    assert answer.choices[0].message.content == "The tools answered: done"
    sent = gateway.sent(answer.id)["messages"][1]["content"]
    assert [block["toolUse"]["input"] for block in sent if "toolUse" in block] == [{"input": "example input"}]
