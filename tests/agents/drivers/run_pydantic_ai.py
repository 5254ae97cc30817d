"""Pydantic AI, with each of its models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import workshop
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from workshop import API, FUNCTIONS, KEY, MODEL, PROMPT, SYSTEM

if API == "messages":
    from anthropic import AsyncAnthropic

    client = AsyncAnthropic(base_url=workshop.ANTHROPIC, api_key=KEY)
    model: Any = AnthropicModel(MODEL, provider=AnthropicProvider(anthropic_client=client))
else:
    kind: Any = OpenAIChatModel if API == "chat" else OpenAIResponsesModel
    model = kind(MODEL, provider=OpenAIProvider(base_url=workshop.OPENAI, api_key=KEY))


async def answer() -> str:
    return (await Agent(model, instructions=SYSTEM).run(PROMPT)).output


async def stream() -> AsyncIterator[str]:
    async with Agent(model, instructions=SYSTEM).run_stream(PROMPT) as streamed:
        async for piece in streamed.stream_text(delta=True):
            yield piece


async def loop() -> str:
    return (await Agent(model, instructions=SYSTEM, tools=list(FUNCTIONS.values())).run(PROMPT)).output


workshop.main(answer=answer, stream=stream, loop=loop)
