"""ConverseStream → chat completion chunks as server-sent events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from aigw_extproc.bedrock import converse
from aigw_extproc.errors import GatewayError
from aigw_extproc.openai.completion import AwsDetails
from aigw_extproc.openai.errors import render
from aigw_extproc.translate.clients.chat.blocks import BlockTranslator
from aigw_extproc.translate.clients.chat.chunks import DONE, ChunkWriter
from aigw_extproc.translate.clients.chat.response import (
    completion_usage,
    finish_reason,
    unless_empty,
    unmapped_stop_reason,
)
from aigw_extproc.translate.contract import ResponseContext
from aigw_extproc.translate.converse.stream import ConverseStream
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.wire import given


class ChatStream(ConverseStream):
    """The chunks of one completion."""

    def __init__(
        self,
        context: ResponseContext,
        *,
        model: str,
        names: ToolNames,
        include_usage: bool,
        answer_tool: str | None = None,
    ) -> None:
        super().__init__()
        self._chunks = ChunkWriter(context, model=model, include_usage=include_usage)
        self._blocks = BlockTranslator(names, answer_tool)

    def translate(self, event: msgspec.Struct) -> Iterable[bytes]:
        match event:
            case converse.ContentBlockDelta():
                return map(self._chunks.delta, self._blocks.delta(event.delta))
            case converse.ContentBlockStart():
                return map(self._chunks.delta, self._blocks.start(event.start))
            case converse.ContentBlockStop():
                return map(self._chunks.delta, self._blocks.stop())
            case converse.MessageStart():
                return (self._chunks.role(event.role),)
            case converse.MessageStop():
                return self._stop(event)
        return ()

    def finish(self) -> Iterator[bytes]:
        metadata = self.metadata
        details = unless_empty(
            AwsDetails(trace=given(metadata.trace), performance_config=given(metadata.performance_config))
        )
        tier = metadata.service_tier.type if metadata.service_tier else None
        yield self._chunks.last(completion_usage(self.usage) if self.usage else None, tier, details)
        yield DONE

    def render(self, failure: GatewayError) -> bytes:
        """Neither a finish_reason nor [DONE] follows it."""
        return b"data: " + render(failure) + b"\n\n"

    def _stop(self, event: converse.MessageStop) -> Iterator[bytes]:
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
