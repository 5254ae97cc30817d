"""Streamed content blocks → output items of a response, and their events.

https://platform.openai.com/docs/api-reference/responses-streaming
Consecutive text blocks are one message, a reasoning block is a reasoning item, a tool use is a function call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, assert_never

import msgspec

from aigw_extproc.bedrock.converse import BlockDelta, BlockStart, ReasoningDelta, ToolUseStart
from aigw_extproc.translate.clients.responses.encrypted_content import EncryptedContent, encode
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.openai.citations import annotation
from aigw_extproc.wire import given

Event = tuple[str, dict[str, Any]]
"""The type without `response.`, and the members without the sequence number."""
ItemKind = Literal["msg", "rs", "fc"]
"""A message, reasoning, or a function call: OpenAI's ids begin so."""


class _Item:
    """An item that is not complete."""

    def __init__(self, kind: ItemKind, index: int, request_id: str) -> None:
        self.kind = kind
        self.index = index
        """In the response."""
        self.id = f"{kind}_{request_id}_{index}"
        self.call = ToolUseStart(tool_use_id="", name="")
        self.text = ""
        self.signature = ""
        self.redacted = ""
        self.annotations: list[dict[str, Any]] = []
        self.citations: list[msgspec.Raw] = []
        """Of the open block, whose text begins at `block_start`."""
        self.block_start = 0
        self.block_ended = False
        """Whether its block has ended; only a message continues in the next block."""

    def event(self, **members: Any) -> dict[str, Any]:
        """Return the members of an event about this item."""
        return {"item_id": self.id, "output_index": self.index, **members}


