"""Annotations of policies, for what their format has no fields for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from aigw_extproc.config.compile.settings import PREFIX
from aigw_extproc.config.resources.decode import suggestion
from aigw_extproc.config.resources.findings import Place

FAIL_OPEN: Final = f"{PREFIX}limits-fail-open"
"""Whether requests pass while the counts cannot be reached; without it they are refused."""


def check_annotations(annotations: Mapping[str, Any], known: Iterable[str], flags: Iterable[str], place: Place) -> None:
    """Record unknown annotations of ours, and flags that are neither `true` nor `false`, at `place`."""
    for name, value in annotations.items():
        if name.startswith(PREFIX) and name not in known:
            place.field(name).problem(f"unknown annotation{suggestion(name, known, cutoff=0.8)}")
        elif name in flags and value not in ("true", "false"):
            place.field(name).problem(f"must be 'true' or 'false', got {place.show(value)}")


def flag_of(annotations: Mapping[str, Any], name: str) -> bool:
    """Return whether an annotation is `true`."""
    return annotations.get(name) == "true"
