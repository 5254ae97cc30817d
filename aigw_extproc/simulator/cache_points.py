"""Cache points are marks in a prompt, not part of it."""

from __future__ import annotations

from typing import Any


def without_cache_points(value: Any) -> Any:
    """A JSON value without the blocks that mark what is to be cached."""
    if isinstance(value, dict):
        return {key: without_cache_points(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_cache_points(inner) for inner in value if not _is_cache_point(inner)]
    return value


def _is_cache_point(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"cachePoint"}
