"""What was looked at, what came out, and what a person should do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What became of a check."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of a diagnosis. Nothing in it is a secret."""

    name: str
    outcome: Outcome
    detail: str
    """What was found, or why nothing was looked for."""
    subject: str | None = None
    """What was looked at, where there are several: a model, an address."""
    next_step: str | None = None
    """What a person should do now; always there when the check failed."""
    notes: tuple[str, ...] = ()
    """What else helps to understand it, one sentence each."""
    seconds: float | None = None
    """How long it took, where that says something."""

    def as_data(self) -> dict[str, Any]:
        """The check as plain values, for JSON."""
        return {
            "name": self.name,
            "subject": self.subject,
            "outcome": self.outcome.value,
            "detail": self.detail,
            "next_step": self.next_step,
            "notes": list(self.notes),
            "milliseconds": None if self.seconds is None else round(self.seconds * 1000, 1),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything about one backend, in the order in which it was looked at."""

    backend: str
    """`namespace/name` of the AIServiceBackend."""
    host: str
    region: str | None
    """What requests are signed for; None where they are not signed."""
    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing failed."""
        return all(check.outcome is not Outcome.FAILED for check in self.checks)

    def as_data(self) -> dict[str, Any]:
        """The diagnosis as plain values, for JSON."""
        return {
            "backend": self.backend,
            "host": self.host,
            "region": self.region,
            "healthy": self.healthy,
            "checks": [check.as_data() for check in self.checks],
        }


def ok(
    name: str,
    detail: str,
    *,
    subject: str | None = None,
    notes: tuple[str, ...] = (),
    seconds: float | None = None,
) -> Check:
    """A check that found nothing wrong."""
    return Check(name=name, outcome=Outcome.OK, subject=subject, detail=detail, notes=notes, seconds=seconds)


def failed(
    name: str,
    detail: str,
    next_step: str,
    *,
    subject: str | None = None,
    notes: tuple[str, ...] = (),
    seconds: float | None = None,
) -> Check:
    """A check that found the trouble."""
    return Check(
        name=name,
        outcome=Outcome.FAILED,
        subject=subject,
        detail=detail,
        next_step=next_step,
        notes=notes,
        seconds=seconds,
    )


def skipped(name: str, reason: str, *, subject: str | None = None) -> Check:
    """A check that could not, or need not, be made."""
    return Check(name=name, outcome=Outcome.SKIPPED, subject=subject, detail=reason)
