"""Checks and diagnoses: what was tested, the outcome, and the next step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class CheckOutcome(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of a diagnosis, free of secrets."""

    name: str
    outcome: CheckOutcome
    detail: str
    """The finding, or why the check was skipped."""
    subject: str | None = None
    """The model or address tested, where there are several."""
    next_step: str | None = None
    """What the operator should do now; set in every failed check."""
    notes: tuple[str, ...] = ()
    """Further information, one sentence each."""
    seconds: float | None = None
    """The duration, where it matters."""

    def as_data(self) -> dict[str, Any]:
        """Return the check as plain values, for JSON."""
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
    """All checks of one backend, in order."""

    backend: str
    """`namespace/name` of the AIServiceBackend."""
    host: str
    region: str | None
    """The region of the signature; None where requests are not signed."""
    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """Whether no check failed."""
        return all(check.outcome is not CheckOutcome.FAILED for check in self.checks)

    def as_data(self) -> dict[str, Any]:
        """Return the diagnosis as plain values, for JSON."""
        return {
            "backend": self.backend,
            "host": self.host,
            "region": self.region,
            "healthy": self.healthy,
            "checks": [check.as_data() for check in self.checks],
        }


def ok(
    name: str, detail: str, *, subject: str | None = None, notes: tuple[str, ...] = (), seconds: float | None = None
) -> Check:
    """Return a check that passed."""
    return Check(name=name, outcome=CheckOutcome.OK, subject=subject, detail=detail, notes=notes, seconds=seconds)


def failed(
    name: str,
    detail: str,
    next_step: str,
    *,
    subject: str | None = None,
    notes: tuple[str, ...] = (),
    seconds: float | None = None,
) -> Check:
    """Return a check that failed."""
    return Check(
        name=name,
        outcome=CheckOutcome.FAILED,
        subject=subject,
        detail=detail,
        next_step=next_step,
        notes=notes,
        seconds=seconds,
    )


def skipped(name: str, reason: str, *, subject: str | None = None) -> Check:
    """Return a check that could not, or need not, be made."""
    return Check(name=name, outcome=CheckOutcome.SKIPPED, subject=subject, detail=reason)
