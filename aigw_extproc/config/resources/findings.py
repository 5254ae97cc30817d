"""Findings in a configuration: problems, which are errors, ignored fields and resources, and warnings.

Readers and compilers report to a `Place` instead of raising, so that one run finds every fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aigw_extproc.errors import ConfigError, Fault, Problem
from aigw_extproc.printable import printable

SHOWN = 80  # characters of an offending value in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A remark on a field or resource that is accepted."""

    file: str
    """The path from the command line, or of a file in a folder from there."""
    resource: str
    """`Kind namespace/name`."""
    path: str
    """The field; empty for the entire resource."""
    reason: str
    """Why it has no effect, or what to check."""

    def __str__(self) -> str:
        prefix = f"{self.file}: {self.resource}"
        return printable(f"{prefix}: {self.path}: {self.reason}" if self.path else f"{prefix}: {self.reason}")


@dataclass(slots=True)
class Findings:
    """The remarks on one configuration, in the order of discovery."""

    problems: list[Problem] = field(default_factory=list)
    ignored: list[Note] = field(default_factory=list)
    """What is accepted and has no effect."""
    warnings: list[Note] = field(default_factory=list)
    """What is in effect, and probably a mistake."""
    served: Counter[str] = field(default_factory=Counter)
    """The number of valid resources of each kind."""
    complete: bool = True
    """False when some text could not be parsed: a missing resource may be in there."""

    def in_file_order(self, files: Iterable[str]) -> ConfigError:
        """Return the error with all problems, once each, in the order of `files`."""
        order = {name: index for index, name in enumerate(files)}
        unique = dict.fromkeys(self.problems)
        return ConfigError(sorted(unique, key=lambda problem: order.get(problem.file, len(order))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A location in the configuration, which records problems there."""

    findings: Findings
    file: str
    resource: str
    path: str = ""
    secret: bool = False
    """Whether values, and names that the author chose, must not appear in messages."""

    def field(self, name: str) -> Place:
        """Return the place of a field; `name` may be a path."""
        return self._at(f"{self.path}.{name}" if self.path else name)

    def item(self, index: int) -> Place:
        """Return the place of a list's element."""
        return self._at(f"{self.path}[{index}]")

    def member(self, name: str, index: int) -> Place:
        """Return the place of a member whose name the author chose: by its number where that is secret."""
        return self.item(index) if self.secret else self.field(name)

    def _at(self, path: str) -> Place:
        # dataclasses.replace takes five times as long, and this dominates the cost of checking a large file.
        return Place(findings=self.findings, file=self.file, resource=self.resource, path=path, secret=self.secret)

    def problem(self, message: str, fault: Fault = "invalid") -> None:
        """Record a problem here."""
        self._problem(message, fault)

    def refuse(self, message: str) -> None:
        """Record that this gateway would not do what is asked for here, which is a problem."""
        self._problem(message, "unsupported")

    def ignore(self, reason: str) -> None:
        """Record that this field or resource has no effect."""
        self.findings.ignored.append(self._note(reason))

    def warn(self, reason: str) -> None:
        """Record what is probably a mistake here."""
        self.findings.warnings.append(self._note(reason))

    def _problem(self, message: str, fault: Fault) -> None:
        self.findings.problems.append(
            Problem(file=self.file, resource=self.resource, path=self.path, message=message, fault=fault)
        )

    def _note(self, reason: str) -> Note:
        return Note(file=self.file, resource=self.resource, path=self.path, reason=reason)

    def show(self, value: object) -> str:
        """Describe `value` for a message, by its type only where it is secret."""
        if isinstance(value, Mapping):
            return "a mapping"
        if isinstance(value, list):
            return "a list"
        if value is None:
            return "nothing"
        if isinstance(value, str):
            return "text" if self.secret else repr(value if len(value) <= SHOWN else value[: SHOWN - 1] + "…")
        kind = "boolean" if isinstance(value, bool) else "number"
        return f"a {kind}" if self.secret else f"the {kind} {str(value).lower()}"
