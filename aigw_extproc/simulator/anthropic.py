"""InvokeModel for Claude: the Anthropic Messages API on Bedrock.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, assert_never

import msgspec

from aigw_extproc.simulator.anthropic_request import (
    AnyBlock,
    DocumentBlock,
    ImageBlock,
    MessagesRequest,
    SearchResultBlock,
    TextBlock,
    ToolDefinition,
    ToolReferenceBlock,
    ToolResultBlock,
    parse,
)
from aigw_extproc.simulator.converse_request import Conversation, without_cache_points
from aigw_extproc.simulator.frames import event
from aigw_extproc.simulator.invocation import Invocation
from aigw_extproc.simulator.model import input_deltas
from aigw_extproc.simulator.prompt import (
    Model,
    ModelPrompt,
    ModelReply,
    ModelTool,
    ReplyBlock,
    ReplyHiddenReasoning,
    ReplyReasoning,
    ReplyText,
    ReplyToolUse,
    asks_for_json,
    count_text,
    describe_attachment,
    describe_tool_result,
    tokens,
)
from aigw_extproc.simulator.prompt_cache import CacheUse
from aigw_extproc.simulator.script import scripted_step

UseCache = Callable[[Conversation], CacheUse | None]


def invoke(model_id: str, body: bytes, model: Model, cache: UseCache) -> Invocation:
    """Return the reply as a message. Raises Invalid."""
    request = parse(body, model_id)
    reply = model(_prompt(request, body))
    usage = _usage(reply, cache(_conversation(request)))
    message = {
        **_message(model_id, reply, usage),
        "content": [_block(block) for block in reply.content],
        "stop_reason": reply.stop_reason,
        "stop_sequence": reply.stop_sequence,
        "usage": {**usage, "output_tokens": reply.output_tokens},
    }
    return Invocation(body=message, input_tokens=reply.input_tokens, output_tokens=reply.output_tokens)


def invoke_stream(model_id: str, body: bytes, model: Model, cache: UseCache) -> Iterator[bytes]:
    """Yield Claude's stream events, each in base64 in a `chunk` frame. Raises Invalid.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html
    """
    request = parse(body, model_id)
    reply = model(_prompt(request, body))
    for data in _events(model_id, reply, _usage(reply, cache(_conversation(request)))):
        yield event("chunk", {"bytes": base64.b64encode(msgspec.json.encode(data)).decode()})


def count_tokens(model_id: str, body: bytes) -> int:
    """Return the tokens of messages, system and tools. Raises Invalid."""
    return _input_tokens(parse(body, model_id))


def _prompt(request: MessagesRequest, body: bytes) -> ModelPrompt:
    blocks = next(message.blocks for message in reversed(request.messages) if message.role != "system")
    choice = request.tool_choice
    tools = tuple(
        ModelTool(name=tool.name, schema=tool.input_schema)
        for tool in request.tools
        if choice.type != "none" and choice.name in ("", tool.name)
    )
    turns = [(message.role, _text(message.blocks)) for message in request.messages]
    return ModelPrompt(
        text=_text(blocks),
        attachments=tuple(_attachment(block) for block in blocks if isinstance(block, ImageBlock | DocumentBlock)),
        tool_results=tuple(_result_text(block) for block in blocks if isinstance(block, ToolResultBlock)),
        tools=tools,
        must_use_tool=choice.type in ("any", "tool"),
        reasoning="signed" if request.thinking.get("type") in ("enabled", "adaptive") else None,
        wants_json=asks_for_json(request.system if isinstance(request.system, str) else _text(request.system)),
        scripted=scripted_step(turns, has_tools=bool(tools)),
        max_tokens=request.max_tokens,
        stop_sequences=tuple(request.stop_sequences),
        input_tokens=_input_tokens(request),
        seed=body,
    )


def _text(blocks: Sequence[AnyBlock]) -> str:
    return " ".join(block.text for block in blocks if isinstance(block, TextBlock))


def _input_tokens(request: MessagesRequest) -> int:
    counted = without_cache_points(_conversation(request))
    return sum(count_text(value) for value in counted.values())


def _conversation(request: MessagesRequest) -> dict[str, Any]:
    """Return the prompt as the parts of a Converse request, in which marks are cachePoints: the cache's own form."""
    system = [TextBlock(text=request.system)] if isinstance(request.system, str) else request.system
    return {
        "toolConfig": {"tools": _marked(request.tools)},
        "system": _marked(block for block in system if block.text),
        "messages": [{"role": message.role, "content": _marked(message.blocks)} for message in request.messages],
    }


