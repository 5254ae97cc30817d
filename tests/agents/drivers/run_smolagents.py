"""smolagents: its model, and its agent that calls tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import workshop
from smolagents import OpenAIServerModel, Tool, ToolCallingAgent
from workshop import FUNCTIONS, KEY, MODEL, PROMPT, SCHEMAS, SYSTEM

model = OpenAIServerModel(model_id=MODEL, api_base=workshop.OPENAI, api_key=KEY)
MESSAGES: Any = [
    {"role": "system", "content": [{"type": "text", "text": SYSTEM}]},
    {"role": "user", "content": [{"type": "text", "text": PROMPT}]},
]


def tool(name: str) -> Any:
    inputs = {argument: {"type": "string", "description": argument} for argument in SCHEMAS[name]["properties"]}
    members = {
        "name": name,
        "description": FUNCTIONS[name].__doc__,
        "inputs": inputs,
        "output_type": "string",
        "forward": staticmethod(FUNCTIONS[name]),
        "skip_forward_signature_validation": True,
    }
    return type(name, (Tool,), members)()


def answer() -> str:
    return model.generate(MESSAGES).content


def stream() -> Iterator[str]:
    for delta in model.generate_stream(MESSAGES):
        yield delta.content or ""


def loop() -> str:
    agent = ToolCallingAgent(tools=[tool(name) for name in FUNCTIONS], model=model, instructions=SYSTEM, max_steps=8)
    return str(agent.run(PROMPT))


workshop.main(answer=answer, stream=stream, loop=loop)
