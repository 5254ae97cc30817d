"""A complete Converse response as the events that ConverseStream would have sent for it."""

from __future__ import annotations

from collections.abc import Iterator

from aigw_extproc.bedrock.converse import ContentBlock, ConverseResponse, ReasoningContent
from aigw_extproc.bedrock.converse_stream import (
    BlockDelta,
    BlockStart,
    ContentBlockDelta,
    ContentBlockStart,
    ContentBlockStop,
    ImageDelta,
    ImageStart,
    MessageStart,
    MessageStop,
    Metadata,
    ReasoningDelta,
    StreamEvent,
    ToolUseDelta,
    ToolUseStart,
)
from aigw_extproc.translate.converse.response import compact, output_blocks


def events_of(response: ConverseResponse) -> Iterator[StreamEvent]:
    """Yield messageStart, the blocks in one delta each, messageStop, metadata."""
    yield MessageStart()
    for index, block in enumerate(output_blocks(response)):
        if block.tool_use is not None:
            start = ToolUseStart(tool_use_id=block.tool_use.tool_use_id, name=block.tool_use.name)
            yield ContentBlockStart(start=BlockStart(tool_use=start), content_block_index=index)
        if block.image is not None:
            yield ContentBlockStart(start=BlockStart(image=ImageStart(block.image.format)), content_block_index=index)
        for delta in _deltas(block):
            yield ContentBlockDelta(delta=delta, content_block_index=index)
        yield ContentBlockStop(content_block_index=index)
    yield MessageStop(
        stop_reason=response.stop_reason, additional_model_response_fields=response.additional_model_response_fields
    )
    yield Metadata(
        usage=response.usage,
        metrics=response.metrics,
        service_tier=response.service_tier,
        performance_config=response.performance_config,
        trace=response.trace,
    )


def _deltas(block: ContentBlock) -> Iterator[BlockDelta]:
    if block.text is not None:
        yield BlockDelta(text=block.text)
    if block.tool_use is not None:
        yield BlockDelta(tool_use=ToolUseDelta(input=compact(block.tool_use.input)))
    if block.reasoning_content is not None:
        yield BlockDelta(reasoning_content=_reasoning(block.reasoning_content))
    if block.citations_content is not None:
        yield BlockDelta(text="".join(part.text for part in block.citations_content.content))
        for citation in block.citations_content.citations:
            yield BlockDelta(citation=citation)
    if block.image is not None:
        yield BlockDelta(image=ImageDelta(block.image.source))


def _reasoning(reasoning: ReasoningContent) -> ReasoningDelta:
    text = reasoning.reasoning_text
    return ReasoningDelta(
        text=text.text if text else None,
        signature=text.signature if text else None,
        redacted_content=reasoning.redacted_content,
    )
