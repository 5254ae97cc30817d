"""Complete Converse response → chat completion.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, "Response Syntax"
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from aigw_extproc.bedrock import converse
from aigw_extproc.bedrock.converse import ConverseResponse
from aigw_extproc.openai import completion
from aigw_extproc.openai.completion import ABSENT
from aigw_extproc.translate.clients.chat import text_input
from aigw_extproc.translate.contract import ClientResponse, ResponseContext, TokenCounts
from aigw_extproc.translate.converse.response import compact, output_blocks, require_sound, translate_usage
from aigw_extproc.translate.converse.response_images import data_url
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.openai.citations import annotation
from aigw_extproc.wire import given

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
"""By Bedrock's stop reason. Any other is a `stop`, and is reported in `aws.stopReason` too."""
CUT_SHORT = frozenset({"length", "content_filter"})
"""Finish reasons that are reported beside tool calls too: their arguments may be incomplete."""
_encode = msgspec.json.Encoder().encode


def translate_response(
    response: ConverseResponse,
    context: ResponseContext,
    *,
    model: str,
    names: ToolNames,
    answer_tool: str | None = None,
    custom_tools: frozenset[str] = frozenset(),
) -> ClientResponse:
    """Translate a response. The input of `answer_tool` is the content, that of `custom_tools` a text.

    Raises:
        InvalidUpstreamResponse: Bedrock reports that the output is malformed.
    """
    blocks = output_blocks(response)
    message = _message(blocks, names, answer_tool, custom_tools)
    usage = translate_usage(response)
    answer = completion.ChatCompletion(
        id=f"chatcmpl-{context.request_id}",
        created=context.created,
        model=model,
        choices=[
            completion.Choice(
                message=message,
                finish_reason=finish_reason(
                    response.stop_reason, has_tool_calls=bool(message.tool_calls), answered=answer_tool is not None
                ),
            )
        ],
        usage=completion_usage(usage),
        service_tier=response.service_tier.type if response.service_tier else ABSENT,
        aws=_details(response, blocks),
    )
    return ClientResponse(body=_encode(answer), usage=usage)


def finish_reason(stop_reason: str | None, *, has_tool_calls: bool, answered: bool = False) -> str:
    """Return OpenAI's finish reason. `answered` is true if the answer is the input of a tool.

    Raises:
        InvalidUpstreamResponse: Bedrock reports that the output is malformed.
    """
    require_sound(stop_reason)
    reason = FINISH_REASONS.get(stop_reason or "", "stop")
    if reason in CUT_SHORT:
        return reason
    if has_tool_calls:
        return "tool_calls"
    return "stop" if answered else reason


def unmapped_stop_reason(stop_reason: str | None) -> str | None:
    """Return the stop reason if OpenAI has no finish reason for it."""
    return stop_reason if stop_reason and stop_reason not in FINISH_REASONS else None


def completion_usage(usage: TokenCounts) -> completion.CompletionUsage:
    """Translate the usage."""
    return completion.CompletionUsage(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
        prompt_tokens_details=completion.PromptTokensDetails(
            cached_tokens=usage.cached_input_tokens, cache_creation_tokens=usage.cache_creation_input_tokens
        ),
    )


def unless_empty(details: completion.AwsDetails) -> completion.AwsDetails | msgspec.UnsetType:
    """Return the details, or ABSENT if there are none."""
    return ABSENT if details == completion.AwsDetails() else details


def _message(
    blocks: Sequence[converse.ContentBlock], names: ToolNames, answer_tool: str | None, custom_tools: frozenset[str]
) -> completion.Message:
    uses = [block.tool_use for block in blocks if block.tool_use is not None]
    calls = [_tool_call(use, names, custom_tools) for use in uses if use.name != answer_tool]
    content, annotations = _content(blocks)
    if uses and uses[0].name == answer_tool:
        # The first tool decides, as in a stream, where chunks cannot be taken back.
        content, annotations = compact(uses[0].input), []
    return completion.Message(
        content=content or (None if calls else ""),
        annotations=annotations or ABSENT,
        images=_images(blocks) or ABSENT,
        reasoning_content=_reasoning_text(blocks) or ABSENT,
        thinking_blocks=list(_thinking_blocks(blocks)) or ABSENT,
        tool_calls=calls or ABSENT,
    )


def _content(blocks: Sequence[converse.ContentBlock]) -> tuple[str, list[completion.Annotation]]:
    text, annotations = "", []
    for block in blocks:
        start = len(text)
        if block.text is not None:
            text += block.text
        if block.citations_content is not None:
            text += "".join(part.text for part in block.citations_content.content)
            translated = [annotation(raw, start, len(text)) for raw in block.citations_content.citations]
            annotations += [cited for cited in translated if cited]
    return text, annotations


def _images(blocks: Sequence[converse.ContentBlock]) -> list[completion.Image]:
    return [image_of(image, index) for index, image in enumerate(block.image for block in blocks if block.image)]


def image_of(image: converse.ImageBlock, index: int) -> completion.Image:
    """Return an image of a message; `index` counts its images."""
    return completion.Image(index=index, image_url=completion.ImageUrl(url=data_url(image)))


def _reasoning_text(blocks: Sequence[converse.ContentBlock]) -> str:
    reasons = [block.reasoning_content.reasoning_text for block in blocks if block.reasoning_content]
    return "".join(reason.text for reason in reasons if reason)


def _thinking_blocks(blocks: Sequence[converse.ContentBlock]) -> Iterator[completion.ThinkingBlock]:
    for reasoning in (block.reasoning_content for block in blocks if block.reasoning_content):
        if reasoning.redacted_content is not None:
            yield completion.ThinkingBlock(type="redacted_thinking", data=reasoning.redacted_content)
        elif reasoning.reasoning_text is not None:
            text = reasoning.reasoning_text
            if text.text or text.signature:
                yield completion.ThinkingBlock(thinking=text.text, signature=text.signature or ABSENT)


def _tool_call(block: converse.ToolUseBlock, names: ToolNames, custom_tools: frozenset[str]) -> completion.ToolCall:
    name, arguments = names.to_client(block.name), compact(block.input)
    if name in custom_tools:
        custom = completion.CustomCall(name=name, input=text_input.decode(arguments))
        return completion.ToolCall(id=block.tool_use_id, type="custom", custom=custom)
    function = completion.FunctionCall(name=name, arguments=arguments)
    return completion.ToolCall(id=block.tool_use_id, function=function)


def _details(
    response: ConverseResponse, blocks: Sequence[converse.ContentBlock]
) -> completion.AwsDetails | msgspec.UnsetType:
    citations = [raw for block in blocks if block.citations_content for raw in block.citations_content.citations]
    return unless_empty(
        completion.AwsDetails(
            stop_reason=unmapped_stop_reason(response.stop_reason),
            citations=citations or None,
            additional_model_response_fields=given(response.additional_model_response_fields),
            trace=given(response.trace),
            performance_config=given(response.performance_config),
        )
    )
