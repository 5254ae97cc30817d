"""LlamaIndex: its model, and its function agent."""

from __future__ import annotations

from collections.abc import Iterator

import workshop
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike
from workshop import FUNCTIONS, KEY, MODEL, PROMPT, SYSTEM

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
