"""What a model family takes and does, as far as a client can tell: the terms in which `model_families` describes them.

Everything is allowed where nothing else is said, so that a model of which nothing is known refuses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Kinds = frozenset[str]
"""Names of content blocks: `text`, `image`, `document`, `video`, `audio`."""

MEDIA: Kinds = frozenset({"image", "document", "video", "audio"})
ALL: Kinds = MEDIA | {"text"}
CHOICES = frozenset({"auto", "any", "tool"})
CACHEABLE = frozenset({"tools", "system", "messages"})
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """How a family is told to reason, and what its reasoning looks like."""

    types: tuple[str, ...] = ()
    """Values of `thinking.type` among the model's own fields. Empty where there is no such field."""
    path: tuple[str, ...] = ()
    """Where among the model's own fields the effort stands. Empty where there is none to set."""
    words: tuple[str, ...] = ()
    """The efforts that are taken; any where there are none."""
    reasons_at: frozenset[str] = NOTHING
    """The efforts that make a family reason which has no `thinking`."""
    default: bool = False
    """It reasons unless it is told not to."""
    form: str = "plain"
    """signed: text with a signature · plain: text alone · encrypted: nothing that can be read · hidden: a
    placeholder for the text."""
    omitted: bool = False
    """The text is left out, and only its signature sent, unless `thinking.display` asks for it."""
    bound: bool = False
    """What is signed may come back in its own conversation only."""
    history: frozenset[str] = frozenset({"reasoningText", "redactedContent"})
    """What of it may come back in later requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """One family."""

    provider: str = ""
    """Whose API stands behind Converse: the wording of its errors depends on it."""
    temperature_and_top_p: bool = True
    sampling: bool = True
    stop_sequences: bool = True
    prefill: bool = True
    system: bool = True
    tools: bool = True
    streamed_tools: bool = True
    choices: frozenset[str] = CHOICES
    """The members of toolChoice that are taken."""
    strict_tools: bool = True
    text_format: bool = True
    """Whether `outputConfig.textFormat` is known."""
    plain_schemas: bool = False
    """Schemas that bind the answer may not bound numbers or lists."""
    media: Kinds = MEDIA
    """What a user may show."""
    s3: bool = True
    beside_results: Kinds = ALL
    """What may stand in a turn with tool results."""
    text_beside_uses: bool = True
    in_results: Kinds = ALL
    """What a tool may answer besides JSON. Formats stand for documents of that format alone."""
    result_status: bool = True
    caches: frozenset[str] = CACHEABLE
    """Where cachePoints may stand. Empty for families that cache nothing, or by themselves."""
    caches_behind_results: bool = True
    fields: frozenset[str] | None = None
    """The model's own fields; None where they are not known."""
    reasoning: Reasoning = Reasoning()


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """What a request says of reasoning."""

    on: bool
    manual: bool
    """With a budget instead of at the model's discretion: the older way, with the stricter rules."""
    shown: bool
    """The text is to be sent."""


def thinking(body: Mapping[str, Any], family: Capabilities) -> Thinking:
    """Whether, and how, a family reasons over a Converse request."""
    reasoning = family.reasoning
    asked = model_field(body, "thinking")
    shown = _word(asked, "display") or ("omitted" if reasoning.omitted else "summarized")
    kind = _word(asked, "type")
    return Thinking(on=_is_on(body, reasoning, kind), manual=kind == "enabled", shown=shown != "omitted")


def effort(body: Mapping[str, Any], reasoning: Reasoning) -> Any:
    """The effort that a request asks for, as it stands there; None where there is none."""
    return model_field(body, *reasoning.path) if reasoning.path else None


def model_field(body: Mapping[str, Any], *path: str) -> Any:
    """A value among a request's additionalModelRequestFields; None where it is not there."""
    value: Any = body.get("additionalModelRequestFields")
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _is_on(body: Mapping[str, Any], reasoning: Reasoning, kind: str | None) -> bool:
    if reasoning.types:
        return reasoning.default if kind is None else TYPES.get(kind, False)
    switch = _word(model_field(body, "reasoningConfig"), "type") if reasoning.path[:1] == ("reasoningConfig",) else None
    word = effort(body, reasoning)
    if not isinstance(word, str):
        return reasoning.default or switch == "enabled"
    return switch != "disabled" and word in reasoning.reasons_at


def _word(value: Any, name: str) -> str | None:
    word = value.get(name) if isinstance(value, Mapping) else None
    return word if isinstance(word, str) else None


TYPES: Mapping[str, bool] = MappingProxyType(
    {"enabled": True, "adaptive": True, "disabled": False, "between_tools": False}
)
"""Values of `thinking.type`: whether an answer begins with reasoning.

https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking
"""
