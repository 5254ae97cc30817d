"""Converse and ConverseStream: from a request to a prompt, from a reply to JSON or to frames."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from aigw_extproc.simulator.frames import event
from aigw_extproc.simulator.model import input_deltas
from aigw_extproc.simulator.prompt import Prompt, Reply, Text, Tool, ToolUse, count_text, tokens

LATENCY_MS = 42
ECHOED = ("performanceConfig", "serviceTier")
"""Members of a request that the response repeats."""


def prompt(body: Mapping[str, Any]) -> Prompt:
    """What the model is asked by a Converse request that has been validated."""
    content = _last_user_content(body)
    inference = body.get("inferenceConfig", {})
    tool_config = body.get("toolConfig", {})
    choice = tool_config.get("toolChoice", {})
    return Prompt(
        text=" ".join(block["text"] for block in content if "text" in block),
        attachments=tuple(_attachments(content)),
        tool_results=tuple(_result_text(block["toolResult"]) for block in content if "toolResult" in block),
        tools=_tools(tool_config, choice.get("tool", {}).get("name")),
        must_use_tool="any" in choice or "tool" in choice,
        max_tokens=inference.get("maxTokens"),
        stop_sequences=tuple(inference.get("stopSequences", ())),
        input_tokens=input_tokens(body),
        seed=msgspec.json.encode(body),
    )


def input_tokens(body: Mapping[str, Any]) -> int:
    """The tokens of messages, system and tools."""
    return sum(count_text(body[key]) for key in ("messages", "system", "toolConfig") if key in body)


def response(body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_ResponseSyntax"""
    return {
        "output": {"message": {"role": "assistant", "content": [_block(block) for block in reply.content]}},
        **_ending(body, reply),
        **_metadata(body, reply),
    }


def frames(body: Mapping[str, Any], reply: Reply) -> Iterator[bytes]:
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
    yield event("metadata", _metadata(body, reply))


def _last_user_content(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    turns = [message["content"] for message in body["messages"] if message["role"] == "user"]
    return list(turns[-1])


def _attachments(content: list[Mapping[str, Any]]) -> Iterator[str]:
    for block in content:
        for kind in ("image", "document", "video", "audio"):
            if kind in block:
                yield f"a {block[kind].get('format', 'plain')} {kind} of {_source_size(block[kind]['source'])}"


def _source_size(source: Mapping[str, Any]) -> str:
    if "s3Location" in source:
        return f"the object {source['s3Location']['uri']}"
    if "bytes" in source:
        return f"{len(base64.b64decode(source['bytes']))} bytes"
    return f"{count_text(dict(source))} words"


def _result_text(result: Mapping[str, Any]) -> str:
    said = " ".join(filter(None, map(_part_text, result["content"]))) or "nothing"
    return f"error: {said}" if result.get("status") == "error" else said


def _part_text(part: Mapping[str, Any]) -> str:
    if "text" in part:
        return str(part["text"])
    if "json" in part:
        return msgspec.json.encode(part["json"]).decode()
    return " ".join(_attachments([part]))


def _tools(tool_config: Mapping[str, Any], forced: str | None) -> tuple[Tool, ...]:
    specs = [tool["toolSpec"] for tool in tool_config.get("tools", ()) if "toolSpec" in tool]
    return tuple(
        Tool(name=spec["name"], schema=spec["inputSchema"]["json"]) for spec in specs if forced in (None, spec["name"])
    )


def _block(block: Text | ToolUse) -> dict[str, Any]:
    if isinstance(block, Text):
        return {"text": block.text}
    return {"toolUse": {"toolUseId": _tool_use_id(block), "name": block.name, "input": block.input}}


def _deltas(block: Text | ToolUse) -> list[dict[str, Any]]:
    if isinstance(block, Text):
        return [{"text": token} for token in tokens(block.text)]
    return [{"toolUse": {"input": piece}} for piece in input_deltas(block)]


def _ending(body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """Why the model stopped; by which sequence it tells only who asks for that field of its own answer."""
    asked = "/stop_sequence" in body.get("additionalModelResponseFieldPaths", ())
    fields = {"additionalModelResponseFields": {"stop_sequence": reply.stop_sequence}} if asked else {}
    return {"stopReason": reply.stop_reason, **fields}


def _metadata(body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    return {
        "usage": {
            "inputTokens": reply.input_tokens,
            "outputTokens": reply.output_tokens,
            "totalTokens": reply.input_tokens + reply.output_tokens,
        },
        "metrics": {"latencyMs": LATENCY_MS},
        **{key: body[key] for key in ECHOED if key in body},
    }


def _tool_use_id(use: ToolUse) -> str:
    return f"tooluse_{use.key}"
