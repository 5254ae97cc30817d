"""The one guardrail of the simulated account, by whatever name: it blocks prompts that hold the word "forbidden".

https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-converse-api.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

WORD = "forbidden"


def that_blocks(body: Mapping[str, Any]) -> str | None:
    """The identifier of the guardrail that a request is stopped by; None where it goes through."""
    identifier: str | None = body.get("guardrailConfig", {}).get("guardrailIdentifier")
    return identifier if identifier and _finds(body) else None


def trace(body: Mapping[str, Any]) -> dict[str, Any]:
    """The `trace` of a response, with the assessment of the prompt, if the request asks for one; else nothing."""
    config = body.get("guardrailConfig", {})
    if not config.get("guardrailIdentifier") or config.get("trace") not in ("enabled", "enabled_full"):
        return {}
    match = {"match": WORD, "action": "BLOCKED", "detected": True}
    found = _finds(body)
    assessment = {"wordPolicy": {"customWords": [match], "managedWordLists": []}} if found else {}
    return {
        "trace": {
            "guardrail": {
                "inputAssessment": {config["guardrailIdentifier"]: assessment},
                "actionReason": "Guardrail blocked." if found else "No action.",
            }
        }
    }


def _finds(body: Mapping[str, Any]) -> bool:
    return any(WORD in text.lower() for text in _assessed(body))


def _assessed(body: Mapping[str, Any]) -> list[str]:
    """The last user turn, or only what is marked as guardContent where anything is."""
    guarded = [text for _, text, marked in _texts(body) if marked]
    turn = max((index for index, _, _ in _texts(body)), default=None)
    return guarded or [text for index, text, _ in _texts(body) if index == turn]


def _texts(body: Mapping[str, Any]) -> Iterator[tuple[int, str, bool]]:
    for index, message in enumerate(body.get("messages", ())):
        for block in message["content"] if message["role"] == "user" else ():
            marked = block.get("guardContent", {}).get("text")
            if marked or "text" in block:
                yield index, (marked or block)["text"], bool(marked)
