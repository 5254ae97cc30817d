"""What a request costs in the operator's own units: counts of tokens, or expressions of them.

Expressions are in CEL, as Envoy AI Gateway evaluates them: https://aigateway.envoyproxy.io/docs/api/, LLMRequestCost.
The types of variables are checked when the configuration is compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal

CostType = Literal[
    "InputToken",
    "CachedInputToken",
    "CacheCreationInputToken",
    "OutputToken",
    "TotalToken",
    "ReasoningToken",
    "CEL",
]
TEXTS: Final = ("model", "backend", "route_name")
"""Variables of an expression that are strings."""
COUNTS: Final = (
    "input_tokens",
    "cached_input_tokens",
    "cache_creation_input_tokens",
    "output_tokens",
    "total_tokens",
    "reasoning_tokens",
)
"""Variables that are unsigned integers."""
MAX_VALUE: Final = 2**53
"""Envoy's metadata has numbers of 64 bits floating point, which count exactly up to here."""
_MAX_CHARACTERS: Final = 200

Variables = Mapping[str, str | int]


class InvalidExpression(ValueError):
    """An expression cannot be compiled, for the reason in the text."""


class NoValue(Exception):
    """An expression has no value that is a cost, for the reason in the text."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. Two are equal if their texts are.

    Raises:
        InvalidExpression: it is not CEL, does not fit the types of the variables, or its value is no integer.
    """

    text: str
    _compiled: Any = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        try:
            compiled = _environment().compile(self.text)
        except RuntimeError as error:
            raise InvalidExpression(_reason(error)) from None
        kind = compiled.return_type().name()
        if kind not in {"INT", "UINT", "DYN"}:
            raise InvalidExpression(f"its value is of the type {kind.lower()}, but a cost is an int or uint")
        object.__setattr__(self, "_compiled", compiled)

    def value(self, variables: Variables) -> int:
        """Return the value for these variables, all of `TEXTS` and `COUNTS`.

        Raises:
            NoValue: it fails, as a division by 0 does, or is not an integer of 0 to `MAX_VALUE`.
        """
        result = self._compiled.eval(data=variables)
        kind, value = result.type().name(), result.value()
        if kind == "ERROR":
            raise NoValue(str(value)[:_MAX_CHARACTERS])
        if kind not in {"INT", "UINT"}:
            raise NoValue(f"its value is of the type {kind.lower()}")
        if not 0 <= value <= MAX_VALUE:
            raise NoValue(f"its value is {value}")
        return int(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCost:
    """A cost that is written into Envoy's metadata at the end of a request."""

    key: str
    """Of the metadata."""
    type: CostType
    expression: Expression | None = None
    """Set for the type CEL."""


@cache
def _environment() -> Any:
    try:
        from cel_expr_python import cel  # takes 8 MB, which only expressions need
    except ImportError:
        raise InvalidExpression("expressions need the extra 'cel': pip install 'aigw-extproc[cel]'") from None
    variables = dict.fromkeys(TEXTS, cel.Type.STRING) | dict.fromkeys(COUNTS, cel.Type.UINT)
    return cel.NewEnv(variables=variables)


def _reason(error: RuntimeError) -> str:
    """Return the first line of what CEL says: `1:14: found no matching overload …`."""
    line = str(error).splitlines()[0].removesuffix(" [INVALID_ARGUMENT]").removesuffix(" (in container '')")
    reason = line.rpartition("<input>:")[2] if "<input>:" in line else line.partition(": ")[2]
    hint = (
        "; a number to count with is written as 3u, or uint(3)"
        if "'(uint, int)'" in line or "'(int, uint)'" in line
        else ""
    )
    return reason[:_MAX_CHARACTERS] + hint
