"""Streamed content blocks → deltas of a chat completion's message.

Text and arguments are written at once. Reasoning is written as text at once, and again as a block with its signature
when the block ends: clients send this block back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, assert_never

import msgspec

from aigw_extproc.bedrock.converse_stream import BlockDelta, BlockStart, ReasoningDelta, ToolUseStart
from aigw_extproc.openai.completion import (
    ABSENT,
    Annotation,
    Delta,
    DeltaCustom,
    DeltaFunction,
    DeltaToolCall,
    ThinkingBlock,
)
from aigw_extproc.translate.clients.chat.text_input import TextInput
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.openai.citations import annotation
from aigw_extproc.wire import given


class _Block:
    """A block that has not ended."""

    __slots__ = (
        "citations",
        "has_input",
        "redacted",
        "signature",
        "start",
        "text_input",
        "thinking",
        "tool",
        "tool_index",
    )

    def __init__(self, start: int) -> None:
        self.tool: Literal["call", "answer"] | None = None
        """None also for an answer that is ignored."""
        self.tool_index = -1
        self.text_input: TextInput | None = None
        """For the call of a custom tool."""
        self.has_input = False
        self.thinking = ""
        self.signature = ""
        self.redacted = ""
        self.citations: list[msgspec.Raw] = []
        self.start = start
        """Where its text begins in the message's."""


class BlockTranslator:
    """Translates the blocks of one message, which may be interleaved. The input of `answer_tool` is the content.

    With an answer tool, text is held back until the end: the answer replaces it.
    """

    def __init__(self, names: ToolNames, answer_tool: str | None, custom_tools: frozenset[str] = frozenset()) -> None:
        self.citations: list[msgspec.Raw] = []
        self.answered = False
        """Whether the answer tool has been used, before any other."""
        self._names = names
        self._answer_tool = answer_tool
        self._custom_tools = custom_tools
        self._held: list[Delta] = []
        self._open: dict[int, _Block] = {}
        """By Bedrock's index."""
        self._tool_index = -1
        self._thinking_index = -1
        self._annotation_index = -1
        self._text_length = 0

    @property
    def has_tool_calls(self) -> bool:
        """Whether the message has a tool call so far."""
        return self._tool_index >= 0

    def start(self, start: BlockStart, index: int) -> Iterable[Delta]:
        """Translate a contentBlockStart."""
        return self._start_tool(start.tool_use, index) if start.tool_use is not None else ()

    def delta(self, delta: BlockDelta, index: int) -> Iterable[Delta]:
        """Translate a contentBlockDelta, of which exactly one member is set."""
        block = self._open.get(index) or self._begin(index)
        if delta.text:
            self._text_length += len(delta.text)
            return self._text(Delta(content=delta.text))
        if delta.tool_use is not None and delta.tool_use.input:
            return self._input(block, delta.tool_use.input)
        if delta.reasoning_content is not None:
            return self._reasoning(block, delta.reasoning_content)
        if (citation := given(delta.citation)) is not None:
            block.citations.append(citation)
        return ()

    def stop(self, index: int) -> Iterator[Delta]:
        """Translate a contentBlockStop: write what is known at the end of a block only."""
        block = self._open.pop(index, None)
        if block is None:
            return
        if block.text_input is not None:
            yield from self._custom_input(block, block.text_input.close() if block.has_input else "")
        elif block.tool and not block.has_input:
            yield from self._input(block, "{}")  # clients parse the joined fragments
        if block.thinking or block.signature:
            yield self._thinking_block(thinking=block.thinking, signature=block.signature or ABSENT)
        if block.redacted:
            yield self._thinking_block(type="redacted_thinking", data=block.redacted)
        annotations = list(self._annotations(block))
        if annotations:
            yield from self._text(Delta(annotations=annotations))
        self.citations += block.citations

    def end(self) -> Iterator[Delta]:
        """Write the end of the message: the text that was held back, or empty content if there is nothing else."""
        for index in list(self._open):
            yield from self.stop(index)
        if not self.answered:
            yield from self._held
        if not (self.answered or self._text_length or self.has_tool_calls):
            yield Delta(content="")

    def _begin(self, index: int) -> _Block:
        self._open[index] = block = _Block(self._text_length)
        return block

    def _start_tool(self, start: ToolUseStart, index: int) -> Iterator[Delta]:
        yield from self.stop(index)
        block = self._begin(index)
        if start.name == self._answer_tool:
            if not self.answered and not self.has_tool_calls:
                block.tool, self.answered = "answer", True
            return
        # Tool calls are counted from 0 without gaps; Bedrock's index counts all blocks.
        self._tool_index += 1
        block.tool, block.tool_index = "call", self._tool_index
        name = self._names.to_client(start.name)
        if name in self._custom_tools:
            block.text_input = TextInput()
            custom = DeltaCustom(name=name, input="")
            call = DeltaToolCall(index=self._tool_index, id=start.tool_use_id, type="custom", custom=custom)
        else:
            function = DeltaFunction(name=name, arguments="")
            call = DeltaToolCall(index=self._tool_index, id=start.tool_use_id, type="function", function=function)
        yield Delta(tool_calls=[call])

    def _input(self, block: _Block, fragment: str) -> Iterator[Delta]:
        block.has_input = True
        match block.tool:
            case "answer":
                yield Delta(content=fragment)
            case "call" if block.text_input is not None:
                yield from self._custom_input(block, block.text_input.feed(fragment))
            case "call":
                call = DeltaToolCall(index=block.tool_index, function=DeltaFunction(arguments=fragment))
                yield Delta(tool_calls=[call])
            case None:
                pass
            case _:
                assert_never(block.tool)

    def _custom_input(self, block: _Block, text: str) -> Iterator[Delta]:
        if text:
            yield Delta(tool_calls=[DeltaToolCall(index=block.tool_index, custom=DeltaCustom(input=text))])

    def _text(self, delta: Delta) -> Iterable[Delta]:
        if self._answer_tool is None:
            return (delta,)
        self._held.append(delta)
        return ()

    def _reasoning(self, block: _Block, delta: ReasoningDelta) -> Iterator[Delta]:
        block.signature += delta.signature or ""
        block.redacted += delta.redacted_content or ""
        if delta.text:
            block.thinking += delta.text
            yield Delta(reasoning_content=delta.text)

    def _thinking_block(self, **members: str | msgspec.UnsetType) -> Delta:
        self._thinking_index += 1
        return Delta(thinking_blocks=[ThinkingBlock(index=self._thinking_index, **members)])  # type: ignore[arg-type] # ABSENT is for some members only

    def _annotations(self, block: _Block) -> Iterator[Annotation]:
        for raw in block.citations:
            translated = annotation(raw, block.start, self._text_length, self._annotation_index + 1)
            if translated is not None:
                self._annotation_index += 1
                yield translated
