"""Whether a limit applies to a request, and the counter that it has for it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address

from aigw_extproc.config.limits import Condition, Limit

Address = IPv4Address | IPv6Address


def counter_of(
    limit: Limit, headers: Mapping[str, str], identity: frozenset[str], address: Address | None
) -> str | None:
    """Return the name of the counter that a limit has for a request; None if it does not apply.

    `headers` have the model, and what the gateway knows of the client's identity under the names in `identity`: an
    unknown identity is one like any other, so that all such requests share a count.
    """
    values = _values(limit, headers, identity, address)
    return None if values is None else _digest(limit.name, *values)


def _values(
    limit: Limit, headers: Mapping[str, str], identity: frozenset[str], address: Address | None
) -> list[str] | None:
    """Return what tells the counters of a limit apart; None if it does not apply."""
    if limit.networks and not all(address in network for network in limit.networks):
        return None
    values = [str(address)] if limit.by_address else []
    for condition in limit.conditions:
        value = headers.get(condition.name)
        if value is None and condition.name in identity:
            value = ""
        if not _holds(condition, value):
            return None
        if condition.distinct:
            values.append(value or "")
    return values


def _holds(condition: Condition, value: str | None) -> bool:
    if condition.distinct:
        return value is not None
    if condition.pattern is not None:
        holds = value is not None and condition.pattern.matches(value)
    else:
        holds = value == condition.value
    return holds != condition.inverted


def _digest(*parts: str) -> str:
    # A digest: values are secrets perhaps, and of any length.
    text = "\n".join(f"{len(part)} {part}" for part in parts)
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
