"""Reasoning: how a family is asked to reason, and which reasoning of earlier turns it takes back.

https://docs.aws.amazon.com/bedrock/latest/userguide/inference-reasoning.html
https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from aigw_extproc.bedrock.converse import ContentBlock, ReasoningContent, ReasoningText
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest

EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "max")
"""In ascending order."""
OFF = frozenset({"disabled", "between_tools"})
"""Types of thinking with which an answer does not begin with reasoning."""
MIN_BUDGET = 1024
"""Tokens; Claude's lower bound."""
BUDGET_SHARES = {"minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.9, "max": 0.95}
"""Of maxTokens; the rest is for the answer."""
DEFAULT_BUDGET = 8_192
"""Tokens of thinking, if the client asks for thinking without a budget."""
DEFAULT_MAX_TOKENS = 32_000
"""If the client sets none: every Claude with thinking supports as much."""


class ReasoningSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The settings with which a model is asked to reason."""

    on: bool = False
    fields: dict[str, object] = {}  # msgspec copies mutable defaults
    """For additionalModelRequestFields."""
    max_tokens: int | None = None
    """Converse's maxTokens."""


class ThinkingSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Anthropic's `thinking` parameter."""

    type: str
    budget_tokens: int | None = None
    display: str | None = None


class NoRoom(InvalidRequest):
    """The client's limit leaves no room for an answer after the thinking. `named` is the limit's field."""

    def __init__(self, budget: int, limit: int, named: str = "max_tokens") -> None:
        super().__init__(f"has to be more than the {budget} tokens of thinking, got {limit}", param=named)
        self.budget = budget
        self.limit = limit


def off(family: Family, max_tokens: int | None) -> ReasoningSpec:
    """Return the settings for as little reasoning as the family can do."""
    return ReasoningSpec(fields=dict(family.reasoning_off), max_tokens=max_tokens)


def stays_on(family: Family) -> bool:
    """Return whether as little reasoning as the family can do is its lowest effort, and not none."""
    return any(value in family.efforts for value in _leaves(family.reasoning_off))


def _leaves(value: object) -> list[object]:
    return [leaf for inner in value.values() for leaf in _leaves(inner)] if isinstance(value, dict) else [value]


def by_effort(effort: str, family: Family, max_tokens: int | None, dropped: list[str]) -> ReasoningSpec:
    """Return the settings for an effort that the family supports."""
    reasoning = STYLES[family.reasoning](effort, family, max_tokens)
    if max_tokens is not None and reasoning.max_tokens is None:
        dropped.append("max_tokens")
    return reasoning


def nearest(requested: str, supported: Sequence[str]) -> str | None:
    """Return the highest supported effort that does not exceed the requested one, else the lowest, else None."""
    rank = EFFORTS.index(requested)
    below = [effort for effort in supported if EFFORTS.index(effort) <= rank]
    return below[-1] if below else next(iter(supported), None)


def by_thinking(
    wanted: ThinkingSpec,
    family: Family,
    max_tokens: int | None,
    dropped: list[str],
    *,
    effort: str | None = None,
    interleaved: bool = False,
) -> ReasoningSpec:
    """Return the settings for Claude's `thinking`, or the nearest that the family supports.

    `effort` is for adaptive thinking. With `interleaved` thinking the budget is for all answers of a tool loop
    together, and so may exceed the limit of one.

    Raises:
        InvalidRequest: the budget is too small, or max_tokens leaves no room for it.
    """
    thinking = _accepted(wanted, family, max_tokens, dropped)
    if thinking is None:
        return ReasoningSpec(max_tokens=max_tokens)
    return _explicit(thinking, effort, family, max_tokens, interleaved=interleaved)


def model_fields(reasoning: ReasoningSpec, family: Family, *, has_reasoning: bool) -> dict[str, object]:
    """Return the model's own fields that ask for reasoning, with those that the family needs beside it.

    They are also needed if the request does not mention reasoning, but its history holds some and the family reasons
    by default.
    """
    by_default = has_reasoning and family.reasoning_off and not reasoning.fields
    if family.reasoning_fields and (reasoning.on or by_default):
        return merged(merged({"thinking": {"type": "adaptive"}}, family.reasoning_fields), reasoning.fields)
    return dict(reasoning.fields)


def merged(ours: Mapping[str, object], theirs: Mapping[str, object]) -> dict[str, object]:
    """Merge two objects recursively; the second wins."""
    result = dict(ours)
    for name, value in theirs.items():
        mine = result.get(name)
        result[name] = merged(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return result


def thinking_block(family: Family, text: str, signature: str | None) -> ContentBlock | None:
    """Return reasoning as the family takes it back: signed, or from a family that never signs; else None."""
    takes = family.reasoning_history
    if takes == "none" or (takes == "signed") != bool(signature):
        return None
    reasoning_text = ReasoningText(text=text, signature=signature or None)
    return ContentBlock(reasoning_content=ReasoningContent(reasoning_text=reasoning_text))


def redacted_block(family: Family, data: str) -> ContentBlock | None:
    """Return redacted reasoning for a family that redacts; else None."""
    if family.reasoning_history != "signed":
        return None
    return ContentBlock(reasoning_content=ReasoningContent(redacted_content=data))


def _accepted(
    thinking: ThinkingSpec, family: Family, max_tokens: int | None, dropped: list[str]
) -> ThinkingSpec | None:
    """Return the requested thinking, or the nearest that the family supports; None if it supports none."""
    if thinking.type in family.thinking or family.reasoning_off.get("thinking") == {"type": thinking.type}:
        return thinking
    dropped.append("thinking")
    if not family.thinking or thinking.type in OFF:
        return ThinkingSpec(type="disabled") if family.reasoning_off else None
    return ThinkingSpec(type=family.thinking[0], budget_tokens=_default_budget(max_tokens), display=thinking.display)


def _default_budget(max_tokens: int | None) -> int:
    """Return the budget for a client that sets none: at most half of its limit."""
    return DEFAULT_BUDGET if max_tokens is None else max(MIN_BUDGET, min(DEFAULT_BUDGET, max_tokens // 2))


def _explicit(
    thinking: ThinkingSpec, effort: str | None, family: Family, max_tokens: int | None, *, interleaved: bool
) -> ReasoningSpec:
    if thinking.type in OFF:
        return ReasoningSpec(fields=family.reasoning_off or {"thinking": {"type": "disabled"}}, max_tokens=max_tokens)
    parameter: dict[str, object] = {"type": thinking.type}
    if thinking.display is not None:
        parameter["display"] = thinking.display
    if thinking.type == "adaptive":
        output: dict[str, object] = {"output_config": {"effort": effort}} if effort else {}
        return ReasoningSpec(on=True, fields={"thinking": parameter, **output}, max_tokens=max_tokens)
    budget = thinking.budget_tokens
    if budget is None or budget < MIN_BUDGET:
        got = "none was given" if budget is None else f"got {budget}"
        raise InvalidRequest.at("thinking.budget_tokens", f"has to be at least {MIN_BUDGET}, {got}")
    limit = max_tokens if interleaved and max_tokens is not None else _room(budget, max_tokens)
    return ReasoningSpec(on=True, fields={"thinking": parameter | {"budget_tokens": budget}}, max_tokens=limit)


def _budget(effort: str, family: Family, max_tokens: int | None) -> ReasoningSpec:
    """Claude up to 4.5: a budget of thinking within maxTokens."""
    budget = max(MIN_BUDGET, int((max_tokens or DEFAULT_MAX_TOKENS) * BUDGET_SHARES[effort]))
    fields: dict[str, object] = {"thinking": {"type": "enabled", "budget_tokens": budget}}
    return ReasoningSpec(on=True, fields=fields, max_tokens=_room(budget, max_tokens))


def _room(budget: int, max_tokens: int | None) -> int:
    """Return the limit that leaves room for an answer after the thinking."""
    if max_tokens is None:
        return max(DEFAULT_MAX_TOKENS, budget + MIN_BUDGET)
    if max_tokens <= budget:
        raise NoRoom(budget, max_tokens)
    return max_tokens


def _adaptive(effort: str, family: Family, max_tokens: int | None) -> ReasoningSpec:
    """Claude from 4.6 on: the model decides how much to think, guided by the effort."""
    fields: dict[str, object] = {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}
    return ReasoningSpec(on=True, fields=fields, max_tokens=max_tokens)


def _nova(effort: str, family: Family, max_tokens: int | None) -> ReasoningSpec:
    """https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html: no limit with `high`."""
    fields: dict[str, object] = {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": effort}}
    return ReasoningSpec(on=True, fields=fields, max_tokens=None if effort == "high" else max_tokens)


def _field(effort: str, family: Family, max_tokens: int | None) -> ReasoningSpec:
    """The effort itself, in a field of the model's own."""
    return ReasoningSpec(on=True, fields=nested(family.effort_field, effort), max_tokens=max_tokens)


STYLES: dict[str, Callable[[str, Family, int | None], ReasoningSpec]] = {
    "budget": _budget,
    "adaptive": _adaptive,
    "nova": _nova,
    "field": _field,
}
"""By the family's `reasoning`."""


def nested(path: Sequence[str], value: object) -> dict[str, object]:
    """Return the objects that hold `value` at `path`."""
    *outer, name = path
    fields: dict[str, object] = {name: value}
    for key in reversed(outer):
        fields = {key: fields}
    return fields
