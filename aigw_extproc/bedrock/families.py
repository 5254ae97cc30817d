"""Capabilities of models, from the table `families.toml`, which documents every fact.

A model is looked up by its base id, without ARN and without the region prefix of an inference profile. Every row
whose name is a prefix of that id applies, shorter names first.
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
"""A row of the table: values by name of the fact."""


class Family(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All facts about a model. The defaults apply to unknown models."""

    tools: bool = True
    system: bool = True
    system_role: bool = False
    tool_choice: tuple[Literal["any", "tool"], ...] = ()
    beside_tool_results: tuple[Kind, ...] = _EVERY_KIND
    text_beside_tool_uses: bool = True
    inside_tool_results: tuple[Kind | Format, ...] = _EVERY_KIND
    serial_tools: Literal["", "tool_choice"] = ""
    strict_tools: bool = False
    narrow_tool_schemas: bool = True
    tool_schema_references: bool = True
    tool_name_hyphens: bool = True
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
    cache_minimum: int = 1024
    structured_output: bool = False
    citations: bool = False
    web_search: str = ""
    max_output: int = 4096
    least_max_tokens: int = 1
    converse_betas: tuple[str, ...] = ()
    invoke_betas: tuple[str, ...] = ()
    embeddings: Literal["", "titan", "titan-image", "cohere", "nova"] = ""
    dimensions: tuple[int, ...] = ()
    rerank: Literal["", "amazon", "cohere"] = ""
    images: Literal["", "amazon", "stability"] = ""


@dataclass(frozen=True, slots=True)
class Families:
    """The table: rows by prefix of a base model id."""

    rows: Mapping[str, Facts]
    _cache: dict[str, Family] = field(default_factory=dict, compare=False, repr=False)

    MAX_CACHED = 1024
    """Limit of the cache, since model names come from clients; further names are looked up every time."""

    def of(self, model: str) -> Family:
        """Return the facts about a model id or ARN."""
        family = self._cache.get(model)
        if family is None:
            facts: dict[str, Any] = {}
            for _, row in self.applying(model):
                facts |= row
            family = msgspec.convert(facts, Family)
            if len(self._cache) < self.MAX_CACHED:
                self._cache[model] = family
        return family

    def applying(self, model: str) -> list[tuple[str, Facts]]:
        """Return the rows that apply to a model; later rows override earlier ones."""
        name = base_model(model)
        return sorted((row for row in self.rows.items() if name.startswith(row[0])), key=lambda row: len(row[0]))

    def overridden(self, rows: Mapping[str, Facts]) -> Families:
        """Return this table with more facts; rows of the same name are merged.

        Raises:
            msgspec.ValidationError: a fact or its value does not exist; the path in the message begins with the row.
        """
        msgspec.convert(rows, dict[str, Family])
        return Families({name: {**self.rows.get(name, {}), **rows.get(name, {})} for name in {**self.rows, **rows}})


@cache
def builtin() -> Families:
    """Return the table of the package; it is read once."""
    text = resources.files(__package__).joinpath("families.toml").read_text(encoding="utf-8")
    return Families({}).overridden(tomllib.loads(text))


_REGION_PREFIX = re.compile(r"^(?:us-gov|us|eu|apac|jp|au|ca|uk|in|global)\.")


def base_model(model: str) -> str:
    """Return the id of the foundation model in the id of an inference profile or an ARN.

    >>> base_model("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-micro-v1:0")
    'amazon.nova-micro-v1:0'
    """
    name = model.rsplit("/", 1)[-1] if model.startswith("arn:") else model
    return _REGION_PREFIX.sub("", name)


def family_of(model: str) -> Family:
    """Return the facts about a model id or ARN from the table of the package."""
    return builtin().of(model)
