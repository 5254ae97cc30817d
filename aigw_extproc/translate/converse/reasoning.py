"""Reasoning: how each family is asked to think before it answers, and what it takes back of its thoughts.

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
"""From little to much."""
OFF = frozenset({"disabled", "between_tools"})
"""Types of thinking with which an answer does not begin with a thought."""
MIN_BUDGET = 1024
"""Tokens; Claude's lower bound."""
BUDGET_SHARES = {"minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.9, "max": 0.95}
"""Of maxTokens, the rest being for the answer."""
DEFAULT_BUDGET = 8_192
"""Tokens of thinking, where the client asked for thinking without a number."""
DEFAULT_MAX_TOKENS = 32_000
"""Where the client names none: every thinking Claude can put out as much."""


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """What a request's wish to reason comes to."""

    on: bool = False
    fields: dict[str, object] = {}  # msgspec copies mutable defaults
    """For additionalModelRequestFields."""
    max_tokens: int | None = None
    """What maxTokens has to be."""


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    """Anthropic's parameter, whoever sends it."""

    type: str
    budget_tokens: int | None = None
    display: str | None = None


class NoRoom(InvalidRequest):
    """The client's limit leaves no room for an answer behind the thinking. `named` is what the client calls it."""

    def __init__(self, budget: int, limit: int, named: str = "max_tokens") -> None:
        super().__init__(f"has to be more than the {budget} tokens of thinking, got {limit}", param=named)
        self.budget = budget
        self.limit = limit


def off(family: Family, max_tokens: int | None) -> Reasoning:
    """As little reasoning as the family can be told to do."""
    return Reasoning(fields=dict(family.reasoning_off), max_tokens=max_tokens)


def by_effort(effort: str, family: Family, max_tokens: int | None, dropped: list[str]) -> Reasoning:
    """Reasoning at an effort that the family knows, in its own words."""
    thoughts = STYLES[family.reasoning](effort, family, max_tokens)
    if max_tokens is not None and thoughts.max_tokens is None:
        dropped.append("max_tokens")
    return thoughts


def nearest(asked: str, known: Sequence[str]) -> str | None:
    """The highest of the known efforts that is not above the one asked for, else the lowest; None of none."""
    rank = EFFORTS.index(asked)
    below = [effort for effort in known if EFFORTS.index(effort) <= rank]
    return below[-1] if below else next(iter(known), None)


def by_thinking(
    wanted: Thinking, family: Family, max_tokens: int | None, dropped: list[str], *, effort: str | None = None
) -> Reasoning:
    """Thinking in Claude's own words, or the nearest that the family knows. `effort` goes with adaptive thinking.

    Raises:
        InvalidRequest: too small a budget, or no room for it within max_tokens.
    """
    thinking = _accepted(wanted, family, max_tokens, dropped)
    return _explicit(thinking, effort, family, max_tokens) if thinking else Reasoning(max_tokens=max_tokens)


def model_fields(thoughts: Reasoning, family: Family, *, has_reasoning: bool) -> dict[str, object]:
    """The model's own fields that ask for reasoning, with what the family wants to go along with all of it.

    That is also wanted where nobody said anything of reasoning, but it goes on, and on what the history holds of it.
    """
    by_default = has_reasoning and family.reasoning_off and not thoughts.fields
    if family.reasoning_fields and (thoughts.on or by_default):
        return merged(merged({"thinking": {"type": "adaptive"}}, family.reasoning_fields), thoughts.fields)
    return dict(thoughts.fields)


def merged(ours: Mapping[str, object], theirs: Mapping[str, object]) -> dict[str, object]:
    """Both objects in one, all the way down; where they disagree the second wins."""
    result = dict(ours)
    for name, value in theirs.items():
        mine = result.get(name)
        result[name] = merged(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return result


def thinking_block(family: Family, text: str, signature: str | None) -> ContentBlock | None:
    """A thought as the family takes it back: what it signed, or what it never signs; None for all other."""
    takes = family.reasoning_history
    if takes == "none" or (takes == "signed") != bool(signature):
        return None
    reasoning_text = ReasoningText(text=text, signature=signature or None)
    return ContentBlock(reasoning_content=ReasoningContent(reasoning_text=reasoning_text))


def redacted_block(family: Family, data: str) -> ContentBlock | None:
    """A hidden thought, for a family that hides them; None for the others."""
    if family.reasoning_history != "signed":
        return None
    return ContentBlock(reasoning_content=ReasoningContent(redacted_content=data))


def _accepted(thinking: Thinking, family: Family, max_tokens: int | None, dropped: list[str]) -> Thinking | None:
    """The thinking that was asked for, or the nearest that the family knows; None where it knows none."""
    if thinking.type in family.thinking or family.reasoning_off.get("thinking") == {"type": thinking.type}:
        return thinking
    dropped.append("thinking")
    if not family.thinking or thinking.type in OFF:
        return Thinking(type="disabled") if family.reasoning_off else None
    return Thinking(type=family.thinking[0], budget_tokens=_default_budget(max_tokens), display=thinking.display)


def _default_budget(max_tokens: int | None) -> int:
    """For those who name no budget: never more than half of what they leave room for."""
    return DEFAULT_BUDGET if max_tokens is None else max(MIN_BUDGET, min(DEFAULT_BUDGET, max_tokens // 2))


def _explicit(thinking: Thinking, effort: str | None, family: Family, max_tokens: int | None) -> Reasoning:
    if thinking.type in OFF:
        return Reasoning(fields=family.reasoning_off or {"thinking": {"type": "disabled"}}, max_tokens=max_tokens)
    told: dict[str, object] = {"type": thinking.type}
    if thinking.display is not None:
        told["display"] = thinking.display
    if thinking.type == "adaptive":
        more: dict[str, object] = {"output_config": {"effort": effort}} if effort else {}
        return Reasoning(on=True, fields={"thinking": told, **more}, max_tokens=max_tokens)
    budget = thinking.budget_tokens
    if budget is None or budget < MIN_BUDGET:
        got = "none was given" if budget is None else f"got {budget}"
        raise InvalidRequest.at("thinking.budget_tokens", f"has to be at least {MIN_BUDGET}, {got}")
    limit = _room(budget, max_tokens)
    return Reasoning(on=True, fields={"thinking": told | {"budget_tokens": budget}}, max_tokens=limit)


def _budget(effort: str, family: Family, max_tokens: int | None) -> Reasoning:
    """Claude up to 4.5: so many tokens of thinking, out of maxTokens."""
    budget = max(MIN_BUDGET, int((max_tokens or DEFAULT_MAX_TOKENS) * BUDGET_SHARES[effort]))
    fields: dict[str, object] = {"thinking": {"type": "enabled", "budget_tokens": budget}}
    return Reasoning(on=True, fields=fields, max_tokens=_room(budget, max_tokens))


def _room(budget: int, max_tokens: int | None) -> int:
    """The limit that leaves room for an answer behind the thinking."""
    if max_tokens is None:
        return max(DEFAULT_MAX_TOKENS, budget + MIN_BUDGET)
    if max_tokens <= budget:
        raise NoRoom(budget, max_tokens)
    return max_tokens


def _adaptive(effort: str, family: Family, max_tokens: int | None) -> Reasoning:
    """Claude from 4.6 on: it decides itself how much to think, guided by the effort."""
    fields: dict[str, object] = {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}
    return Reasoning(on=True, fields=fields, max_tokens=max_tokens)


def _nova(effort: str, family: Family, max_tokens: int | None) -> Reasoning:
    """https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html: no limit with `high`."""
    fields: dict[str, object] = {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": effort}}
    return Reasoning(on=True, fields=fields, max_tokens=None if effort == "high" else max_tokens)


def _field(effort: str, family: Family, max_tokens: int | None) -> Reasoning:
    """The word itself, in a field of the model's own."""
    return Reasoning(on=True, fields=nested(family.effort_field, effort), max_tokens=max_tokens)


STYLES: dict[str, Callable[[str, Family, int | None], Reasoning]] = {
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
