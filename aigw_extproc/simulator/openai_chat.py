"""Bedrock's `/openai/v1/chat/completions`: OpenAI's API for OpenAI's models, signed with SigV4.

https://docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html
https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec

from aigw_extproc.simulator import http_messages
from aigw_extproc.simulator.http_messages import HttpResponse
from aigw_extproc.simulator.model import complete
from aigw_extproc.simulator.prompt import (
    ModelPrompt,
    ModelReply,
    ModelTool,
    ReplyText,
    ReplyToolUse,
    count_text,
    tokens,
)
from aigw_extproc.simulator.script import scripted_step

PATH = "/openai/v1/chat/completions"
MODELS = ("openai.gpt-oss-20b-1:0", "openai.gpt-oss-120b-1:0")
CREATED = 1_700_000_000

_STOP_REASONS = {"tool_use": "tool_calls", "max_tokens": "length", "guardrail_intervened": "content_filter"}


class _Part(msgspec.Struct, frozen=True):
    type: Literal["text"]
    text: str


class _FunctionCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    arguments: str


class _ToolCall(msgspec.Struct, frozen=True):
    id: str
    type: Literal["function"]
    function: _FunctionCall


class _Message(msgspec.Struct, frozen=True):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[_Part] | None = None
    tool_calls: list[_ToolCall] | None = None
    tool_call_id: str | None = None


class _Function(msgspec.Struct, frozen=True):
    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class _Tool(msgspec.Struct, frozen=True):
    type: Literal["function"]
    function: _Function


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool | None = None


_Temperature = Annotated[float, msgspec.Meta(ge=0, le=2)]
_Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)]
_Limit = Annotated[int, msgspec.Meta(ge=1)]


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: str
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)]
    max_tokens: _Limit | None = None
    max_completion_tokens: _Limit | None = None
    temperature: _Temperature | None = None
    top_p: _Probability | None = None
    presence_penalty: _Penalty | None = None
    frequency_penalty: _Penalty | None = None
    logit_bias: dict[str, int] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    n: _Limit | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: Literal["low", "medium", "high"] | None = None
    service_tier: str | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None


_REQUEST = msgspec.json.Decoder(_Request)


def respond(body: bytes) -> HttpResponse:
    """Return the response to an authentic request: JSON, server-sent events, or an error in OpenAI's format."""
    try:
        request = _REQUEST.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        return error(400, str(fault), "invalid_request_error")
    if request.model not in MODELS:
        return error(404, f"The model '{request.model}' does not exist", "not_found_error", "model_not_found")
    reply = complete(_prompt(request, body))
    common = {"id": f"chatcmpl-{reply.key}", "created": CREATED, "model": request.model}
    if not request.stream:
        return http_messages.json(
            {**common, "object": "chat.completion", "choices": [_choice(reply)], "usage": _usage(reply)}
        )
    options = request.stream_options or _StreamOptions()
    events = _events({**common, "object": "chat.completion.chunk"}, reply, usage=bool(options.include_usage))
    return http_messages.stream(map(_event, events), content_type="text/event-stream")


def error(status: int, message: str, type_: str, code: str | None = None) -> HttpResponse:
    """Return an error in OpenAI's format."""
    detail = {"message": message, "type": type_, "param": None, "code": code}
    return http_messages.buffered(msgspec.json.encode({"error": detail}), status=status)


def _prompt(request: _Request, body: bytes) -> ModelPrompt:
    last = next((m for m in reversed(request.messages) if m.role == "user"), request.messages[-1])
    results = tuple(_text(m) for m in request.messages[request.messages.index(last) :] if m.role == "tool")
    tools = tuple(ModelTool(name=t.function.name, schema=t.function.parameters or {}) for t in request.tools or ())
    turns = [(message.role, _text(message)) for message in request.messages]
    return ModelPrompt(
        text="" if results else _text(last),
        tool_results=results,
        tools=tools,
        must_use_tool=request.tool_choice == "required",
        wants_json=(request.response_format or {}).get("type") == "json_object",
        scripted=scripted_step(turns, has_tools=bool(tools)),
        max_tokens=request.max_completion_tokens or request.max_tokens,
        stop_sequences=(request.stop,) if isinstance(request.stop, str) else tuple(request.stop or ()),
        input_tokens=count_text([_text(message) for message in request.messages]),
        seed=body,
    )


def _text(message: _Message) -> str:
    content = message.content or ""
    return content if isinstance(content, str) else "".join(part.text for part in content)


def _reply_text(reply: ModelReply) -> str:
    return "".join(block.text for block in reply.content if isinstance(block, ReplyText))


def _calls(reply: ModelReply) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{use.key}",
            "type": "function",
            "function": {"name": use.name, "arguments": msgspec.json.encode(use.input).decode()},
        }
        for use in reply.content
        if isinstance(use, ReplyToolUse)
    ]


def _choice(reply: ModelReply) -> dict[str, Any]:
    calls = _calls(reply)
    message = {"role": "assistant", "content": _reply_text(reply) or None, **({"tool_calls": calls} if calls else {})}
    return {"index": 0, "message": message, "finish_reason": _finish_reason(reply)}


def _finish_reason(reply: ModelReply) -> str:
    return _STOP_REASONS.get(reply.stop_reason, "stop")


def _usage(reply: ModelReply) -> dict[str, int]:
    prompt, completion = reply.input_tokens, reply.output_tokens
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _events(common: Mapping[str, Any], reply: ModelReply, *, usage: bool) -> Iterator[object]:
    deltas: list[dict[str, Any]] = [
        {"role": "assistant"},
        *({"content": token} for token in tokens(_reply_text(reply))),
    ]
    deltas += [{"tool_calls": [{"index": index, **call}]} for index, call in enumerate(_calls(reply))]
    for delta in deltas:
        yield {**common, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**common, "choices": [{"index": 0, "delta": {}, "finish_reason": _finish_reason(reply)}]}
    if usage:
        yield {**common, "choices": [], "usage": _usage(reply)}
    yield None


def _event(event: object) -> bytes:
    return b"data: %b\n\n" % (b"[DONE]" if event is None else msgspec.json.encode(event))
