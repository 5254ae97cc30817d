"""The client's names of parameters in the input of tool uses, where the model was given aliases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from aigw_extproc.bedrock.converse import ContentBlock, ConverseResponse
from aigw_extproc.bedrock.converse_stream import (
    BlockDelta,
    ContentBlockDelta,
    ContentBlockStart,
    ContentBlockStop,
    StreamEvent,
    ToolUseDelta,
)
from aigw_extproc.translate.converse.schemas.keys import KeyTranslator, Names, translated

Aliases = Mapping[str, Names]
"""By Bedrock's name of the tool: aliases by the client's name."""


def restored(response: ConverseResponse, aliases: Aliases) -> ConverseResponse:
    """Return a complete response with the client's names."""
    message = response.output.message if response.output else None
    if response.output is None or message is None or not aliases:
        return response
    content = [_restored_block(block, aliases) for block in message.content]
    return replace(response, output=replace(response.output, message=replace(message, content=content)))


def _restored_block(block: ContentBlock, aliases: Aliases) -> ContentBlock:
    use = block.tool_use
    if use is None or use.name not in aliases:
        return block
    return replace(block, tool_use=replace(use, input=translated(use.input, reverse(aliases[use.name]))))


def reverse(names: Names) -> Names:
    """Return the client's names by their aliases."""
    return {alias: name for name, alias in names.items()}


class RestoredEvents:
    """Restores the names in the events of one stream. A name that is cut between two events is held back."""

    def __init__(self, aliases: Aliases) -> None:
        self._aliases = aliases
        self._translators: dict[int, KeyTranslator] = {}
        """Of the open blocks that need one, by index."""

    def __call__(self, events: Sequence[StreamEvent]) -> Sequence[StreamEvent]:
        """Return the events with the client's names."""
        return [restored for event in events for restored in self._restored(event)]

    def _restored(self, event: StreamEvent) -> Iterator[StreamEvent]:
        match event:
            case ContentBlockStart(start=start, content_block_index=index):
                if start.tool_use is not None and start.tool_use.name in self._aliases:
                    self._translators[index] = KeyTranslator(reverse(self._aliases[start.tool_use.name]))
            case ContentBlockDelta(delta=BlockDelta(tool_use=ToolUseDelta(input=text)), content_block_index=index):
                if index in self._translators:
                    event = _input(self._translators[index].feed(text), index)
            case ContentBlockStop(content_block_index=index) if index in self._translators:
                yield _input(self._translators.pop(index).close(), index)
        yield event


def _input(text: str, index: int) -> ContentBlockDelta:
    return ContentBlockDelta(BlockDelta(tool_use=ToolUseDelta(text)), index)
