"""AutoGen's assistant agent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import workshop
from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import ModelFamily, SystemMessage, UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient
from workshop import FUNCTIONS, KEY, MODEL, PROMPT, SYSTEM

ABLE: Any = {
    "vision": True,
    "function_calling": True,
    "json_output": True,
    "structured_output": True,
    "family": ModelFamily.UNKNOWN,
}
client = OpenAIChatCompletionClient(model=MODEL, base_url=workshop.OPENAI, api_key=KEY, model_info=ABLE)
MESSAGES = [SystemMessage(content=SYSTEM), UserMessage(content=PROMPT, source="user")]


async def answer() -> str:
    return str((await client.create(MESSAGES)).content)


async def stream() -> AsyncIterator[str]:
    async for piece in client.create_stream(MESSAGES):
        if isinstance(piece, str):
            yield piece


async def loop() -> str:
    agent = AssistantAgent(
        "programmer",
        model_client=client,
        tools=list(FUNCTIONS.values()),
        system_message=SYSTEM,
        max_tool_iterations=8,
    )
    return str((await agent.run(task=PROMPT)).messages[-1].content)


workshop.main(answer=answer, stream=stream, loop=loop)
