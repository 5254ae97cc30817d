"""Facts about Converse's responses.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, "Response Syntax"
"""

from __future__ import annotations

import msgspec

from aigw_extproc.bedrock.converse import SERVER_TOOL_USE, ContentBlock, ConverseResponse
from aigw_extproc.bedrock.converse_stream import Metadata
from aigw_extproc.errors import InvalidUpstreamResponse
from aigw_extproc.translate.contract import TokenCounts
from aigw_extproc.translate.converse.response_images import shown
from aigw_extproc.wire import given

MALFORMED = "malformed_"
"""The prefix of stop reasons that report malformed output."""


class _Router(msgspec.Struct, frozen=True, rename="camel"):
    invoked_model_id: str = ""


class _Trace(msgspec.Struct, frozen=True, rename="camel"):
    prompt_router: _Router = _Router()


_TRACE = msgspec.json.Decoder(_Trace)


def translate_usage(answer: ConverseResponse | Metadata) -> TokenCounts:
    """Count tokens as OpenAI does: Bedrock's inputTokens leaves out what the cache read and wrote."""
    usage, latency = answer.usage, answer.metrics.latency_ms if answer.metrics else None
    if usage is None:
        return TokenCounts(latency_ms=latency)
    cached, created = usage.cache_read_input_tokens or 0, usage.cache_write_input_tokens or 0
    total_input = usage.input_tokens + cached + created
    return TokenCounts(
        input_tokens=total_input,
        output_tokens=usage.output_tokens,
        total_tokens=total_input + usage.output_tokens,
        cached_input_tokens=cached,
        cache_creation_input_tokens=created,
        long_cache_creation_input_tokens=usage.written_for("1h"),
        service_tier=answer.service_tier.type if answer.service_tier is not None else "",
        invoked_model=_invoked_model(answer.trace),
        latency_ms=latency,
    )


def _invoked_model(trace: msgspec.Raw) -> str:
    """Return the model that a prompt router has chosen, without the ARN around its id.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PromptRouterTrace.html
    """
    if b"promptRouter" not in bytes(trace):
        return ""
    try:
        return _TRACE.decode(trace).prompt_router.invoked_model_id.rpartition("/")[2]
    except msgspec.MsgspecError:
        return ""


def output_blocks(response: ConverseResponse) -> list[ContentBlock]:
    """Return the content of a response, without calls of tools that Bedrock runs itself."""
    blocks = response.output.message.content if response.output and response.output.message else []
    return [shown(block) for block in blocks if block.tool_use is None or block.tool_use.type != SERVER_TOOL_USE]


def require_sound(stop_reason: str | None) -> None:
    """Check that the output can be used.

    Raises:
        InvalidUpstreamResponse: Bedrock reports that it is malformed.
    """
    if stop_reason and stop_reason.startswith(MALFORMED):
        raise InvalidUpstreamResponse(f"the model's output is malformed ({stop_reason})", code=stop_reason)


def compact(value: msgspec.Raw) -> str:
    """Return JSON without white space; absent JSON is the empty object."""
    return msgspec.json.format(bytes(given(value) or b"{}"), indent=-1).decode()
