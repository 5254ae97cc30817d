"""Microsoft's agent-framework, with both of its OpenAI clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import workshop
from agent_framework import Agent
from agent_framework.openai import OpenAIChatClient, OpenAIChatCompletionClient
from workshop import API, FUNCTIONS, KEY, MODEL, PROMPT, SYSTEM

kind: Any = OpenAIChatCompletionClient if API == "chat" else OpenAIChatClient
client = kind(model=MODEL, base_url=workshop.OPENAI, api_key=KEY)


async def answer() -> str:
    return str(await Agent(client, SYSTEM).run(PROMPT))


async def stream() -> AsyncIterator[str]:
    async for update in Agent(client, SYSTEM).run(PROMPT, stream=True):
        yield update.text


async def loop() -> str:
    return str(await Agent(client, SYSTEM, tools=list(FUNCTIONS.values())).run(PROMPT))


workshop.main(answer=answer, stream=stream, loop=loop)
