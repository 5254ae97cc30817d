"""LangChain's agent, with both of its chat models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import workshop
from langchain.agents import create_agent
from langchain.tools import tool
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from workshop import API, FUNCTIONS, KEY, MODEL, PROMPT, SYSTEM

MESSAGES: Any = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPT}]
if API == "messages":
    model: Any = ChatAnthropic(model=MODEL, base_url=workshop.ANTHROPIC, api_key=KEY)
else:
    model = ChatOpenAI(model=MODEL, base_url=workshop.OPENAI, api_key=KEY, use_responses_api=API == "responses")


def answer() -> str:
    return model.invoke(MESSAGES).text


def stream() -> Iterator[str]:
    for chunk in model.stream(MESSAGES):
        yield chunk.text


def loop() -> str:
    agent = create_agent(model, tools=[tool(function) for function in FUNCTIONS.values()], system_prompt=SYSTEM)
    return agent.invoke({"messages": [{"role": "user", "content": PROMPT}]})["messages"][-1].text


workshop.main(answer=answer, stream=stream, loop=loop)
