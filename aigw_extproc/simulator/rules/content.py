"""Kinds of content that not every family takes, or not everywhere.

https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from aigw_extproc.simulator.capabilities import MEDIA
from aigw_extproc.simulator.rules.conversation import (
    MODEL_ERRORS,
    Asked,
    Message,
    Problems,
    blocks,
    ids,
    media,
    messages,
    unsupported,
)

KINDS: Mapping[str, str] = MappingProxyType({kind: kind for kind in ("text", *MEDIA)} | {"guardContent": "text"})
"""Blocks of the conversation proper; marks, tool uses and results are none."""


def media_are_known(asked: Asked) -> Problems:
    """The family sees, or hears, what it is shown."""
    for _, _, block in blocks(asked.conversation):
        for kind in (block.keys() & MEDIA) - asked.family.media:
            yield (
                f"This model doesn't support the {kind} content block that you provided. Update the content block and"
                " try again."
            )


def media_are_within_reach(asked: Asked) -> Problems:
    """The family can read from S3."""
    if asked.family.s3:
        return
    for kind in MEDIA:
        for _, block in media(asked.conversation, kind):
            if "s3Location" in block["source"]:
                yield unsupported("s3Uri")


def results_stand_alone(asked: Asked) -> Problems:
    """Beside tool results stands only what the family takes there."""
    for index, message in messages(asked.conversation):
        results, kinds = ids(message, "toolResult"), _kinds(message)
        if not results or kinds <= asked.family.beside_results:
            continue
        if asked.is_claude:
            yield (
                f"{MODEL_ERRORS} messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately"
                f" after: {', '.join(results)}. Each `tool_use` block must have a corresponding `tool_result` block in"
                " the next message."
            )
        else:
            yield _mixed(index, "result")


def uses_stand_alone(asked: Asked) -> Problems:
    """Likewise beside tool uses."""
    for index, message in messages(asked.conversation):
        if ids(message, "toolUse") and _kinds(message) and not asked.family.text_beside_uses:
            yield _mixed(index, "use")


def results_hold_what_is_known(asked: Asked) -> Problems:
    """Tools answer with what the family takes from them."""
    for place, kind, part in _result_parts(asked):
        if kind in asked.family.in_results or part.get("format") in asked.family.in_results:
            continue
        if asked.family.provider == "amazon":
            yield (
                f"{MODEL_ERRORS} Malformed input request: #/{place}: extraneous key [toolResult] is not permitted,"
                " please reformat your input and try again."
            )
        else:
            yield unsupported(kind, " for user messages")


def results_have_a_known_status(asked: Asked) -> Problems:
    """`status` is for families that know it."""
    statuses = ("status" in block.get("toolResult", {}) for _, _, block in blocks(asked.conversation))
    if any(statuses) and not asked.family.result_status:
        yield unsupported("status")


def _mixed(index: int, what: str) -> str:
    return f"messages.{index}.content: Conversation blocks and tool {what} blocks cannot be provided in the same turn."


def _kinds(message: Message) -> frozenset[str]:
    return frozenset(KINDS[kind] for block in message["content"] for kind in block if kind in KINDS)


def _result_parts(asked: Asked) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The media that tools answered, each with the place of its toolResult and its kind."""
    for i, j, block in blocks(asked.conversation):
        for part in block.get("toolResult", {}).get("content", ()):
            for kind in part.keys() & MEDIA:
                yield f"messages/{i}/content/{j}", kind, part[kind]
