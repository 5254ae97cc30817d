"""Results of the benchmark's parts."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from benchmarks.crosscheck import CrossCheck
from benchmarks.measure import Measurement


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """Cost of open, idle streams."""

    stack: str
    streams: int
    cpu_percent: float
    """CPU of the processor, in percent of one core."""
    resident_mb: dict[str, float]
    """By role."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Time from the command to the processor's line `ready`."""

    stack: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Findings:
    """The results of all parts."""

    measurements: list[Measurement] = field(default_factory=list)
    idle: list[Idle] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    checks: list[CrossCheck] = field(default_factory=list)
