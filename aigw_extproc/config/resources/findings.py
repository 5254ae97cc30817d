"""What reading a configuration brings to light: problems that stop it, and things that are set aside by name.

Everything that reads or compiles resources says what it found to a `Place`, so that one run finds every fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aigw_extproc.errors import ConfigError, Problem

SHOWN = 80  # characters of an offending value in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Something that users may write and that has no meaning here."""

    file: str
    """The file as it was named by the operator, or found in a folder that was."""
    resource: str
    """`Kind namespace/name`."""
    path: str
    """The field; empty for the resource as a whole."""
    reason: str
    """Why it has no effect."""

    def __str__(self) -> str:
        where = f"{self.file}: {self.resource}"
        return f"{where}: {self.path}: {self.reason}" if self.path else f"{where}: {self.reason}"


@dataclass(slots=True)
class Findings:
    """The problems and ignored things of one reading, in the order in which they were found."""

    problems: list[Problem] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    complete: bool = True
    """False when some text could not be read at all: what seems to be missing may then stand there."""

    def in_file_order(self, files: Iterable[str]) -> ConfigError:
        """All problems, once each, as the one error to raise."""
        order = {name: index for index, name in enumerate(files)}
        once = dict.fromkeys(self.problems)
        return ConfigError(sorted(once, key=lambda problem: order.get(problem.file, len(order))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A spot in the configuration, to which problems are pinned."""

    findings: Findings
    file: str
    resource: str
    path: str = ""
    secret: bool = False
    """True where a value must not appear in a message."""

    def field(self, name: str) -> Place:
        """The place of a field inside this one; `name` may be a path of several."""
        return self._at(f"{self.path}.{name}" if self.path else name)

    def item(self, index: int) -> Place:
        """The place of a list's element."""
        return self._at(f"{self.path}[{index}]")

    def _at(self, path: str) -> Place:
        # dataclasses.replace takes five times as long, and this is most of what checking a large file costs.
        return Place(findings=self.findings, file=self.file, resource=self.resource, path=path, secret=self.secret)

    def problem(self, message: str) -> None:
        """Record a fault here."""
        problem = Problem(file=self.file, resource=self.resource, path=self.path, message=message)
        self.findings.problems.append(problem)

    def ignore(self, reason: str) -> None:
        """Record that what stands here has no effect."""
        ignored = Ignored(file=self.file, resource=self.resource, path=self.path, reason=reason)
        self.findings.ignored.append(ignored)

    def show(self, value: object) -> str:
        """`value` for a message: what it is, and itself where that is allowed."""
        if isinstance(value, Mapping):
            return "a mapping"
        if isinstance(value, list):
            return "a list"
        if value is None:
            return "nothing"
        if self.secret:
            return "a value of another type"
        if isinstance(value, str):
            return repr(value if len(value) <= SHOWN else value[: SHOWN - 1] + "…")
        return f"the {'boolean' if isinstance(value, bool) else 'number'} {str(value).lower()}"
