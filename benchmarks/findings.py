"""What the parts of the benchmark find, before anything is concluded from it."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from benchmarks.crosscheck import CrossCheck
from benchmarks.measure import Measurement


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """Streams that have begun, and in which nothing flows."""

    stack: str
    streams: int
    cpu_percent: float
    """Of one core, by the processor."""
    resident_mb: dict[str, float]
    """By role."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """From the command to the line that says that the processor is ready."""

    stack: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What the parts have found."""

    measurements: list[Measurement] = field(default_factory=list)
    idle: list[Idle] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    checks: list[CrossCheck] = field(default_factory=list)
