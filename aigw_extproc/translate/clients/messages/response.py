"""Complete Converse response → Anthropic's message.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, "Response Syntax"
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from aigw_extproc.anthropic import message
from aigw_extproc.bedrock.converse import ContentBlock, ConverseResponse, ImageBlock, ReasoningContent, TokenUsage
from aigw_extproc.translate.anthropic.citations import citation
from aigw_extproc.translate.contract import ClientResponse, ResponseContext
from aigw_extproc.translate.converse.response import output_blocks, require_sound, translate_usage
from aigw_extproc.translate.converse.response_images import media_type
from aigw_extproc.translate.converse.tool_names import ToolNames

STOP_REASONS = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "model_context_window_exceeded": "model_context_window_exceeded",
    "content_filtered": "refusal",
    "guardrail_intervened": "refusal",
}
"""By Bedrock's stop reason; any other is an `end_turn`."""


class _ModelFields(msgspec.Struct, frozen=True):
    stop_sequence: str | None = None


_MODEL_FIELDS = msgspec.json.Decoder(_ModelFields)
_encode = msgspec.json.Encoder().encode


def translate_response(
    response: ConverseResponse, context: ResponseContext, *, model: str, names: ToolNames
) -> ClientResponse:
    """Translate a response.

    Raises:
        InvalidUpstreamResponse: Bedrock reports that the output is malformed.
    """
    content = [translated for block in output_blocks(response) for translated in _blocks(block, names)]
    answer = message.Message(
        id=message_id(context),
        model=model,
        content=content,
        stop_reason=stop_reason(response.stop_reason),
        stop_sequence=stop_sequence(response.additional_model_response_fields),
        usage=message_usage(response.usage),
    )
    return ClientResponse(body=_encode(answer), usage=translate_usage(response))


def message_id(context: ResponseContext) -> str:
    """Return the message's id, made of the request's: Bedrock's messages have none."""
    return f"msg_{context.request_id}"


def stop_reason(reason: str | None) -> str:
    """Return Anthropic's stop reason for Bedrock's.

    Raises:
        InvalidUpstreamResponse: Bedrock reports that the output is malformed.
    """
    require_sound(reason)
    return STOP_REASONS.get(reason or "", "end_turn")


def stop_sequence(fields: msgspec.Raw) -> str | None:
    """Return the stop sequence among the model's own response fields; None if it is not there."""
    try:
        return _MODEL_FIELDS.decode(fields).stop_sequence
    except msgspec.MsgspecError:
        return None


def message_usage(usage: TokenUsage | None) -> message.Usage:
    """Translate the usage; Bedrock counts as Anthropic does."""
    usage = usage or TokenUsage()
    return message.Usage(
        input_tokens=usage.input_tokens,
        cache_creation_input_tokens=usage.cache_write_input_tokens or 0,
        cache_read_input_tokens=usage.cache_read_input_tokens or 0,
        cache_creation=_cache_creation(usage),
        output_tokens=usage.output_tokens,
    )


def _cache_creation(usage: TokenUsage) -> message.CacheCreation | msgspec.UnsetType:
    """Return how long the written tokens are kept, if Bedrock reports it: five minutes, unless for an hour."""
    if usage.cache_details is None:
        return msgspec.UNSET
    long = usage.written_for("1h")
    return message.CacheCreation(
        ephemeral_5m_input_tokens=(usage.cache_write_input_tokens or 0) - long, ephemeral_1h_input_tokens=long
    )


def _blocks(block: ContentBlock, names: ToolNames) -> Iterator[message.Block]:
    if block.text:
        yield message.Text(text=block.text)
    if block.citations_content is not None:
        text = "".join(part.text for part in block.citations_content.content)
        citations = [cited for raw in block.citations_content.citations if (cited := citation(raw))]
        if text:
            yield message.Text(text=text, citations=citations or msgspec.UNSET)
    if block.tool_use is not None:
        use = block.tool_use
        arguments = use.input if bytes(use.input) else msgspec.Raw(b"{}")
        yield message.ToolUse(id=use.tool_use_id, name=names.to_client(use.name), input=arguments)
    if block.reasoning_content is not None:
        yield from _thinking(block.reasoning_content)
    if block.image is not None:
        yield image_of(block.image)


def image_of(image: ImageBlock) -> message.Image:
    """Return the block of an image."""
    return message.Image(source=message.Base64Source(media_type=media_type(image), data=image.source.bytes or ""))


def _thinking(reasoning: ReasoningContent) -> Iterator[message.Block]:
    if reasoning.redacted_content:
        yield message.RedactedThinking(data=reasoning.redacted_content)
    text = reasoning.reasoning_text
    if text is not None and (text.text or text.signature):
        yield message.Thinking(thinking=text.text, signature=text.signature or "")
