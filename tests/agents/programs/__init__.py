"""The programs, in the order of the matrix."""

from __future__ import annotations

from tests.agents.program import Program
from tests.agents.programs import coding, libraries

PROGRAMS: tuple[Program, ...] = (*coding.PROGRAMS, *libraries.PROGRAMS)
ABSENT = {
    "crush, goose": "no registry has them as a program",
    "Cline with Anthropic's API": "`cline auth` takes a base URL only for OpenAI's",
    "extensions of editors": "they have no command line; Cline and Continue were tried with theirs",
}
"""Programs that cannot be had here, and why."""
BY_NAME = {program.name: program for program in PROGRAMS}
