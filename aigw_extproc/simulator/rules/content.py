"""Kinds of content that not every family supports, or not everywhere.

https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from aigw_extproc.simulator.capabilities import MEDIA
from aigw_extproc.simulator.converse_request import Message, blocks, media, messages, tool_use_ids
from aigw_extproc.simulator.rules.problems import MODEL_ERRORS, ModelRequest, Problems, unsupported

KINDS: Mapping[str, str] = MappingProxyType({kind: kind for kind in ("text", *MEDIA)} | {"guardContent": "text"})
"""Blocks of content; cache points, tool uses and tool results are none."""


def media_are_supported(request: ModelRequest) -> Problems:
    """The family supports the media in messages."""
    for _, _, block in blocks(request.conversation):
        for kind in (block.keys() & MEDIA) - request.family.media:
            yield (
                f"This model doesn't support the {kind} content block that you provided. Update the content block and"
                " try again."
            )


def s3_is_supported(request: ModelRequest) -> Problems:
    """Media are in S3 only where the family supports that."""
    if request.family.s3:
        return
    for kind in MEDIA:
        for _, block in media(request.conversation, kind):
            if "s3Location" in block["source"]:
                yield unsupported("s3Uri")


def blocks_beside_results_are_supported(request: ModelRequest) -> Problems:
    """A turn with tool results has only the content that the family supports beside them."""
    for index, message in messages(request.conversation):
        results, kinds = tool_use_ids(message, "toolResult"), _kinds(message)
        if not results or kinds <= request.family.beside_results:
            continue
        if request.is_claude:
            yield (
                f"{MODEL_ERRORS} messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately"
                f" after: {', '.join(results)}. Each `tool_use` block must have a corresponding `tool_result` block in"
                " the next message."
            )
        else:
            yield _mixed(index, "result")


def blocks_beside_uses_are_supported(request: ModelRequest) -> Problems:
    """A turn with tool uses has content only if the family supports it beside them."""
    for index, message in messages(request.conversation):
        if tool_use_ids(message, "toolUse") and _kinds(message) and not request.family.text_beside_uses:
            yield _mixed(index, "use")


def result_content_is_supported(request: ModelRequest) -> Problems:
    """Tool results have only the content that the family supports in them."""
    for place, kind, part in _result_parts(request):
        if kind in request.family.in_results or part.get("format") in request.family.in_results:
            continue
        if request.family.provider == "amazon":
            yield (
                f"{MODEL_ERRORS} Malformed input request: #/{place}: extraneous key [toolResult] is not permitted,"
                " please reformat your input and try again."
            )
        else:
            yield unsupported(kind, " for user messages")


def result_status_is_supported(request: ModelRequest) -> Problems:
    """Tool results have a `status` only if the family supports it."""
    statuses = ("status" in block.get("toolResult", {}) for _, _, block in blocks(request.conversation))
    if any(statuses) and not request.family.result_status:
        yield unsupported("status")


def _mixed(index: int, noun: str) -> str:
    return f"messages.{index}.content: Conversation blocks and tool {noun} blocks cannot be provided in the same turn."


def _kinds(message: Message) -> frozenset[str]:
    return frozenset(KINDS[kind] for block in message["content"] for kind in block if kind in KINDS)


def _result_parts(request: ModelRequest) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the media in tool results: path of the toolResult, kind and block."""
    for i, j, block in blocks(request.conversation):
        for part in block.get("toolResult", {}).get("content", ()):
            for kind in part.keys() & MEDIA:
                yield f"messages/{i}/content/{j}", kind, part[kind]
