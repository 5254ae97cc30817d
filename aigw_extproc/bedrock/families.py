"""What a model takes and what it refuses, from a table: `families.toml`, which documents every fact.

A model is looked up by its id after the wrapping is taken off: an ARN around it and the region prefix of an inference
profile. Every row whose name the id begins with applies, shorter names first.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

import msgspec

Kind = Literal["text", "image", "document", "video", "audio"]
Format = Literal["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"]
_EVERY_KIND: tuple[Kind, ...] = ("text", "image", "document", "video", "audio")

Facts = Mapping[str, Any]
"""A row: facts by name, those only that it states."""


class Family(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The facts about a model. The defaults are for one that is not known."""

    tools: bool = True
    system: bool = True
    tool_choice: tuple[Literal["any", "tool"], ...] = ()
    beside_tool_results: tuple[Kind, ...] = _EVERY_KIND
    text_beside_tool_uses: bool = True
    inside_tool_results: tuple[Kind | Format, ...] = _EVERY_KIND
    serial_tools: Literal["", "tool_choice"] = ""
    strict_tools: bool = False
    streaming_tools: bool = True
    sampling: Literal["both", "either", "none"] = "both"
    top_k_field: tuple[str, ...] = ()
    stop_sequences: bool = True
    prefill: bool = True
    reasoning: Literal["", "budget", "adaptive", "nova", "field"] = ""
    effort_field: tuple[str, ...] = ()
    efforts: tuple[Literal["minimal", "low", "medium", "high", "xhigh", "max"], ...] = ()
    thinking: tuple[Literal["enabled", "adaptive", "disabled"], ...] = ()
    reasoning_off: dict[str, Any] = {}  # msgspec copies mutable defaults
    reasoning_fields: dict[str, Any] = {}  # as above
    reasoning_history: Literal["signed", "unsigned", "none"] = "none"
    sampling_while_reasoning: bool = True
    forced_while_reasoning: bool = True
    caching: tuple[Literal["tools", "system", "messages"], ...] = ()
    cache_behind_results: bool = True
    cache_behind_plain_documents: bool = True
    long_cache: bool = False
    structured_output: bool = False
    max_output: int = 4096
    converse_betas: tuple[str, ...] = ()
    invoke_betas: tuple[str, ...] = ()
    embeddings: Literal["", "titan", "cohere", "nova"] = ""
    dimensions: tuple[int, ...] = ()
    rerank: Literal["", "amazon", "cohere"] = ""
    images: Literal["", "amazon", "stability"] = ""


@dataclass(frozen=True, slots=True)
class Families:
    """The table: rows by the beginning of a base model id."""

    rows: Mapping[str, Facts]
    _found: dict[str, Family] = field(default_factory=dict, compare=False, repr=False)

    MAX_REMEMBERED = 1024
    """Model names come from clients; more than this many are looked up anew each time."""

    def of(self, model: str) -> Family:
        """The facts about a model id or ARN."""
        found = self._found.get(model)
        if found is None:
            facts: dict[str, Any] = {}
            for _, row in self.applying(model):
                facts |= row
            found = msgspec.convert(facts, Family)
            if len(self._found) < self.MAX_REMEMBERED:
                self._found[model] = found
        return found

    def applying(self, model: str) -> list[tuple[str, Facts]]:
        """The rows that apply to a model, in the order in which they do."""
        name = base_model(model)
        return sorted((row for row in self.rows.items() if name.startswith(row[0])), key=lambda row: len(row[0]))

    def overridden(self, rows: Mapping[str, Facts]) -> Families:
        """This table with more facts: a row of the same name is added to.

        Raises:
            msgspec.ValidationError: a fact does not exist, or its value does not; the path begins with the row's name.
        """
        msgspec.convert(rows, dict[str, Family])
        return Families({name: {**self.rows.get(name, {}), **rows.get(name, {})} for name in {**self.rows, **rows}})


@cache
def builtin() -> Families:
    """The table that comes with the package; read once."""
    text = resources.files(__package__).joinpath("families.toml").read_text(encoding="utf-8")
    return Families({}).overridden(tomllib.loads(text))


_REGION_PREFIX = re.compile(r"^(?:us-gov|us|eu|apac|jp|au|ca|uk|in|global)\.")


def base_model(model: str) -> str:
    """The foundation model's id inside an inference profile's id or an ARN.

    >>> base_model("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-micro-v1:0")
    'amazon.nova-micro-v1:0'
    """
    name = model.rsplit("/", 1)[-1] if model.startswith("arn:") else model
    return _REGION_PREFIX.sub("", name)


def family_of(model: str) -> Family:
    """The facts about a model id or ARN, from the table that comes with the package."""
    return builtin().of(model)
