"""InvokeModel with Claude's own bodies: the Anthropic Messages API as Bedrock has it.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec

from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.simulator.frames import event
from aigw_extproc.simulator.model import input_deltas
from aigw_extproc.simulator.prompt import Model, Prompt, Reply, Text, Tool, ToolUse, count_text, tokens


class Message(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One turn; a string stands for one text block."""

    role: Literal["user", "assistant"]
    content: str | list[dict[str, Any]]

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """The content as blocks."""
        return [{"type": "text", "text": self.content}] if isinstance(self.content, str) else self.content


class MessagesRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body. `model` and `stream` are not among its fields: on Bedrock they are in the path."""

    anthropic_version: Literal["bedrock-2023-05-31"]
    max_tokens: Annotated[int, msgspec.Meta(ge=1)]
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    anthropic_beta: list[str] = []
    context_management: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    output_config: dict[str, Any] | None = None
    stop_sequences: list[str] = []
    system: str | list[dict[str, Any]] = ""
    temperature: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    thinking: dict[str, Any] | None = None
    tool_choice: dict[str, Any] = {}
    tools: list[dict[str, Any]] = []
    top_k: Annotated[int, msgspec.Meta(ge=0)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


def invoke(model_id: str, body: bytes, model: Model) -> dict[str, Any]:
    """The message in one piece. Raises Invalid."""
    reply = model(_prompt(_parse(body)))
    return {
        **_message(model_id, reply),
        "content": [_block(block) for block in reply.content],
        "stop_reason": reply.stop_reason,
        "stop_sequence": reply.stop_sequence,
        "usage": {"input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens},
    }


def invoke_stream(model_id: str, body: bytes, model: Model) -> Iterator[bytes]:
    """Claude's own stream events, each wrapped as base64 in a `chunk` frame. Raises Invalid.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html
    """
    for data in _events(model_id, model(_prompt(_parse(body)))):
        yield event("chunk", {"bytes": base64.b64encode(msgspec.json.encode(data)).decode()})


def count_tokens(body: bytes) -> int:
    """The tokens of messages, system and tools. Raises Invalid."""
    return _input_tokens(_parse(body))


def _parse(body: bytes) -> MessagesRequest:
    try:
        request = msgspec.json.decode(body, type=MessagesRequest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(f"Malformed input request: {error}, please reformat your input and try again.") from None
    _check(request)
    return request


def _prompt(request: MessagesRequest) -> Prompt:
    blocks = request.messages[-1].blocks
    choice = request.tool_choice
    return Prompt(
        text=" ".join(block["text"] for block in blocks if block["type"] == "text"),
        attachments=tuple(_attachment(block) for block in blocks if block["type"] in ("image", "document")),
        tool_results=tuple(_result_text(block) for block in blocks if block["type"] == "tool_result"),
        tools=tuple(
            Tool(name=tool["name"], schema=tool.get("input_schema", {}))
            for tool in request.tools
            if choice.get("type") != "none" and choice.get("name") in (None, tool["name"])
        ),
        must_use_tool=choice.get("type") in ("any", "tool"),
        max_tokens=request.max_tokens,
        stop_sequences=tuple(request.stop_sequences),
        input_tokens=_input_tokens(request),
        seed=msgspec.json.encode(request),
    )


def _input_tokens(request: MessagesRequest) -> int:
    return sum(count_text(msgspec.to_builtins(value)) for value in (request.messages, request.system, request.tools))


def _check(request: MessagesRequest) -> None:
    if request.messages[0].role != "user":
        raise Invalid("messages: first message must use the user role")
    for i, message in enumerate(request.messages):
        for j, block in enumerate(message.blocks):
            if block.get("type") == "text" and not str(block.get("text", "")).strip():
                raise Invalid(f"messages.{i}.content.{j}: text content blocks must contain non-whitespace text")
            if "type" not in block:
                raise Invalid(f"messages.{i}.content.{j}.type: Field required")


def _attachment(block: dict[str, Any]) -> str:
    source = block.get("source", {})
    data = base64.b64decode(source.get("data", "")) if source.get("type") == "base64" else b""
    return f"a {source.get('media_type', 'plain').rpartition('/')[2]} {block['type']} of {len(data)} bytes"


def _result_text(block: dict[str, Any]) -> str:
    content = block.get("content", "")
    said = content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)
    return f"error: {said}" if block.get("is_error") else said


def _message(model_id: str, reply: Reply) -> dict[str, Any]:
    return {
        "model": model_id,
        "id": f"msg_bdrk_{reply.key}",
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": reply.input_tokens, "output_tokens": 1},
    }


def _block(block: Text | ToolUse) -> dict[str, Any]:
    if isinstance(block, Text):
        return {"type": "text", "text": block.text}
    return {"type": "tool_use", "id": f"toolu_bdrk_{block.key}", "name": block.name, "input": block.input}


def _events(model_id: str, reply: Reply) -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": _message(model_id, reply)}
    for index, block in enumerate(reply.content):
        empty: dict[str, Any] = {"text": ""} if isinstance(block, Text) else {"input": {}}
        yield {"type": "content_block_start", "index": index, "content_block": {**_block(block), **empty}}
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


def _deltas(block: Text | ToolUse) -> list[dict[str, Any]]:
    if isinstance(block, Text):
        return [{"type": "text_delta", "text": token} for token in tokens(block.text)]
    return [{"type": "input_json_delta", "partial_json": piece} for piece in input_deltas(block)]
