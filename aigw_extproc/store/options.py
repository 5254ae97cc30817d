"""Where responses are kept, for how long, and how many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VARIABLE: Final = "AIGW_STORE"
"""The environment variable with the place: a command line is visible to all users of the machine, and a URL can hold a
password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """Options of the store."""

    place: str
    """The path of a file, or `redis://…`, `rediss://…`, `unix://…`."""
    max_seconds: int = 30 * 24 * 3600
    """How long a response is kept; OpenAI keeps them for 30 days."""
    max_bytes: int = 1024 * 1024 * 1024
    """Of all records together."""

    @property
    def is_redis(self) -> bool:
        """Whether the place is a Redis server."""
        return self.place.startswith(("redis://", "rediss://", "unix://"))

    def arguments(self) -> tuple[str, ...]:
        """Return the options of `serve` for the limits; the place goes into the environment."""
        return ("--store-hours", f"{self.max_seconds / 3600:g}", "--store-mb", str(max(1, self.max_bytes // 10**6)))


def store_environment(options: StoreOptions | None) -> dict[str, str]:
    """Return the environment in which `serve` uses this store, or none."""
    return {VARIABLE: options.place if options is not None else ""}