class Output:
    """The items of one response. The input of `answer_tool` is the text; other text is held back until the end.

    Blocks may be interleaved: an item stays open until its block has ended and another item begins.
    """

    def __init__(self, request_id: str, names: ToolNames, answer_tool: str | None = None) -> None:
        self.citations: list[msgspec.Raw] = []
        """All citations, in Bedrock's format."""
        self._request_id = request_id
        self._names = names
        self._answer_tool = answer_tool
        self._answered = False
        self._called = False
        self._held = ""
        self._complete: dict[int, dict[str, Any]] = {}
        """By the item's index."""
        self._open: list[_Item] = []
        """In the order of their indexes."""
        self._blocks: dict[int, _Item | None] = {}
        """The items of the blocks that have not ended, by Bedrock's index; None for an answer that is ignored."""

    @property
    def items(self) -> list[dict[str, Any]]:
        """The complete items, in their order."""
        return [self._complete[index] for index in sorted(self._complete)]

    def start(self, start: BlockStart, at: int) -> Iterator[Event]:
        """Translate a contentBlockStart."""
        use = start.tool_use
        if use is None:
            return
        if at in self._blocks:
            yield from self.stop(at)
        if use.name != self._answer_tool:
            self._called = True
            yield from self._begin("fc", at, use)
        elif not (self._answered or self._called):
            self._answered = True
            yield from self._begin("msg", at)
        else:
            self._blocks[at] = None

    def delta(self, delta: BlockDelta, at: int) -> Iterator[Event]:
        """Translate a contentBlockDelta."""
        if delta.text and self._answer_tool is not None:
            self._held += delta.text
        elif delta.text:
            yield from self._text(delta.text, at)
        if delta.tool_use is not None and delta.tool_use.input and (item := self._blocks.get(at)):
            yield from self._piece(item, delta.tool_use.input)
        if delta.reasoning_content is not None:
            yield from self._reasoning(delta.reasoning_content, at)
        if (citation := given(delta.citation)) is not None:
            self._cite(citation, at)

    def stop(self, at: int) -> Iterator[Event]:
        """Translate a contentBlockStop.

        The newest item stays open: more text may follow, or its status be `incomplete`.
        """
        item = self._blocks.pop(at, None)
        if item is None:
            return
        self.citations += item.citations
        if item.kind == "msg" and self._answer_tool is None:
            yield from self._annotate(item)
        item.citations, item.block_start, item.block_ended = [], len(item.text), True
        if item is not self._open[-1]:
            yield from self._end(item)

    def close(self, status: str) -> Iterator[Event]:
        """End the response. Text that was held back is written if there is no answer.

        `status` is that of the items that are still open: `completed` or `incomplete`.
        """
        for at in list(self._blocks):
            yield from self.stop(at)
        if self._held and not self._answered:
            yield from self._begin("msg", -1)
            yield from self._piece(self._open[-1], self._held)
        for item in list(self._open):
            yield from self._end(item, status)

    def _end(self, item: _Item, status: str = "completed") -> Iterator[Event]:
        if item.kind != "rs" and not item.text:
            yield from self._piece(item, "{}")  # a tool without input: clients parse the text
        yield from self._parts_done(item)
        members = self._members(item, status)
        yield "output_item.done", {"output_index": item.index, "item": members}
        self._complete[item.index] = members
        self._open.remove(item)

    def _cite(self, citation: msgspec.Raw, at: int) -> None:
        item = self._blocks.get(at)
        if item is None:
            self.citations.append(citation)
        else:
            item.citations.append(citation)

    def _annotate(self, item: _Item) -> Iterator[Event]:
        # At the end of the block, when it is known which text its citations cover.
        for raw in item.citations:
            translated = annotation(raw, item.block_start, len(item.text))
            if translated is not None:
                members = {"type": translated.type, **msgspec.to_builtins(translated.url_citation)}
                event = item.event(content_index=0, annotation_index=len(item.annotations), annotation=members)
                item.annotations.append(members)
                yield "output_text.annotation.added", event

    def _begin(self, kind: ItemKind, at: int, call: ToolUseStart | None = None) -> Iterator[Event]:
        """Begin an item for a block; items whose blocks have ended end before it."""
        for ended in [item for item in self._open if item.block_ended]:
            yield from self._end(ended)
        item = _Item(kind, len(self._complete) + len(self._open), self._request_id)
        item.call = call or item.call
        self._open.append(item)
        self._blocks[at] = item
        yield "output_item.added", {"output_index": item.index, "item": self._members(item, "in_progress")}
        if kind == "msg":
            yield "content_part.added", item.event(content_index=0, part=_text_part("", []))

    def _text(self, text: str, at: int) -> Iterator[Event]:
        """Add text to the message of its block: that of the text block before it, if nothing has come between."""
        item = self._blocks.get(at)
        if item is None or item.kind != "msg":
            yield from self._leave(at)
            if self._open and self._open[-1].kind == "msg" and self._open[-1].block_ended:
                self._blocks[at] = self._open[-1]
                self._open[-1].block_ended = False
            else:
                yield from self._begin("msg", at)
            item = self._open[-1]
        yield from self._piece(item, text)

    def _leave(self, at: int) -> Iterator[Event]:
        """End the item of a block that goes on with content of another kind."""
        if at in self._blocks:
            yield from self.stop(at)

    def _piece(self, item: _Item, text: str) -> Iterator[Event]:
        if item.kind == "rs" and not item.text:
            yield "reasoning_summary_part.added", item.event(summary_index=0, part=_summary_part(""))
        item.text += text
        name, members = _DELTA[item.kind]
        yield name, item.event(**members, delta=text)

    def _reasoning(self, delta: ReasoningDelta, at: int) -> Iterator[Event]:
        item = self._blocks.get(at)
        if item is None or item.kind != "rs":
            yield from self._leave(at)
            yield from self._begin("rs", at)
            item = self._open[-1]
        item.signature += delta.signature or ""
        item.redacted += delta.redacted_content or ""
        if delta.text:
            yield from self._piece(item, delta.text)

    def _parts_done(self, item: _Item) -> Iterator[Event]:
        text = item.text
        match item.kind:
            case "msg":
                yield "output_text.done", item.event(content_index=0, logprobs=[], text=text)
                part = _text_part(text, item.annotations)
                yield "content_part.done", item.event(content_index=0, part=part)
            case "rs":
                if text:
                    yield "reasoning_summary_text.done", item.event(summary_index=0, text=text)
                    yield "reasoning_summary_part.done", item.event(summary_index=0, part=_summary_part(text))
            case "fc":
                name = self._names.to_client(item.call.name)
                yield "function_call_arguments.done", item.event(name=name, arguments=text)
            case _:
                assert_never(item.kind)

    def _members(self, item: _Item, status: str) -> dict[str, Any]:
        """Return an item for an event. It has no parts until it is complete."""
        is_done = status != "in_progress"
        match item.kind:
            case "msg":
                parts = [_text_part(item.text, item.annotations)] if is_done else []
                return {"type": "message", "id": item.id, "role": "assistant", "content": parts, "status": status}
            case "rs":
                content = EncryptedContent(item.text, item.signature or None, item.redacted or None)
                encrypted = {"encrypted_content": encode(content)} if is_done else {}
                summary = [_summary_part(item.text)] if item.text else []
                return {"type": "reasoning", "id": item.id, "summary": summary, **encrypted, "status": status}
            case "fc":
                call = {"call_id": item.call.tool_use_id, "name": self._names.to_client(item.call.name)}
                return {"type": "function_call", "id": item.id, **call, "arguments": item.text, "status": status}
            case _:
                assert_never(item.kind)


_DELTA: dict[ItemKind, tuple[str, dict[str, Any]]] = {
    "msg": ("output_text.delta", {"content_index": 0, "logprobs": []}),
    "rs": ("reasoning_summary_text.delta", {"summary_index": 0}),
    "fc": ("function_call_arguments.delta", {}),
}


def _text_part(text: str, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def _summary_part(text: str) -> dict[str, Any]:
    return {"type": "summary_text", "text": text}
