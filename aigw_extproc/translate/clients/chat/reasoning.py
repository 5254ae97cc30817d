"""`reasoning_effort` and `thinking`: what a chat says of reasoning."""

from __future__ import annotations

from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.converse.reasoning import (
    EFFORTS,
    NoRoom,
    Reasoning,
    Thinking,
    by_effort,
    by_thinking,
    nearest,
    off,
)

NONE = "none"
"""Asks not to reason."""


def reasoning(request: chat.ChatRequest, family: Family, max_tokens: int | None, dropped: list[str]) -> Reasoning:
    """Translates `thinking`, which wins, or `reasoning_effort`. `max_tokens` is the client's own limit.

    Raises:
        InvalidRequest: an effort that does not exist, or no room for thinking within max_tokens.
    """
    asked = request.reasoning_effort
    if asked is not None and asked not in (NONE, *EFFORTS):
        raise InvalidRequest.at("reasoning_effort", f"expected one of {NONE}, {', '.join(EFFORTS)}, got {asked!r}")
    # What the families call max_tokens is the field of that name only where the client has not used the newer one.
    limit = "max_tokens" if request.max_completion_tokens is None else "max_completion_tokens"
    found: list[str] = []
    try:
        thoughts = _reasoning(request, family, max_tokens, found)
    except NoRoom as error:
        raise NoRoom(error.budget, error.limit, limit) from None
    dropped += [limit if name == "max_tokens" else name for name in found]
    return thoughts


def _reasoning(request: chat.ChatRequest, family: Family, max_tokens: int | None, dropped: list[str]) -> Reasoning:
    asked = request.reasoning_effort
    effort = nearest(asked, family.efforts) if asked in EFFORTS else None
    if asked in EFFORTS and effort != asked:
        dropped.append("reasoning_effort")
    if request.thinking is not None:
        return by_thinking(_thinking(request.thinking), family, max_tokens, dropped, effort=effort)
    if asked == NONE:
        return off(family, max_tokens)
    if effort is None:
        return Reasoning(max_tokens=max_tokens)
    return by_effort(effort, family, max_tokens, dropped)


def _thinking(asked: chat.ThinkingConfig) -> Thinking:
    return Thinking(type=asked.type, budget_tokens=asked.budget_tokens, display=asked.display)