def _marked(blocks: Iterable[AnyBlock | ToolDefinition]) -> list[dict[str, Any]]:
    marked: list[dict[str, Any]] = []
    for block in blocks:
        fields = msgspec.to_builtins(block)
        mark = fields.pop("cache_control", None)
        marked.append({"text": block.text} if isinstance(block, TextBlock) else fields)
        if mark is not None:
            marked.append({"cachePoint": {"type": "default", "ttl": mark.get("ttl", "5m")}})
    return marked


def _usage(reply: ModelReply, cached: CacheUse | None) -> dict[str, Any]:
    """Return the usage of the input: tokens read from the cache or written to it do not count as input_tokens.

    https://platform.claude.com/docs/en/build-with-claude/prompt-caching
    """
    if cached is None:
        return {"input_tokens": reply.input_tokens}
    details = dict(cached.details)
    return {
        "input_tokens": reply.input_tokens - cached.read - cached.written,
        "cache_creation_input_tokens": cached.written,
        "cache_read_input_tokens": cached.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": details.get("5m", 0),
            "ephemeral_1h_input_tokens": details.get("1h", 0),
        },
    }


def _attachment(block: ImageBlock | DocumentBlock) -> str:
    kind = "image" if isinstance(block, ImageBlock) else "document"
    return describe_attachment(kind, block.source.media_type.rpartition("/")[2], block.source.size)


def _result_text(block: ToolResultBlock) -> str:
    parts = [TextBlock(text=block.content)] if isinstance(block.content, str) else block.content
    return describe_tool_result(map(_part_text, parts), is_error=block.is_error)


def _part_text(part: TextBlock | ImageBlock | DocumentBlock | SearchResultBlock | ToolReferenceBlock) -> str:
    match part:
        case TextBlock(text=text):
            return text
        case SearchResultBlock(content=content):
            return " ".join(block.text for block in content)
        case ToolReferenceBlock(tool_name=name):
            return f"the tool {name}"
        case _:
            return _attachment(part)


def _message(model_id: str, reply: ModelReply, usage: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": model_id,
        "id": f"msg_bdrk_{reply.key}",
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": 1},
    }


def _block(block: ReplyBlock) -> dict[str, Any]:
    match block:
        case ReplyText():
            return {"type": "text", "text": block.text}
        case ReplyReasoning():
            return {"type": "thinking", "thinking": block.text, "signature": block.signature or ""}
        case ReplyHiddenReasoning():
            return {"type": "redacted_thinking", "data": block.data}
        case ReplyToolUse():
            return {"type": "tool_use", "id": f"toolu_bdrk_{block.key}", "name": block.name, "input": block.input}
        case _:
            assert_never(block)


def _events(model_id: str, reply: ModelReply, usage: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": _message(model_id, reply, usage)}
    for index, block in enumerate(reply.content):
        yield {"type": "content_block_start", "index": index, "content_block": {**_block(block), **EMPTY[type(block)]}}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": reply.stop_reason, "stop_sequence": reply.stop_sequence},
        "usage": {"output_tokens": reply.output_tokens},
    }
    yield {
        "type": "message_stop",
        "amazon-bedrock-invocationMetrics": {
            "inputTokenCount": reply.input_tokens,
            "outputTokenCount": reply.output_tokens,
            "invocationLatency": 42,
            "firstByteLatency": 7,
        },
    }


def _deltas(block: ReplyBlock) -> list[dict[str, Any]]:
    match block:
        case ReplyText():
            return [{"type": "text_delta", "text": token} for token in tokens(block.text)]
        case ReplyReasoning():
            deltas = [{"type": "thinking_delta", "thinking": token} for token in tokens(block.text)]
            return [*deltas, {"type": "signature_delta", "signature": block.signature or ""}]
        case ReplyHiddenReasoning():
            return []
        case ReplyToolUse():
            return [{"type": "input_json_delta", "partial_json": piece} for piece in input_deltas(block)]
        case _:
            assert_never(block)


EMPTY: Mapping[type[ReplyBlock], dict[str, Any]] = MappingProxyType(
    {
        ReplyText: {"text": ""},
        ReplyReasoning: {"thinking": "", "signature": ""},
        ReplyHiddenReasoning: {},
        ReplyToolUse: {"input": {}},
    }
)
"""The fields of a block that are empty at its start. Hidden reasoning has no deltas, so its start is complete."""
