"""Responses of Converse and ConverseStream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

from aigw_extproc.simulator import guardrail
from aigw_extproc.simulator.converse_request import Conversation
from aigw_extproc.simulator.frames import event
from aigw_extproc.simulator.model import input_deltas
from aigw_extproc.simulator.prompt import (
    CitedDocument,
    ModelReply,
    ReplyBlock,
    ReplyHiddenReasoning,
    ReplyReasoning,
    ReplyText,
    ReplyToolUse,
    tokens,
)
from aigw_extproc.simulator.prompt_cache import CacheUse

LATENCY_MS = 42
ECHOED = ("performanceConfig", "serviceTier")
"""Members of the request that the response repeats."""


def response(request: Conversation, reply: ModelReply, cached: CacheUse | None) -> dict[str, Any]:
    """Return the response of Converse.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_ResponseSyntax
    """
    return {
        "output": {"message": {"role": "assistant", "content": [_block(block) for block in reply.content]}},
        **_ending(request, reply),
        **_metadata(request, reply, cached),
    }


def frames(request: Conversation, reply: ModelReply, cached: CacheUse | None) -> Iterator[bytes]:
    """Yield the frames of ConverseStream. Only tool blocks have a contentBlockStart, as on Bedrock.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
    """
    yield event("messageStart", {"role": "assistant"})
    for index, block in enumerate(reply.content):
        if isinstance(block, ReplyToolUse):
            start = {"toolUse": {"toolUseId": _tool_use_id(block), "name": block.name}}
            yield event("contentBlockStart", {"start": start, "contentBlockIndex": index})
        for delta in _deltas(block):
            yield event("contentBlockDelta", {"delta": delta, "contentBlockIndex": index})
        yield event("contentBlockStop", {"contentBlockIndex": index})
    yield event("messageStop", _ending(request, reply))
    yield event("metadata", _metadata(request, reply, cached))


def _block(block: ReplyBlock) -> dict[str, Any]:
    match block:
        case ReplyText(cited=()):
            return {"text": block.text}
        case ReplyText():
            citations = [_citation(document) for document in block.cited]
            return {"citationsContent": {"content": [{"text": block.text}], "citations": citations}}
        case ReplyReasoning():
            signed = {} if block.signature is None else {"signature": block.signature}
            return {"reasoningContent": {"reasoningText": {"text": block.text, **signed}}}
        case ReplyHiddenReasoning():
            return {"reasoningContent": {"redactedContent": block.data}}
        case ReplyToolUse():
            return {"toolUse": {"toolUseId": _tool_use_id(block), "name": block.name, "input": block.input}}
        case _:
            assert_never(block)


def _deltas(block: ReplyBlock) -> list[dict[str, Any]]:
    match block:
        case ReplyText():
            texts = [{"text": token} for token in tokens(block.text)]
            return [*texts, *({"citation": _citation(document)} for document in block.cited)]
        case ReplyReasoning():
            pieces = [{"text": token} for token in tokens(block.text)]
            signed = [] if block.signature is None else [{"signature": block.signature}]
            return [{"reasoningContent": piece} for piece in (*pieces, *signed)]
        case ReplyHiddenReasoning():
            return [{"reasoningContent": {"redactedContent": block.data}}]
        case ReplyToolUse():
            return [{"toolUse": {"input": piece}} for piece in input_deltas(block)]
        case _:
            assert_never(block)


# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Citation.html
def _citation(document: CitedDocument) -> dict[str, Any]:
    return {
        "title": document.title,
        "sourceContent": [{"text": document.excerpt}],
        "location": {"documentChar": {"documentIndex": document.index, "start": 0, "end": len(document.excerpt)}},
    }


def _ending(request: Conversation, reply: ModelReply) -> dict[str, Any]:
    """Return the stop reason, and the fields of the model's own response that the request asks for."""
    usage = {"input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens}
    own = {"stop_reason": reply.stop_reason, "stop_sequence": reply.stop_sequence, "usage": usage}
    fields: dict[str, Any] = {}
    for path in request.get("additionalModelResponseFieldPaths", ()):
        _copy(own, fields, path.split("/")[1:])
    return {"stopReason": reply.stop_reason, **({"additionalModelResponseFields": fields} if fields else {})}


def _copy(source: dict[str, Any], target: dict[str, Any], path: list[str]) -> None:
    """Copy the value at a JSON pointer, if there is one, to the same place."""
    name, *rest = path
    if name not in source:
        return
    if not rest:
        target[name] = source[name]
    elif isinstance(source[name], dict) and rest[0] in source[name]:
        _copy(source[name], target.setdefault(name, {}), rest)


def _metadata(request: Conversation, reply: ModelReply, cached: CacheUse | None) -> dict[str, Any]:
    return {
        "usage": _usage(reply, cached),
        "metrics": {"latencyMs": LATENCY_MS},
        **guardrail.trace(request),
        **{key: request[key] for key in ECHOED if key in request},
    }


def _usage(reply: ModelReply, cached: CacheUse | None) -> dict[str, Any]:
    """Return the usage. Tokens read from the cache or written to it do not count as inputTokens.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
    """
    total = reply.input_tokens + reply.output_tokens
    if cached is None:
        return {"inputTokens": reply.input_tokens, "outputTokens": reply.output_tokens, "totalTokens": total}
    return {
        "inputTokens": reply.input_tokens - cached.read - cached.written,
        "outputTokens": reply.output_tokens,
        "totalTokens": total,
        "cacheReadInputTokens": cached.read,
        "cacheWriteInputTokens": cached.written,
        "cacheDetails": [{"ttl": ttl, "inputTokens": count} for ttl, count in cached.details],
    }


def _tool_use_id(use: ReplyToolUse) -> str:
    return f"tooluse_{use.key}"
