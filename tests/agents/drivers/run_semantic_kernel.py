"""Semantic Kernel: its chat agent, and its Responses agent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import workshop
from openai import AsyncOpenAI
from semantic_kernel.agents import ChatCompletionAgent, OpenAIResponsesAgent
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.functions import kernel_function
from workshop import API, FUNCTIONS, KEY, MODEL, PROMPT, SYSTEM

client = AsyncOpenAI(base_url=workshop.OPENAI, api_key=KEY)


class Workshop:
    """The tools."""

    @kernel_function
    def read_file(self, path: str) -> str:
        """Return the text of a file."""
        return FUNCTIONS["read_file"](path)

    @kernel_function
    def edit_file(self, path: str, old: str, new: str) -> str:
        """Replace a text in a file."""
        return FUNCTIONS["edit_file"](path, old, new)

    @kernel_function
    def run(self, command: str) -> str:
        """Run a command of the shell, and return its output."""
        return FUNCTIONS["run"](command)


def agent(*plugins: Any) -> Any:
    if API == "responses":
        return OpenAIResponsesAgent(
            ai_model_id=MODEL, client=client, instructions=SYSTEM, name="programmer", plugins=list(plugins)
        )
    service = OpenAIChatCompletion(ai_model_id=MODEL, async_client=client)
    return ChatCompletionAgent(service=service, instructions=SYSTEM, name="programmer", plugins=list(plugins))


async def answer() -> str:
    return str(await agent().get_response(messages=PROMPT))


async def stream() -> AsyncIterator[str]:
    async for piece in agent().invoke_stream(messages=PROMPT):
        yield str(piece)


async def loop() -> str:
    return str(await agent(Workshop()).get_response(messages=PROMPT))


workshop.main(answer=answer, stream=stream, loop=loop)
