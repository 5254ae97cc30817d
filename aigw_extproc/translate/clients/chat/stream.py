"""Converse's events → chat completion chunks as server-sent events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

import msgspec

from aigw_extproc.bedrock import converse_stream
from aigw_extproc.bedrock.converse import ConverseResponse, ImageBlock
from aigw_extproc.bedrock.converse_stream import ContentEvent
from aigw_extproc.errors import GatewayError
from aigw_extproc.openai.completion import AwsDetails, Delta
from aigw_extproc.openai.errors import render
from aigw_extproc.translate.clients.chat.blocks import BlockTranslator
from aigw_extproc.translate.clients.chat.chunks import DONE, ChunkWriter
from aigw_extproc.translate.clients.chat.response import (
    completion_usage,
    finish_reason,
    image_of,
    translate_response,
    unless_empty,
    unmapped_stop_reason,
)
from aigw_extproc.translate.contract import ClientResponse, ResponseContext
from aigw_extproc.translate.converse.conversed import EventWriter
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.wire import given


class ChatWriter(msgspec.Struct, frozen=True, kw_only=True):
    """Implements `ResponseWriter` for one request."""

    model: str
    """The client's name for the model, which responses repeat."""
    names: ToolNames
    include_usage: bool
    answer_tool: str | None = None
    """The tool whose input is the answer, where structured output needs one."""
    custom_tools: frozenset[str] = frozenset()
    """The client's names of tools whose input is a text."""

    def response(self, response: ConverseResponse, context: ResponseContext) -> ClientResponse:
        return translate_response(
            response,
            context,
            model=self.model,
            names=self.names,
            answer_tool=self.answer_tool,
            custom_tools=self.custom_tools,
        )

    def stream(self, context: ResponseContext) -> ChatStream:
        return ChatStream(context, self)


class ChatStream(EventWriter):
    """Writes the chunks of one completion."""

    def __init__(self, context: ResponseContext, writer: ChatWriter) -> None:
        super().__init__()
        self._chunks = ChunkWriter(context, model=writer.model, include_usage=writer.include_usage)
        self._blocks = BlockTranslator(writer.names, writer.answer_tool, writer.custom_tools)
        self._image_count = 0

    def translate(self, event: ContentEvent) -> Iterable[bytes]:
        match event:
            case converse_stream.ContentBlockDelta():
                return map(self._chunks.delta, self._blocks.delta(event.delta, event.content_block_index))
            case converse_stream.ContentBlockStart():
                return map(self._chunks.delta, self._blocks.start(event.start, event.content_block_index))
            case converse_stream.ContentBlockStop():
                return map(self._chunks.delta, self._blocks.stop(event.content_block_index))
            case converse_stream.MessageStart():
                return (self._chunks.role(event.role),)
            case converse_stream.MessageStop():
                return self._stop(event)
            case _:
                assert_never(event)

    def image(self, image: ImageBlock) -> Iterator[bytes]:
        yield self._chunks.delta(Delta(images=[image_of(image, self._image_count)]))
        self._image_count += 1

    def finish(self) -> Iterator[bytes]:
        metadata = self.metadata
        details = unless_empty(
            AwsDetails(trace=given(metadata.trace), performance_config=given(metadata.performance_config))
        )
        tier = metadata.service_tier.type if metadata.service_tier else None
        yield self._chunks.last(completion_usage(self.usage) if self.usage else None, tier, details)
        yield DONE

    def render(self, failure: GatewayError) -> bytes:
        """Write an error, which neither a finish_reason nor [DONE] follows."""
        return b"data: " + render(failure) + b"\n\n"

    def _stop(self, event: converse_stream.MessageStop) -> Iterator[bytes]:
        reason = finish_reason(
            event.stop_reason, has_tool_calls=self._blocks.has_tool_calls, answered=self._blocks.answered
        )
        yield from map(self._chunks.delta, self._blocks.end())
        details = AwsDetails(
            stop_reason=unmapped_stop_reason(event.stop_reason),
            citations=self._blocks.citations or None,
            additional_model_response_fields=given(event.additional_model_response_fields),
        )
        yield self._chunks.finish(reason, unless_empty(details))
