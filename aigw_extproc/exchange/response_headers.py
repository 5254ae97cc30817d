"""The headers of an upstream's response that reach the client: those of a list, so that no other does.

A cookie, an `alt-svc` or a forged header of the gateway's own would be taken for the gateway's.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

_KEPT = frozenset(
    {
        *(":status", "cache-control", "content-length", "content-type", "date", "server", "transfer-encoding"),
        "x-request-id",  # Envoy's or ours
    }
)
FOR_CLIENTS = frozenset({"request-id", "retry-after", "www-authenticate", "x-amzn-requestid"})
FAMILIES_FOR_CLIENTS = ("anthropic-ratelimit-", "openai-", "x-ratelimit-")


@lru_cache(maxsize=256)
def removed(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of headers that do not reach the client."""
    return tuple(name for name in names if name not in _KEPT and not _is_for_clients(name))


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that a reply of the gateway's repeats: limits, ids and when to try again."""
    return {name: value for name, value in headers.items() if _is_for_clients(name)}


def _is_for_clients(name: str) -> bool:
    return name in FOR_CLIENTS or name.startswith(FAMILIES_FOR_CLIENTS)
