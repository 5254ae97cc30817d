"""How much clients may use, as immutable values: the compiled form of rate limits and quotas."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Final, Literal

from aigw_extproc.config.pattern import Pattern

Unit = Literal["Second", "Minute", "Hour", "Day", "Month", "Year"]
Kind = Literal["requests", "tokens", "money"]
MODEL: Final = "x-ai-eg-model"
MAX_LIMIT: Final = 2**53 - 1
"""Lua, in which Redis counts, has no larger integers: 9 billion dollars in micro-dollars."""
TOTAL_TOKENS: Final = "usage_total_tokens"
"""The cost of a quota without an expression of its own."""
MONEY: Final = "cost_microdollars"
"""What a response has cost, in millionths of a dollar."""
USAGE: Final = {
    "usage_input_tokens": "input_tokens",
    "usage_output_tokens": "output_tokens",
    TOTAL_TOKENS: "total_tokens",
    "usage_cached_input_tokens": "cached_input_tokens",
    "usage_cache_creation_input_tokens": "cache_creation_input_tokens",
    "usage_long_cache_creation_input_tokens": "long_cache_creation_input_tokens",
    "usage_reasoning_tokens": "reasoning_tokens",
    "usage_images": "images",
    "usage_searches": "searches",
}
"""The counts of a response by their keys. Besides them and MONEY, a route has keys of its own (`llmRequestCosts`)."""
EXPRESSION: Final = "="
"""Precedes a cost that is an expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a header must be, so that a limit applies."""

    name: str
    """In lower case; `x-ai-eg-model` is the model of the request's body."""
    value: str = ""
    pattern: Pattern | None = None
    distinct: bool = False
    """Whether each value has a count of its own."""
    inverted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How much may be used in each period of the calendar (UTC), by the requests that meet every condition."""

    name: str
    """Names its counters: two limits of one name share them."""
    policy: str
    """`Kind namespace/name`, for metrics and logs."""
    limit: int
    unit: Unit
    request_cost: int = 1
    """What a request takes before it is sent; 0 to look only whether anything is left."""
    response_cost: int | str = 0
    """What it takes when its response has ended: a number, the key of a cost, or an expression after `=`."""
    kind: Kind = "requests"
    conditions: tuple[Condition, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Where the client must connect from: all of them."""
    by_address: bool = False
    """Whether each address has a count of its own."""
    shadow: bool = False
    """Whether it only counts, and refuses nothing."""
    either: str = ""
    """Of limits with the same text here, one is enough to let a request pass."""
    reserve: bool = False
    """Whether a request takes before what its response can cost at most; what it has not cost is given back."""
    fail_open: bool = False
    """Whether requests pass while the counts cannot be reached."""

    @property
    def needs_address(self) -> bool:
        """Whether the client's address must be known."""
        return self.by_address or bool(self.networks)

    @property
    def needs_body(self) -> bool:
        """Whether it depends on the request's model, or on what the request may cost."""
        return self.reserve or self.kind == "money" or any(condition.name == MODEL for condition in self.conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The limits of a backend."""

    by_model: tuple[tuple[str, tuple[Limit, ...]], ...] = ()
    others: tuple[Limit, ...] = ()
    """For the models that have none of their own."""

    def of(self, model: str) -> tuple[Limit, ...]:
        """Return the limits for a model, by the backend's name for it."""
        return next((limits for name, limits in self.by_model if name == model), self.others)

    @property
    def all(self) -> tuple[Limit, ...]:
        """Every limit."""
        return (*(limit for _, limits in self.by_model for limit in limits), *self.others)


NO_QUOTAS: Final = Quotas()
