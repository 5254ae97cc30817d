"""Scripts: what the simulated model does in each turn, as lines in a user's text.

    simulator script:
    use Read {"file_path": "main.py"}
    fail throttling-1
    use Bash {"command": "python main.py"}
    say Done.

A line is a turn of the model: the use of a tool with this input, or a text, which may be a JSON string. The turn is
found by the number of the model's turns after the script, so an agent is driven through a loop of any length. A script
for a sub-agent is a string in the input of the tool that starts it.

`fail` names a fault of the next turn, which only its first request meets: the simulator remembers these requests.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import msgspec

SCRIPT = re.compile(r"simulator script:[ \t]*\r?\n(?P<lines>(?:[ \t]*(?:use|say|fail) [^\n]+(?:\n|$))+)")

MAX_FAILED_TURNS = 1000
"""Each takes about a hundred bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A turn that uses a tool."""

    tool: str
    input: dict[str, Any]
    fault: str | None = None
    """Selector of the fault that the turn's first request meets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """A turn with a text."""

    text: str
    fault: str | None = None


Step = Use | Say


def scripted_step(turns: Sequence[tuple[str, str]], *, has_tools: bool) -> Step | None:
    """Return what the newest script says about the next turn; None without a script.

    `turns` are the roles and texts of the conversation. Requests without tools do not follow a script that uses tools:
    agents send them beside the conversation, for instance to find a title for it.
    """
    for index in reversed(range(len(turns))):
        role, text = turns[index]
        match = SCRIPT.search(text) if role == "user" else None
        if match is not None:
            steps = _steps(match["lines"])
            if not has_tools and any(isinstance(step, Use) for step in steps):
                return None
            done = sum(role == "assistant" for role, _ in turns[index:])
            return steps[done] if done < len(steps) else Say(text="The script has ended.")
    return None


class FailedTurns:
    """The prompts of turns that have failed, as a script wants it; the oldest are forgotten."""

    def __init__(self) -> None:
        self._prompts: OrderedDict[bytes, None] = OrderedDict()

    def add(self, prompt: bytes) -> bool:
        """Add a prompt; return False if it is known, so that this attempt succeeds."""
        key = sha256(prompt).digest()
        new = key not in self._prompts
        self._prompts[key] = None
        while len(self._prompts) > MAX_FAILED_TURNS:
            self._prompts.popitem(last=False)
        return new


def _steps(lines: str) -> list[Step]:
    steps: list[Step] = []
    fault = None
    for line in map(str.strip, lines.splitlines()):
        if line.startswith("fail "):
            fault = line.removeprefix("fail ").strip()
        else:
            steps.append(replace(_step(line), fault=fault))
            fault = None
    return steps


def _step(line: str) -> Step:
    verb, _, rest = line.partition(" ")
    try:
        if verb == "say":
            return Say(text=msgspec.json.decode(rest, type=str) if rest.startswith('"') else rest)
        tool, _, values = rest.strip().partition(" ")
        return Use(tool=tool, input=msgspec.json.decode(values or "{}", type=dict[str, Any]))
    except msgspec.DecodeError as fault:
        return Say(text=f"The script cannot be read: {fault} in {line}")
