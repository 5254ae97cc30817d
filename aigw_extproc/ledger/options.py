"""Where the ledger is."""

from __future__ import annotations

from typing import Final

LIMITS_VARIABLE: Final = "AIGW_LIMITS"
"""The environment variable with the place: a URL can hold a password, and a command line is visible to all users."""


def is_shared(place: str) -> bool:
    """Return whether gateways on several machines can use the place: a Redis server."""
    return place.startswith(("redis://", "rediss://", "unix://"))


def ledger_environment(place: str | None) -> dict[str, str]:
    """Return the environment in which `serve` uses this ledger, or none."""
    return {LIMITS_VARIABLE: place or ""}
