"""What a program is: how it is installed, how it is started for a task, and how its tools are called."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.agents.folders import Folder

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


@dataclass(frozen=True, kw_only=True)
class Task:
    """One run of a program."""

    scenario: str
    gateway: str
    """The gateway's URL, without a path."""
    model: str
    prompt: str
    folder: Path
    """Where the program is installed."""
    home: Path
    work: Path
    """The folder in which the program works."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """How a program is started. `files` are written into its home first."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""


Call = tuple[str, dict[str, Any]]
"""The use of a tool: its name and its input."""


@dataclass(frozen=True, kw_only=True)
class Tools:
    """The program's own tools. `edit` gets a path, the old text and the new one."""

    read: Callable[[str], Call]
    edit: Callable[[str, str, str], Call]
    run: Callable[[str], Call]
    secret_word: Call | None = None
    """The tool of the MCP server in `drivers/`."""
    subagent: Callable[[str], Call] | None = None
    """Starts another agent with this prompt."""
    search: Call | None = None
    """Searches the web."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A row of the matrix."""

    name: str
    title: str
    api: str
    folder: Folder
    start: Callable[[Task], Command]
    tools: Tools | None
    """None if it reads edits from the model's text: then `loop` has the turns."""
    loop: tuple[str, ...] = ()
    lacks: Mapping[str, str] = field(default_factory=dict)
    """Scenarios that the program does not have, and why."""
    fails: Mapping[str, str] = field(default_factory=dict)
    """Scenarios in which it is known to fail, and why."""
    drops: frozenset[str] = frozenset()
    """Parameters that are dropped, which does not matter for this program."""
    handles: frozenset[str] = frozenset()
    """Details of errors that the program handles by itself, as the access log names them."""
    model: str = MODEL
    """Some programs know the context of a model by its name, and use no other."""
    always_streams: bool = False
    """It has no other way, so the answer shows that streams work."""
    seconds: float = 120

    def has(self, scenario: str) -> bool:
        """Return whether the program has what a scenario needs."""
        tools = self.tools
        optional = {
            "mcp": tools and tools.secret_word,
            "subagent": tools and tools.subagent,
            "search": tools and tools.search,
        }
        return scenario not in self.lacks and optional.get(scenario, True) is not None


def script(*turns: str | Call) -> str:
    """Return a script for the simulator: tool calls, texts, and lines as they are if they begin with `fail`."""
    return "simulator script:\n" + "\n".join(map(_line, turns))


def _line(turn: str | Call) -> str:
    if isinstance(turn, str):
        return turn if turn.startswith("fail ") else f"say {turn}"
    name, values = turn
    return f"use {name} {json.dumps(values)}"
