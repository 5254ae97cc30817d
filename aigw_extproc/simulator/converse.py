"""Converse and ConverseStream: from a reply to JSON or to frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aigw_extproc.simulator import guardrail
from aigw_extproc.simulator.frames import event
from aigw_extproc.simulator.model import input_deltas
from aigw_extproc.simulator.prompt import Block, HiddenThought, Reply, Source, Text, Thought, ToolUse, tokens
from aigw_extproc.simulator.prompt_cache import CacheUse

LATENCY_MS = 42
ECHOED = ("performanceConfig", "serviceTier")
"""Members of a request that the response repeats."""


def response(body: Mapping[str, Any], reply: Reply, cached: CacheUse | None) -> dict[str, Any]:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_ResponseSyntax"""
    return {
        "output": {"message": {"role": "assistant", "content": [_block(block) for block in reply.content]}},
        **_ending(body, reply),
        **_metadata(body, reply, cached),
    }


def frames(body: Mapping[str, Any], reply: Reply, cached: CacheUse | None) -> Iterator[bytes]:
    """The stream of a reply. Text blocks have no contentBlockStart: only tool blocks need one to be told apart.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
    """
    yield event("messageStart", {"role": "assistant"})
    for index, block in enumerate(reply.content):
        if isinstance(block, ToolUse):
            start = {"toolUse": {"toolUseId": _tool_use_id(block), "name": block.name}}
            yield event("contentBlockStart", {"start": start, "contentBlockIndex": index})
        for delta in _deltas(block):
            yield event("contentBlockDelta", {"delta": delta, "contentBlockIndex": index})
        yield event("contentBlockStop", {"contentBlockIndex": index})
    yield event("messageStop", _ending(body, reply))
    yield event("metadata", _metadata(body, reply, cached))


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Text(cited=()):
            return {"text": block.text}
        case Text():
            citations = [_citation(source) for source in block.cited]
            return {"citationsContent": {"content": [{"text": block.text}], "citations": citations}}
        case Thought():
            signed = {} if block.signature is None else {"signature": block.signature}
            return {"reasoningContent": {"reasoningText": {"text": block.text, **signed}}}
        case HiddenThought():
            return {"reasoningContent": {"redactedContent": block.data}}
        case ToolUse():
            return {"toolUse": {"toolUseId": _tool_use_id(block), "name": block.name, "input": block.input}}


def _deltas(block: Block) -> list[dict[str, Any]]:
    match block:
        case Text():
            said = [{"text": token} for token in tokens(block.text)]
            return [*said, *({"citation": _citation(source)} for source in block.cited)]
        case Thought():
            pieces = [{"text": token} for token in tokens(block.text)]
            signed = [] if block.signature is None else [{"signature": block.signature}]
            return [{"reasoningContent": piece} for piece in (*pieces, *signed)]
        case HiddenThought():
            return [{"reasoningContent": {"redactedContent": block.data}}]
        case ToolUse():
            return [{"toolUse": {"input": piece}} for piece in input_deltas(block)]


def _citation(source: Source) -> dict[str, Any]:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Citation.html"""
    place = {"documentIndex": source.index, "start": 0, "end": len(source.quoted)}
    return {
        "title": source.title,
        "sourceContent": [{"text": source.quoted}],
        "location": {"documentChar": place},
    }


def _ending(body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """Why the model stopped, and those fields of its own answer that the request asks for."""
    usage = {"input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens}
    own = {"stop_reason": reply.stop_reason, "stop_sequence": reply.stop_sequence, "usage": usage}
    fields: dict[str, Any] = {}
    for path in body.get("additionalModelResponseFieldPaths", ()):
        _copy(own, fields, path.split("/")[1:])
    return {"stopReason": reply.stop_reason, **({"additionalModelResponseFields": fields} if fields else {})}


def _copy(source: dict[str, Any], target: dict[str, Any], path: list[str]) -> None:
    """Copies what a JSON pointer points to, to the same place. What is not there is left out."""
    name, *rest = path
    if name not in source:
        return
    if not rest:
        target[name] = source[name]
    elif isinstance(source[name], dict) and rest[0] in source[name]:
        _copy(source[name], target.setdefault(name, {}), rest)


def _metadata(body: Mapping[str, Any], reply: Reply, cached: CacheUse | None) -> dict[str, Any]:
    return {
        "usage": _usage(reply, cached),
        "metrics": {"latencyMs": LATENCY_MS},
        **guardrail.trace(body),
        **{key: body[key] for key in ECHOED if key in body},
    }


def _usage(reply: Reply, cached: CacheUse | None) -> dict[str, Any]:
    """What was read from the cache or written to it counts apart from the rest of the input.

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


def _tool_use_id(use: ToolUse) -> str:
    return f"tooluse_{use.key}"
