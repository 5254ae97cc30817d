"""The page `docs/clients-matrix.md`, written from the results: `python -m tests.agents.matrix`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.agents import results
from tests.agents.program import Program
from tests.agents.programs import ABSENT, PROGRAMS
from tests.agents.scenarios import SCENARIOS

PAGE = Path(__file__).parents[2] / "docs/clients-matrix.md"
HEAD = """\
# Clients and scenarios

Each line is a real program, installed from its registry and run headless through Envoy against the
[simulator](simulator.md) by `make agents`, which also writes this page. ✓: all facts held. ✗: see
[below](#what-does-not-work). -: the program does not have it, or is not asked for it. How to configure
them: [clients](clients.md).

"""
COLUMNS = """
| column | what must hold |
|---|---|
| answer, stream | the answer arrives; streamed, where it is asked for |
| tool loop | five turns with the program's own tools: read a file, edit it, run it, see the error, mend it |
| cache | later turns of that loop read the cache; where a client sets no cache points, the gateway does |
| MCP, sub-agent, web search | a tool of an MCP server; an agent in an agent; a search fails, and the agent goes on |
| retry | after a 429 with `retry-after` the program waits that long, and goes on |
| 429 | throttling that lasts is shown as such |
| broken stream | the cause of a failure in the middle of a stream is shown |
| models | `GET /v1/models` is read |

In all of them no other request may be refused, and no parameter dropped but those in the last table.
"""


def page() -> str:
    """Return the text of the page."""
    found = results.load()
    programs = [program for program in PROGRAMS if program.name in found]
    parts = (
        HEAD,
        "\n".join(_rows(programs, found)) + "\n",
        COLUMNS,
        "\n## What does not work\n\n" + "".join(_failures(programs, found)),
        "\n## Dropped without harm\n\n" + "\n".join(_drops(programs)) + "\n",
        "\n## Not tried\n\n" + "".join(_point(f"{name}: {reason}.") for name, reason in ABSENT.items()),
    )
    return "".join(parts)


def _rows(programs: list[Program], found: dict[str, Any]) -> Iterator[str]:
    titles = [scenario.title for scenario in SCENARIOS]
    yield f"| program | version | API | tried | {' | '.join(titles)} |"
    yield f"|---|---|---|---|{'---|' * len(titles)}"
    for program in programs:
        entry = found[program.name]
        cells = [_mark(entry["scenarios"].get(scenario.name)) for scenario in SCENARIOS]
        cells = [program.title, entry["version"], program.api, entry["date"], *cells]
        yield f"| {' | '.join(cells)} |"


def _mark(problem: str | None) -> str:
    return "-" if problem is None else "✗" if problem else "✓"


def _failures(programs: list[Program], found: dict[str, Any]) -> Iterator[str]:
    for program in programs:
        for scenario in SCENARIOS:
            if problem := found[program.name]["scenarios"].get(scenario.name):
                reason = program.fails.get(scenario.name, problem)
                yield _point(f"{program.title}, {program.api}, {scenario.title}: {reason}.")


def _drops(programs: list[Program]) -> Iterator[str]:
    yield "| program | parameters |"
    yield "|---|---|"
    for program in programs:
        if program.drops:
            yield f"| {program.title}, {program.api} | {', '.join(f'`{name}`' for name in sorted(program.drops))} |"


def _point(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent="* ", subsequent_indent="  ", break_long_words=False) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
