"""What a program is asked to do, and what must hold afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.agents.gateway import Observation
from tests.agents.program import MODEL, Program, script

ANSWER = "The gateway answers."
DONE = "Done: the program runs now."
RECOVERED = "It answered at the second attempt."
THROTTLED = "too many requests"
WORD = "pomegranate"
FROM_SUBAGENT = "This is the sub-agent's answer."
BROKEN = "The model failed while it was streaming."
BEFORE, WRONG, AFTER = "print(1/0)\n", "1/x", "print(1/2)\n"
PAUSE = 2
"""Seconds of `retry-after`."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended."""

    code: int | None
    """None: it took too long."""
    output: str
    """Both of its outputs."""
    seen: Observation
    file: str
    """What `main.py` contains."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A task, and the facts that must hold; `facts` yields what does not."""

    name: str
    title: str
    turns: Callable[[Program, Path], tuple[object, ...]]
    facts: Callable[[Outcome], Iterator[str]]
    source: str = ""
    """The scenario whose run shows these facts, too."""
    model: str = ""
    """The model of a fault; else it is the program's."""
    expected: frozenset[int] = frozenset()
    """Statuses of errors that belong to it."""

    def prompt(self, program: Program, work: Path) -> str:
        """Return the prompt, which no other run has, so that nothing of another run is remembered."""
        return f"This is run {uuid4()}.\n{script(*self.turns(program, work))}"  # type: ignore[arg-type] # see _line


def _answered(outcome: Outcome) -> Iterator[str]:
    yield from _says(outcome, ANSWER)
    yield from _ended(outcome)


def _streamed(outcome: Outcome) -> Iterator[str]:
    yield from _answered(outcome)
    if not any(request["path"].endswith("-stream") for request in outcome.seen.requests):
        yield "no request asked for a stream"


def _loop(program: Program, work: Path) -> tuple[object, ...]:
    tools, path = program.tools, str(work / "main.py")
    if tools is None:
        return (*program.loop, DONE)
    return (
        tools.read(path),
        tools.edit(path, "1/0", WRONG),
        tools.run("python3 main.py"),
        tools.edit(path, WRONG, "1/2"),
        DONE,
    )


def _looped(outcome: Outcome) -> Iterator[str]:
    yield from _says(outcome, DONE)
    yield from _ended(outcome)
    if outcome.file != AFTER:
        yield f"main.py has {outcome.file!r}"
    if not any("NameError" in request["body"] for request in outcome.seen.requests):
        yield "the model did not get the error of the program"


def _cached(outcome: Outcome) -> Iterator[str]:
    yield from _ended(outcome)
    if not outcome.seen.cached_tokens:
        yield "nothing was read from the cache"


def _word_given(outcome: Outcome) -> Iterator[str]:
    yield from _looped_with(outcome, WORD)


def _subagent(program: Program, _work: Path) -> tuple[object, ...]:
    assert program.tools is not None
    assert program.tools.subagent is not None
    return (program.tools.subagent(script(FROM_SUBAGENT)), DONE)


def _delegated(outcome: Outcome) -> Iterator[str]:
    yield from _looped_with(outcome, FROM_SUBAGENT)


def _searched(outcome: Outcome) -> Iterator[str]:
    yield from _looped_with(outcome, "")


def _looped_with(outcome: Outcome, result: str) -> Iterator[str]:
    yield from _says(outcome, DONE)
    yield from _ended(outcome)
    bodies = [json.loads(request["body"])["messages"] for request in outcome.seen.requests if request["body"]]
    results = [block for turns in bodies for turn in turns for block in turn["content"] if "toolResult" in block]
    if not any(result in json.dumps(block) for block in results):
        yield f"no result of a tool has {result!r}"


def _recovered(outcome: Outcome) -> Iterator[str]:
    yield from _says(outcome, RECOVERED)
    yield from _ended(outcome)
    starts = outcome.seen.starts
    first = next((n for n, line in enumerate(_model_lines(outcome)) if line["status"] == 429), None)
    if first is None or len(starts) <= first + 1:
        yield f"{len(starts)} requests, of which none was tried again"
    elif (pause := (starts[first + 1] - starts[first]).total_seconds()) < PAUSE:
        yield f"the next attempt came after {pause:.1f} s, not {PAUSE}"


def _limited(outcome: Outcome) -> Iterator[str]:
    yield from _says(outcome, THROTTLED)


def _broken(outcome: Outcome) -> Iterator[str]:
    yield from _says(outcome, BROKEN)


def _listed(outcome: Outcome) -> Iterator[str]:
    yield from _says(outcome, MODEL)
    yield from _ended(outcome)


def _model_lines(outcome: Outcome) -> list[dict[str, object]]:
    return [line for line in outcome.seen.exchanges if line["aws_request_id"]]


def _says(outcome: Outcome, text: str) -> Iterator[str]:
    if text.lower() not in " ".join(outcome.output.replace("|", "").lower().split()):
        yield f"the output lacks {text!r}"


def _ended(outcome: Outcome) -> Iterator[str]:
    if outcome.code != 0:
        yield "it did not end in time" if outcome.code is None else f"it ended with {outcome.code}"


SCENARIOS = (
    Scenario(name="answer", title="answer", turns=lambda _p, _w: (ANSWER,), facts=_answered),
    Scenario(name="stream", title="stream", turns=lambda _p, _w: (ANSWER,), facts=_streamed),
    Scenario(name="loop", title="tool loop", turns=_loop, facts=_looped),
    Scenario(name="cache", title="cache", turns=_loop, facts=_cached, source="loop"),
    Scenario(name="mcp", title="MCP", turns=lambda p, _w: (p.tools and p.tools.secret_word, DONE), facts=_word_given),
    Scenario(name="subagent", title="sub-agent", turns=_subagent, facts=_delegated),
    Scenario(
        name="search",
        title="web search",
        turns=lambda p, _w: (p.tools and p.tools.search, DONE),
        facts=_searched,
        expected=frozenset({400}),
    ),
    Scenario(
        name="retry",
        title="retry",
        turns=lambda _p, _w: (f"fail throttling-{PAUSE}", RECOVERED),
        facts=_recovered,
        expected=frozenset({429}),
    ),
    Scenario(
        name="limited",
        title="429",
        model="simulator.throttling-1",
        turns=lambda _p, _w: (ANSWER,),
        facts=_limited,
        expected=frozenset({429}),
    ),
    Scenario(
        name="broken",
        title="broken stream",
        model="simulator.stream-exception-3",
        turns=lambda _p, _w: (ANSWER,),
        facts=_broken,
        expected=frozenset({502}),  # as the answer to a request that is not streamed
    ),
    Scenario(name="models", title="models", turns=lambda _p, _w: (ANSWER,), facts=_listed),
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def problems(program: Program, scenario: Scenario, outcome: Outcome) -> Iterable[str]:
    """Yield what does not hold: facts of the scenario, refusals, dropped parameters."""
    yield from scenario.facts(outcome)
    for line in outcome.seen.exchanges:
        handled = line["status"] in scenario.expected or line["details"] in program.handles
        if line["status"] >= 400 and not handled:
            yield f"{line['method']} {line['path']} was answered with {line['status']} {line['details']}"
    if scenario.model:
        return  # about faults the gateway knows nothing, so what depends on the model is dropped
    dropped = {name for line in outcome.seen.exchanges for name in (line["dropped"] or "").split(", ") if name}
    if unexpected := sorted(dropped - program.drops):
        yield f"dropped: {', '.join(unexpected)}"
