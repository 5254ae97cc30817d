"""Annotations of policies, for what their format has no fields for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aigw_extproc.config.compile.settings import PREFIX
from aigw_extproc.config.resources.decode import suggestion
from aigw_extproc.config.resources.findings import Place

FAIL_OPEN: Final = f"{PREFIX}limits-fail-open"
"""Whether requests pass while the counts cannot be reached; without it they are refused."""

RESERVE: Final = f"{PREFIX}limits-reserve"
"""Whether a request takes before what its response can cost at most."""
LIMIT_FLAGS: Final = (FAIL_OPEN, RESERVE)


def check_flags(annotations: Mapping[str, Any], known: Sequence[str], place: Place) -> None:
    """Record annotations of ours that are not among the known ones, or neither `true` nor `false`, at `place`."""
    for name, value in annotations.items():
        if name.startswith(PREFIX) and name not in known:
            place.field(name).problem(f"unknown annotation{suggestion(name, known, cutoff=0.8)}")
        elif name in known and value not in ("true", "false"):
            place.field(name).problem(f"must be 'true' or 'false', got {place.show(value)}")


def flag_of(annotations: Mapping[str, Any], name: str) -> bool:
    """Return whether an annotation is `true`."""
    return annotations.get(name) == "true"
