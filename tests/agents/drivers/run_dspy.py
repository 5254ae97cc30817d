"""DSPy: its model, and ReAct with native function calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import dspy
import workshop
from workshop import KEY, MODEL, PROMPT, SYSTEM

lm = dspy.LM(f"openai/{MODEL}", api_base=workshop.OPENAI, api_key=KEY, cache=False)
dspy.configure(lm=lm)
MESSAGES: Any = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPT}]


def answer() -> str:
    said = lm(messages=MESSAGES)[0]
    return said if isinstance(said, str) else said["text"]


async def stream() -> AsyncIterator[str]:
    import litellm

    response = await litellm.acompletion(
        model=f"openai/{MODEL}", api_base=workshop.OPENAI, api_key=KEY, messages=MESSAGES, stream=True
    )
    async for chunk in response:
        yield chunk.choices[0].delta.content or ""


workshop.main(answer=answer, stream=stream)
