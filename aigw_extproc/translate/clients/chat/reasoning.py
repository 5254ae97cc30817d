"""`reasoning_effort` and `thinking` of a chat."""

from __future__ import annotations

import msgspec

from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.clients.chat.parameters import limit_name
from aigw_extproc.translate.converse.reasoning import (
    EFFORTS,
    NoRoom,
    ReasoningSpec,
    ThinkingSpec,
    by_effort,
    by_thinking,
    nearest,
    off,
    stays_on,
)

NONE = "none"
"""The effort that turns reasoning off."""


def translate_reasoning(
    request: chat.ChatRequest, family: Family, max_tokens: int | None, dropped: list[str]
) -> ReasoningSpec:
    """Translate `thinking`, or else `reasoning_effort`. `max_tokens` is the limit that the client set.

    Raises:
        InvalidRequest: the effort is not a known one, or max_tokens leaves no room for thinking.
    """
    effort = request.reasoning_effort
    if effort is not None and effort not in (NONE, *EFFORTS):
        raise InvalidRequest.at("reasoning_effort", f"expected one of {NONE}, {', '.join(EFFORTS)}, got {effort!r}")
    limit = limit_name(request)
    names: list[str] = []
    try:
        reasoning = _reasoning(request, family, max_tokens, names)
    except NoRoom as error:
        raise NoRoom(error.budget, error.limit, limit) from None
    dropped += [limit if name == "max_tokens" else name for name in names]
    return reasoning


def _reasoning(request: chat.ChatRequest, family: Family, max_tokens: int | None, dropped: list[str]) -> ReasoningSpec:
    wanted = request.reasoning_effort
    effort = nearest(wanted, family.efforts) if wanted in EFFORTS else None
    if wanted in EFFORTS and effort != wanted:
        dropped.append("reasoning_effort")
    if request.thinking is not None:
        thinking = msgspec.convert(request.thinking, ThinkingSpec, from_attributes=True)
        return by_thinking(thinking, family, max_tokens, dropped, effort=effort)
    if wanted == NONE:
        if stays_on(family):
            dropped.append("reasoning_effort")
        return off(family, max_tokens)
    if effort is None:
        return ReasoningSpec(max_tokens=max_tokens)
    return by_effort(effort, family, max_tokens, dropped)
