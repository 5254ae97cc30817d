"""Names and ids of tools, and of their parameters, in the alphabets that Bedrock and its models take.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html
A valid name is kept. Any other gets an alias that depends on the name only, so that it is the same in every turn of a
conversation; only a clash with an earlier name of the same request changes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

MAX_LENGTH = 64
# Ids may hold `.` and `:` on Bedrock, but not on Claude; the narrower alphabet fits both.
_VALID = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_LENGTH}}}\Z")
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")
_HASH_LENGTH = 8


def alias(name: str, salt: str = "", shown: str | None = None) -> str:
    """Return a valid name for `name`: the valid characters of `shown`, by default the name itself, and a hash."""
    digest = sha256(f"{salt}{name}".encode()).hexdigest()[:_HASH_LENGTH]
    return f"{_FOREIGN.sub('_', name if shown is None else shown)[: MAX_LENGTH - _HASH_LENGTH - 1]}_{digest}"


def valid_id(tool_call_id: str) -> str:
    """Return the id itself, or a stable alias if Bedrock would refuse it."""
    return tool_call_id if _VALID.match(tool_call_id) else alias(tool_call_id)


@dataclass(frozen=True, slots=True)
class ToolNames:
    """The aliases of one request, in both directions."""

    aliases: dict[str, str] = field(default_factory=dict)
    originals: dict[str, str] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    """Every name in Bedrock's request."""
    parameters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The aliases of parameters by the client's name, by Bedrock's name of the tool; for tools that have any."""

    @classmethod
    def of(cls, names: Iterable[str], *, hyphens: bool = True) -> ToolNames:
        """Give every invalid name a unique alias: a function of this and earlier names.

        Without `hyphens` a name that has any is invalid.
        """
        names = dict.fromkeys(names)
        if not names:
            return _NONE
        taken: set[str] = set()
        aliases: dict[str, str] = {}
        for name in names:
            if name in taken or not _VALID.match(name) or not (hyphens or "-" not in name):
                aliases[name] = _free_alias(name, taken, hyphens=hyphens)
            taken.add(aliases.get(name, name))
        return cls(aliases, {short: name for name, short in aliases.items()}, frozenset(taken))

    def with_parameters(self, tool: str, aliases: Mapping[str, str]) -> ToolNames:
        """Return these names with the aliases of a tool's parameters; `tool` is the client's name."""
        return replace(self, parameters={**self.parameters, self.to_bedrock(tool): aliases}) if aliases else self

    def to_bedrock(self, name: str) -> str:
        """Return the name in Bedrock's request."""
        return self.aliases.get(name, name)

    def to_client(self, name: str) -> str:
        """Return the client's own name for Bedrock's."""
        return self.originals.get(name, name)


_NONE = ToolNames()


def _free_alias(name: str, taken: set[str], *, hyphens: bool) -> str:
    plain = name if hyphens else name.replace("-", "_")
    candidate, attempt = alias(name, shown=plain), 0
    while candidate in taken:
        attempt += 1
        candidate = alias(name, salt=f"{attempt}:", shown=plain)
    return candidate
