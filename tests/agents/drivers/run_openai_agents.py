"""OpenAI's Agents SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import workshop
from agents import (
    Agent,
    Runner,
    function_tool,
    set_default_openai_api,
    set_default_openai_client,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from workshop import API, FUNCTIONS, MODEL, PROMPT, SYSTEM

set_default_openai_client(AsyncOpenAI(base_url=workshop.OPENAI, api_key=workshop.KEY))
set_default_openai_api("chat_completions" if API == "chat" else "responses")
set_tracing_disabled(True)


def agent(**more: Any) -> Any:
    return Agent(name="programmer", instructions=SYSTEM, model=MODEL, **more)


async def answer() -> str:
    return (await Runner.run(agent(), PROMPT)).final_output


async def stream() -> AsyncIterator[str]:
    async for event in Runner.run_streamed(agent(), PROMPT).stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            yield event.data.delta


async def loop() -> str:
    tools = [function_tool(function) for function in FUNCTIONS.values()]
    return (await Runner.run(agent(tools=tools), PROMPT)).final_output


workshop.main(answer=answer, stream=stream, loop=loop)
