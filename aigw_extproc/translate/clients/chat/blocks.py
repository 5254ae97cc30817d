"""Streamed content blocks → deltas of a chat completion's message.

Text and arguments are written at once. Reasoning is written as text at once, and again as a block with its signature
when the block ends: clients send this block back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, assert_never

import msgspec

from aigw_extproc.bedrock.converse import BlockDelta, BlockStart, ReasoningDelta, ToolUseStart
from aigw_extproc.openai.completion import ABSENT, Annotation, Delta, DeltaFunction, DeltaToolCall, ThinkingBlock
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.openai.citations import annotation
from aigw_extproc.wire import given


class BlockTranslator:
    """Translates the blocks of one message. The input of `answer_tool` is the content.

    With an answer tool, text is held back until the end: the answer replaces it.
    """

    def __init__(self, names: ToolNames, answer_tool: str | None) -> None:
        self.citations: list[msgspec.Raw] = []
        self.answered = False
        """Whether the answer tool has been used, before any other."""
        self._names = names
        self._answer_tool = answer_tool
        self._held: list[Delta] = []
        self._tool_index = -1
        self._thinking_index = -1
        self._annotation_index = -1
        self._text_length = 0
        self._reset()

    def _reset(self) -> None:
        self._tool: Literal["call", "answer"] | None = None
        """The kind of the open tool block; None also for an answer that is ignored."""
        self._tool_has_input = False
        self._thinking = ""
        self._signature = ""
        self._redacted = ""
        self._block_citations: list[msgspec.Raw] = []
        self._block_start = self._text_length

    @property
    def has_tool_calls(self) -> bool:
        """Whether the message has a tool call so far."""
        return self._tool_index >= 0

    def start(self, start: BlockStart) -> Iterable[Delta]:
        """Translate a contentBlockStart."""
        return self._start_tool(start.tool_use) if start.tool_use is not None else ()

    def delta(self, delta: BlockDelta) -> Iterable[Delta]:
        """Translate a contentBlockDelta, of which exactly one member is set."""
        if delta.text:
            self._text_length += len(delta.text)
            return self._text(Delta(content=delta.text))
        if delta.tool_use is not None and delta.tool_use.input:
            return self._input(delta.tool_use.input)
        if delta.reasoning_content is not None:
            return self._reasoning(delta.reasoning_content)
        if (citation := given(delta.citation)) is not None:
            self._block_citations.append(citation)
        return ()

    def stop(self) -> Iterator[Delta]:
        """Translate a contentBlockStop: write what is known at the end of a block only."""
        if self._tool and not self._tool_has_input:
            yield from self._input("{}")  # clients parse the joined fragments
        if self._thinking or self._signature:
            yield self._thinking_block(thinking=self._thinking, signature=self._signature or ABSENT)
        if self._redacted:
            yield self._thinking_block(type="redacted_thinking", data=self._redacted)
        annotations = list(self._annotations())
        if annotations:
            yield from self._text(Delta(annotations=annotations))
        self.citations += self._block_citations
        self._reset()

    def end(self) -> Iterator[Delta]:
        """Write the end of the message: the text that was held back, or empty content if there is nothing else."""
        if not self.answered:
            yield from self._held
        if not (self.answered or self._text_length or self.has_tool_calls):
            yield Delta(content="")

    def _start_tool(self, start: ToolUseStart) -> Iterator[Delta]:
        if start.name == self._answer_tool:
            if not self.answered and not self.has_tool_calls:
                self._tool, self.answered = "answer", True
            return
        # Tool calls are counted from 0 without gaps; Bedrock's index counts all blocks.
        self._tool = "call"
        self._tool_index += 1
        function = DeltaFunction(name=self._names.to_client(start.name), arguments="")
        call = DeltaToolCall(index=self._tool_index, id=start.tool_use_id, type="function", function=function)
        yield Delta(tool_calls=[call])

    def _input(self, fragment: str) -> Iterator[Delta]:
        self._tool_has_input = True
        match self._tool:
            case "answer":
                yield Delta(content=fragment)
            case "call":
                call = DeltaToolCall(index=self._tool_index, function=DeltaFunction(arguments=fragment))
                yield Delta(tool_calls=[call])
            case None:
                pass
            case _:
                assert_never(self._tool)

    def _text(self, delta: Delta) -> Iterable[Delta]:
        if self._answer_tool is None:
            return (delta,)
        self._held.append(delta)
        return ()

    def _reasoning(self, delta: ReasoningDelta) -> Iterator[Delta]:
        self._signature += delta.signature or ""
        self._redacted += delta.redacted_content or ""
        if delta.text:
            self._thinking += delta.text
            yield Delta(reasoning_content=delta.text)

    def _thinking_block(self, **members: str | msgspec.UnsetType) -> Delta:
        self._thinking_index += 1
        return Delta(thinking_blocks=[ThinkingBlock(index=self._thinking_index, **members)])  # type: ignore[arg-type] # ABSENT is for some members only

    def _annotations(self) -> Iterator[Annotation]:
        for raw in self._block_citations:
            translated = annotation(raw, self._block_start, self._text_length, self._annotation_index + 1)
            if translated is not None:
                self._annotation_index += 1
                yield translated
