"""The guardrail of the simulated account, under any identifier: it blocks prompts with the word "forbidden".

https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-converse-api.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigw_extproc.simulator.converse_request import Conversation, blocks

FORBIDDEN = "forbidden"


def blocking(conversation: Conversation) -> str | None:
    """Return the identifier of the guardrail that blocks a request; None where none does."""
    identifier: str | None = conversation.get("guardrailConfig", {}).get("guardrailIdentifier")
    return identifier if identifier and _is_forbidden(conversation) else None


def trace(conversation: Conversation) -> dict[str, Any]:
    """Return the response's `trace`, with the assessment of the prompt; empty where the request asks for none."""
    config = conversation.get("guardrailConfig", {})
    if not config.get("guardrailIdentifier") or config.get("trace") not in ("enabled", "enabled_full"):
        return {}
    match = {"match": FORBIDDEN, "action": "BLOCKED", "detected": True}
    forbidden = _is_forbidden(conversation)
    assessment = {"wordPolicy": {"customWords": [match], "managedWordLists": []}} if forbidden else {}
    return {
        "trace": {
            "guardrail": {
                "inputAssessment": {config["guardrailIdentifier"]: assessment},
                "actionReason": "Guardrail blocked." if forbidden else "No action.",
            }
        }
    }


def _is_forbidden(conversation: Conversation) -> bool:
    """Return whether the guardContent blocks, or else the last user turn, have the forbidden word."""
    texts = list(_user_texts(conversation))
    last_turn = max((turn for turn, _, _ in texts), default=None)
    guarded = [text for _, text, marked in texts if marked]
    assessed = guarded or [text for turn, text, _ in texts if turn == last_turn]
    return any(FORBIDDEN in text.lower() for text in assessed)


def _user_texts(conversation: Conversation) -> Iterator[tuple[int, str, bool]]:
    """Yield the texts of the user's turns: index of the turn, text, and whether it is guardContent."""
    for turn, _, block in blocks(conversation):
        marked = block.get("guardContent", {}).get("text")
        if (marked or "text" in block) and conversation["messages"][turn]["role"] == "user":
            yield turn, (marked or block)["text"], bool(marked)
