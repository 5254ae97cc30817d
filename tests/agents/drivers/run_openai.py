"""OpenAI's SDK: Chat Completions and Responses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import workshop
from openai import OpenAI
from workshop import API, FUNCTIONS, MODEL, PROMPT, SCHEMAS, SYSTEM

client = OpenAI(base_url=workshop.OPENAI, api_key=workshop.KEY)
MESSAGES: list[Any] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPT}]
FUNCTION_TOOLS: list[Any] = [
    {"name": name, "description": FUNCTIONS[name].__doc__, "parameters": schema} for name, schema in SCHEMAS.items()
]


def answer_chat() -> str:
    return client.chat.completions.create(model=MODEL, messages=MESSAGES).choices[0].message.content or ""


def stream_chat() -> Iterator[str]:
    for chunk in client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True):
        yield from (choice.delta.content or "" for choice in chunk.choices)


def loop_chat() -> str:
    messages = list(MESSAGES)
    tools: list[Any] = [{"type": "function", "function": tool} for tool in FUNCTION_TOOLS]
    while True:
        message = client.chat.completions.create(model=MODEL, messages=messages, tools=tools).choices[0].message
        messages.append(message)
        if not message.tool_calls:
            return message.content or ""
        for call in message.tool_calls:
            result = FUNCTIONS[call.function.name](**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


def answer_responses() -> str:
    return client.responses.create(model=MODEL, instructions=SYSTEM, input=PROMPT).output_text


def stream_responses() -> Iterator[str]:
    for event in client.responses.create(model=MODEL, instructions=SYSTEM, input=PROMPT, stream=True):
        if event.type == "response.output_text.delta":
            yield event.delta


def loop_responses() -> str:
    """With `previous_response_id`: the gateway's store has the conversation."""
    tools: list[Any] = [{"type": "function", **tool} for tool in FUNCTION_TOOLS]
    items: Any = PROMPT
    previous: Any = None
    while True:
        response = client.responses.create(
            model=MODEL, instructions=SYSTEM, input=items, tools=tools, previous_response_id=previous
        )
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            return response.output_text
        results = [(call.call_id, FUNCTIONS[call.name](**json.loads(call.arguments))) for call in calls]
        items = [{"type": "function_call_output", "call_id": id_, "output": result} for id_, result in results]
        previous = response.id


def models() -> list[str]:
    return [model.id for model in client.models.list()]


if API == "chat":
    workshop.main(answer=answer_chat, stream=stream_chat, loop=loop_chat, models=models)
else:
    workshop.main(answer=answer_responses, stream=stream_responses, loop=loop_responses, models=models)
