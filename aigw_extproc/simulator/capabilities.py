"""The vocabulary of `model_families`: what a model family supports, as far as a client can tell.

The defaults allow everything, so that an unknown model refuses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aigw_extproc.simulator.converse_request import Conversation, model_field
from aigw_extproc.simulator.prompt import ReasoningForm

Kinds = frozenset[str]
"""Names of content blocks: `text`, `image`, `document`, `video`, `audio`."""

MEDIA: Kinds = frozenset({"image", "document", "video", "audio"})
ALL: Kinds = MEDIA | {"text"}
CHOICES = frozenset({"auto", "any", "tool"})
CACHEABLE = frozenset({"tools", "system", "messages"})
NOTHING: frozenset[str] = frozenset()

REASONING_TYPES = frozenset({"enabled", "adaptive"})
"""Values of `thinking.type` with which the reply begins with reasoning.

https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningSupport:
    """How reasoning is requested from a family, and the form in which it is returned."""

    types: tuple[str, ...] = ()
    """Values of `thinking.type` among the model's own fields; empty where the family has no such field."""
    effort_path: tuple[str, ...] = ()
    """Path of the effort among the model's own fields; empty where it cannot be set."""
    efforts: tuple[str, ...] = ()
    """Supported efforts; empty where any is."""
    reasons_at: tuple[str, ...] = ()
    """Efforts at which a family without `thinking` reasons."""
    default: bool = False
    """It reasons unless the request turns that off."""
    form: ReasoningForm = "plain"
    omitted: bool = False
    """Only the signature is returned, not the text, unless `thinking.display` requests it."""
    bound: bool = False
    """Signed reasoning is valid only in its own conversation."""
    history: frozenset[str] = frozenset({"reasoningText", "redactedContent"})
    """Reasoning blocks that later requests may contain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a model family supports."""

    provider: str = ""
    """Provider of the API that Converse calls, which decides the wording of errors."""
    temperature_and_top_p: bool = True
    sampling: bool = True
    stop_sequences: bool = True
    least_max_tokens: int = 1
    prefill: bool = True
    system: bool = True
    system_role: bool = True
    """Supports messages of role system in the conversation."""
    tools: bool = True
    hyphens: bool = True
    """Calls tools with hyphens in their names."""
    schema_references: bool = True
    """Takes `$ref` and `$defs` in the schemas of tools."""
    streamed_tools: bool = True
    choices: frozenset[str] = CHOICES
    """Supported members of toolChoice."""
    strict_tools: bool = True
    text_format: bool = True
    """Supports `outputConfig.textFormat`."""
    plain_schemas: bool = False
    """Output schemas must not limit numbers or lists."""
    media: Kinds = MEDIA
    """Media in user messages."""
    s3: bool = True
    beside_results: Kinds = ALL
    """Blocks in a turn with tool results."""
    text_beside_uses: bool = True
    in_results: Kinds = ALL
    """Content of tool results besides JSON. A document format allows documents of that format."""
    result_status: bool = True
    caches: frozenset[str] = CACHEABLE
    """Places for cachePoints; empty for families without a cache, or with an automatic one."""
    caches_after_results: bool = True
    fields: frozenset[str] | None = None
    """The model's own fields; None where they are unknown."""
    reasoning: ReasoningSupport = ReasoningSupport()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedReasoning:
    """The reasoning that a request asks for."""

    on: bool
    manual: bool
    """With a token budget instead of at the model's discretion: the older way, with the stricter rules."""
    shown: bool
    """The text is returned."""


def requested_reasoning(conversation: Conversation, family: Capabilities) -> RequestedReasoning:
    """Return whether, and how, a family reasons for a Converse request."""
    support = family.reasoning
    display = _text_field(conversation, "thinking", "display") or ("omitted" if support.omitted else "summarized")
    kind = _text_field(conversation, "thinking", "type")
    on = _is_on(conversation, support, kind)
    return RequestedReasoning(on=on, manual=kind == "enabled", shown=display != "omitted")


def requested_effort(conversation: Conversation, support: ReasoningSupport) -> Any:
    """Return the effort in a request, unchecked; None where there is none."""
    return model_field(conversation, *support.effort_path) if support.effort_path else None


def _is_on(conversation: Conversation, support: ReasoningSupport, kind: str | None) -> bool:
    if support.types:
        return support.default if kind is None else kind in REASONING_TYPES
    has_switch = support.effort_path[:1] == ("reasoningConfig",)
    switch = _text_field(conversation, "reasoningConfig", "type") if has_switch else None
    effort = requested_effort(conversation, support)
    if not isinstance(effort, str):
        return support.default or switch == "enabled"
    return switch != "disabled" and effort in support.reasons_at


def _text_field(conversation: Conversation, *path: str) -> str | None:
    value = model_field(conversation, *path)
    return value if isinstance(value, str) else None
