"""LlamaIndex: its models, and its function agent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import workshop
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from workshop import API, FUNCTIONS, KEY, MODEL, PROMPT, SYSTEM

if API == "messages":
    from llama_index.llms.anthropic import Anthropic

    model: Any = Anthropic(model=MODEL, base_url=workshop.ANTHROPIC, api_key=KEY, max_tokens=1000)
else:
    from llama_index.llms.openai_like import OpenAILike

    model = OpenAILike(
        model=MODEL, api_base=workshop.OPENAI, api_key=KEY, is_chat_model=True, is_function_calling_model=True
    )
MESSAGES = [ChatMessage(role="system", content=SYSTEM), ChatMessage(role="user", content=PROMPT)]


def answer() -> str:
    return model.chat(MESSAGES).message.content


def stream() -> Iterator[str]:
    for response in model.stream_chat(MESSAGES):
        yield response.delta or ""


async def loop() -> str:
    agent = FunctionAgent(tools=list(FUNCTIONS.values()), llm=model, system_prompt=SYSTEM)
    return str(await agent.run(PROMPT))


workshop.main(answer=answer, stream=stream, loop=loop)
