"""Anthropic's SDK, with its `tool_runner`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import workshop
from anthropic import Anthropic, beta_tool
from workshop import FUNCTIONS, MODEL, PROMPT, SYSTEM

client = Anthropic(base_url=workshop.ANTHROPIC, api_key=workshop.KEY)
CACHED: Any = [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}]
MESSAGES: Any = [{"role": "user", "content": PROMPT}]


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def answer() -> str:
    return text_of(client.messages.create(model=MODEL, max_tokens=1000, system=CACHED, messages=MESSAGES))


def stream() -> Iterator[str]:
    with client.messages.stream(model=MODEL, max_tokens=1000, system=CACHED, messages=MESSAGES) as streamed:
        yield from streamed.text_stream


def loop() -> str:
    tools: list[Any] = [beta_tool(function) for function in FUNCTIONS.values()]
    runner = client.beta.messages.tool_runner(
        model=MODEL, max_tokens=1000, system=CACHED, messages=MESSAGES, tools=tools
    )
    return text_of(runner.until_done())


def models() -> list[str]:
    return [model.id for model in client.models.list()]


workshop.main(answer=answer, stream=stream, loop=loop, models=models)
