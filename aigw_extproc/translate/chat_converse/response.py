"""Converse response → chat completion.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, "Response Syntax"
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aigw_extproc.bedrock import converse
from aigw_extproc.errors import InvalidUpstreamResponse
from aigw_extproc.openai import chat
from aigw_extproc.translate.chat_converse.tool_names import ToolNames
from aigw_extproc.translate.contract import ClientResponse, ResponseContext, Usage

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
"""By Bedrock's stop reason. Anything else that Bedrock says is a `stop`, told beside it in its own words."""
MALFORMED = frozenset({"malformed_model_output", "malformed_tool_use"})
"""Stop reasons that say that the model's output is of no use."""

_encode = msgspec.json.Encoder().encode


def translate_response(body: bytes, context: ResponseContext, *, model: str, names: ToolNames) -> ClientResponse:
    """Translates the body of a 200 from Converse.

    Raises:
        InvalidUpstreamResponse: it is not a Converse response, or has no output.
    """
    response = _decode(body)
    if response.output is None or response.output.message is None:
        raise InvalidUpstreamResponse(
            f"Bedrock answered without an output (stop reason {response.stop_reason or 'unknown'})"
        )
    blocks = response.output.message.content
    calls = [_tool_call(block.tool_use, names) for block in blocks if block.tool_use is not None]
    reason = finish_reason(response.stop_reason, has_tool_calls=bool(calls))
    usage = translate_usage(response.usage)
    completion = chat.ChatCompletion(
        id=f"chatcmpl-{context.request_id}",
        created=context.created,
        model=model,
        choices=[chat.Choice(message=_message(blocks, calls), finish_reason=reason)],
        usage=completion_usage(usage),
        service_tier=response.service_tier.type if response.service_tier else msgspec.UNSET,
        stop_reason=unmapped_stop_reason(response.stop_reason),
    )
    return ClientResponse(body=_encode(completion), usage=usage)


def finish_reason(stop_reason: str | None, *, has_tool_calls: bool) -> str:
    """OpenAI's word for Bedrock's stop reason.

    Raises:
        InvalidUpstreamResponse: Bedrock says that the model's output is malformed.
    """
    if stop_reason in MALFORMED:
        raise InvalidUpstreamResponse(f"the model's output is malformed ({stop_reason})", code=stop_reason)
    if has_tool_calls:
        return "tool_calls"
    return FINISH_REASONS.get(stop_reason or "", "stop")


def unmapped_stop_reason(stop_reason: str | None) -> str | msgspec.UnsetType:
    """Bedrock's own word, when OpenAI has none for it."""
    return stop_reason if stop_reason and stop_reason not in FINISH_REASONS else msgspec.UNSET


def translate_usage(usage: converse.TokenUsage | None) -> Usage:
    """Tokens as OpenAI counts them; Bedrock's inputTokens leaves out what the cache read and wrote."""
    if usage is None:
        return Usage()
    cached, created = usage.cache_read_input_tokens or 0, usage.cache_write_input_tokens or 0
    total_input = usage.input_tokens + cached + created
    return Usage(
        input_tokens=total_input,
        output_tokens=usage.output_tokens,
        total_tokens=total_input + usage.output_tokens,
        cached_input_tokens=cached,
        cache_creation_input_tokens=created,
    )


def completion_usage(usage: Usage) -> chat.CompletionUsage:
    """The `usage` of a completion."""
    return chat.CompletionUsage(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
        prompt_tokens_details=chat.PromptTokensDetails(
            cached_tokens=usage.cached_input_tokens, cache_creation_tokens=usage.cache_creation_input_tokens
        ),
    )


def _decode(body: bytes) -> converse.ConverseResponse:
    try:
        return converse.RESPONSE.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise InvalidUpstreamResponse("the upstream answered 200 with a body that is not a Converse response") from None


def _message(blocks: Sequence[converse.ContentBlock], calls: list[chat.ResponseToolCall]) -> chat.ResponseMessage:
    text = "".join(block.text for block in blocks if block.text is not None)
    return chat.ResponseMessage(content=text or (None if calls else ""), tool_calls=calls or msgspec.UNSET)


def _tool_call(block: converse.ToolUseBlock, names: ToolNames) -> chat.ResponseToolCall:
    arguments = msgspec.json.format(bytes(block.input) or b"{}", indent=-1).decode()
    function = chat.FunctionCall(name=names.to_client(block.name), arguments=arguments)
    return chat.ResponseToolCall(id=block.tool_use_id, function=function)
