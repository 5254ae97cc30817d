"""What the programs in Python share: the task, three tools, and how a scenario becomes a call and an output.

This and its neighbours run in the environments of their libraries, which are told by variables what to do.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

GATEWAY, MODEL, PROMPT = (os.environ[name] for name in ("AGENT_GATEWAY", "AGENT_MODEL", "AGENT_PROMPT"))
SCENARIO, API = os.environ["AGENT_SCENARIO"], os.environ["AGENT_API"]
OPENAI = f"{GATEWAY}/v1"
ANTHROPIC = f"{GATEWAY}/anthropic"
KEY = "unused"
SYSTEM = "You are a careful programmer who reads before writing. " + "Keep to the style of the file. " * 400
"""Long enough to be cached."""


def read_file(path: str) -> str:
    """Return the text of a file.

    Args:
        path: where the file is
    """
    return Path(path).read_text()


def edit_file(path: str, old: str, new: str) -> str:
    """Replace a text in a file.

    Args:
        path: where the file is
        old: the text to be replaced
        new: the text to put in its place
    """
    text = Path(path).read_text()
    Path(path).write_text(text.replace(old, new))
    return "edited"


def run(command: str) -> str:
    """Run a command of the shell, and return its output.

    Args:
        command: the command
    """
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)  # noqa: S602 - its purpose
    return f"exit code {done.returncode}\n{done.stdout}{done.stderr}"


FUNCTIONS: dict[str, Callable[..., str]] = {tool.__name__: tool for tool in (read_file, edit_file, run)}
SCHEMAS: dict[str, dict[str, Any]] = {
    name: {
        "type": "object",
        "properties": {argument: {"type": "string"} for argument in inspect.signature(tool).parameters},
        "required": list(inspect.signature(tool).parameters),
    }
    for name, tool in FUNCTIONS.items()
}


def main(
    *,
    answer: Callable[[], Any] | None = None,
    stream: Callable[[], Any] | None = None,
    loop: Callable[[], Any] | None = None,
    models: Callable[[], Any] | None = None,
) -> None:
    """Do the task of the scenario: print a text, or pieces of one. An error is printed as its type and its text."""
    tasks = {"answer": answer, "retry": answer, "limited": answer, "stream": stream, "broken": stream, "loop": loop}
    task = {**tasks, "models": models}[SCENARIO]
    assert task is not None
    try:
        result = task()
        _show(asyncio.run(_awaited(result)) if inspect.isawaitable(result) or inspect.isasyncgen(result) else result)
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
        sys.exit(3)


async def _awaited(result: Any) -> Any:
    if inspect.isasyncgen(result):
        async for piece in result:
            print(piece, end="|", flush=True)
        return ""
    return await result


def _show(result: str | Iterable[str]) -> None:
    if isinstance(result, str):
        print(result)
        return
    for piece in result:
        print(piece, end="|", flush=True)
