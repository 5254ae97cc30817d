"""Regular expressions of rules, in RE2's language, which is Envoy's too.

RE2 matches in time linear in the value, whatever the pattern: https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import re2

_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True


class InvalidPattern(ValueError):
    """RE2 refuses the pattern, for the reason in the text."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. Two are equal if their texts are.

    Raises:
        InvalidPattern: RE2 refuses it: look-around, a backreference, or a fault in its syntax.
    """

    text: str
    _compiled: Any = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        try:
            compiled = re2.compile(self.text, _OPTIONS)
        except re2.error as error:
            raise InvalidPattern(_reason(error)) from None
        object.__setattr__(self, "_compiled", compiled)

    def matches(self, value: str) -> bool:
        """Return whether the pattern matches the entire value."""
        known = len(value) <= _CACHEABLE
        return _known_match(self._compiled, value) if known else _match(self._compiled, value)

    def select(self, values: Iterable[str]) -> list[str]:
        """Return the values that it matches entirely. They are not cached: a list of models is long."""
        return [value for value in values if _match(self._compiled, value)]


def _match(compiled: Any, value: str) -> bool:
    return compiled.fullmatch(value) is not None


# The names of models recur, and a lookup costs a tenth of a match. Long values are not cached.
_CACHEABLE: Final = 256
_known_match = lru_cache(maxsize=4096)(_match)


def _reason(error: Exception) -> str:
    reason = error.args[0]
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
