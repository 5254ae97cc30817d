"""A budget of request bodies: what a process holds at the same time has a bound."""

from __future__ import annotations

from collections.abc import Mapping

from aigw_extproc.errors import Overloaded

SMALL = 1_000_000
"""Bytes of a body for which a share is kept free, so that clients who send large ones cannot shut out all others."""
_LARGE_SHARE = 0.875
"""The share of the budget that larger bodies may take together."""


class Budget:
    """The bytes of request bodies that are on their way into this process, or not answered yet."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    def take(self, size: int) -> None:
        """Take bytes for a request. A single request is served at any size: Envoy limits that.

        Raises:
            Overloaded: there are not enough left.
        """
        limit = self._limit if size <= SMALL else self._limit * _LARGE_SHARE
        if self._taken and self._taken + size > limit:
            raise Overloaded("the gateway holds too many large requests at the moment; try again")
        self._taken += size

    def give_back(self, size: int) -> None:
        """Give back bytes that were taken."""
        self._taken -= size


def content_length(headers: Mapping[str, str]) -> int:
    """Return the announced size of a body; 0 if it is not known before the body is here."""
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
