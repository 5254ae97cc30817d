"""Streamed content blocks → output items of a response, and their events.

https://platform.openai.com/docs/api-reference/responses-streaming
Consecutive text blocks are one message, a reasoning block is a reasoning item, a tool use is a call of a tool, an image
that of OpenAI's own one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal, assert_never

import msgspec

from aigw_extproc.bedrock.converse import ImageBlock
from aigw_extproc.bedrock.converse_stream import BlockDelta, BlockStart, ReasoningDelta, ToolUseStart
from aigw_extproc.translate.clients.responses.calls import Event, ObjectCall, TextCall
from aigw_extproc.translate.clients.responses.client_tools import CALLS, ClientTool
from aigw_extproc.translate.clients.responses.encrypted_content import EncryptedContent, encode
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.openai.citations import annotation
from aigw_extproc.wire import given

TextKind = Literal["msg", "rs"]
"""A message or reasoning: OpenAI's ids begin so."""


class _TextItem:
    """A message or reasoning that is not complete."""

    def __init__(self, kind: TextKind, index: int, request_id: str) -> None:
        self.kind = kind
        self.index = index
        """In the response."""
        self.id = f"{kind}_{request_id}_{index}"
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


_Item = _TextItem | TextCall | ObjectCall


class Output:
    """The items of one response. The input of `answer_tool` is the text; other text is held back until the end.

    Blocks may be interleaved: an item stays open until its block has ended and another item begins.
    """

    def __init__(
        self,
        request_id: str,
        names: ToolNames,
        answer_tool: str | None = None,
        tools: Mapping[str, ClientTool] = MappingProxyType({}),
    ) -> None:
        """`tools` are the client's, by the names of their functions; any other is a function of the client's."""
        self.citations: list[msgspec.Raw] = []
        """All citations, in Bedrock's format."""
        self._request_id = request_id
        self._names = names
        self._tools = tools
        self._answer_tool = answer_tool
        self._answered = False
        self._called = False
        self._held = ""
        self._complete: dict[int, dict[str, Any]] = {}
        """By the item's index."""
        self._begun = 0
        """Items that have an index."""
        self._open: list[_Item] = []
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
            yield from self._begin_call(use, at)
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
            yield from self._input(item, delta.tool_use.input)
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
        if isinstance(item, _TextItem):
            self.citations += item.citations
            if item.kind == "msg" and self._answer_tool is None:
                yield from self._annotate(item)
            item.citations, item.block_start = [], len(item.text)
        item.block_ended = True
        if item is not self._open[-1]:
            yield from self._end(item)

    def image(self, image: ImageBlock) -> Iterator[Event]:
        """Write an image as the call of OpenAI's tool that makes images."""
        yield from self._end_complete()
        index = self._next_index()
        item = {"type": "image_generation_call", "id": f"ig_{self._request_id}_{index}"}
        at = {"item_id": item["id"], "output_index": index}
        begun = {**item, "result": None, "status": "in_progress"}
        done = {**item, "result": image.source.bytes, "output_format": image.format, "status": "completed"}
        yield "output_item.added", {"output_index": index, "item": begun}
        yield "image_generation_call.in_progress", at
        yield "image_generation_call.generating", at
        yield "image_generation_call.completed", at
        yield "output_item.done", {"output_index": index, "item": done}
        self._complete[index] = done

    def close(self, status: str) -> Iterator[Event]:
        """End the response. Text that was held back is written if there is no answer.

        `status` is that of the items that are still open: `completed` or `incomplete`.
        """
        for at in list(self._blocks):
            yield from self.stop(at)
        if self._held and not self._answered:
            item = yield from self._begin("msg", -1)
            yield from self._piece(item, self._held)
        for last in list(self._open):
            yield from self._end(last, status)

    def _end(self, item: _Item, status: str = "completed") -> Iterator[Event]:
        if isinstance(item, _TextItem):
            if item.kind == "msg" and not item.text:
                yield from self._piece(item, "{}")  # an answer tool without input: clients parse the text
            yield from self._parts_done(item)
            index, members = item.index, _members(item, status)
        else:
            index = self._next_index() if item.index is None else item.index
            yield from item.end(index)
            members = item.item(status)
        yield "output_item.done", {"output_index": index, "item": members}
        self._complete[index] = members
        self._open.remove(item)

    def _cite(self, citation: msgspec.Raw, at: int) -> None:
        item = self._blocks.get(at)
        if isinstance(item, _TextItem):
            item.citations.append(citation)
        else:
            self.citations.append(citation)

    def _annotate(self, item: _TextItem) -> Iterator[Event]:
        # At the end of the block, when it is known which text its citations cover.
        for raw in item.citations:
            translated = annotation(raw, item.block_start, len(item.text))
            if translated is not None:
                members = {"type": translated.type, **msgspec.to_builtins(translated.url_citation)}
                event = item.event(content_index=0, annotation_index=len(item.annotations), annotation=members)
                item.annotations.append(members)
                yield "output_text.annotation.added", event

    def _begin(self, kind: TextKind, at: int) -> Generator[Event, None, _TextItem]:
        """Begin an item for a block."""
        yield from self._end_complete()
        item = _TextItem(kind, self._next_index(), self._request_id)
        self._open.append(item)
        self._blocks[at] = item
        yield "output_item.added", {"output_index": item.index, "item": _members(item, "in_progress")}
        if kind == "msg":
            yield "content_part.added", item.event(content_index=0, part=_text_part("", []))
        return item

    def _begin_call(self, use: ToolUseStart, at: int) -> Iterator[Event]:
        """Begin the call of a tool."""
        yield from self._end_complete()
        name = self._names.to_client(use.name)
        tool = self._tools.get(name) or ClientTool(name=name)
        item: TextCall | ObjectCall
        if CALLS[tool.kind].text is not None:
            item = TextCall(tool, use.tool_use_id, self._request_id, self._next_index())
            yield item.begin()
        else:
            item = ObjectCall(tool, use.tool_use_id, self._request_id)
        self._open.append(item)
        self._blocks[at] = item

    def _end_complete(self) -> Iterator[Event]:
        """End the items whose blocks have ended."""
        for ended in [item for item in self._open if item.block_ended]:
            yield from self._end(ended)

    def _next_index(self) -> int:
        self._begun += 1
        return self._begun - 1

    def _input(self, item: _Item, fragment: str) -> Iterator[Event]:
        """Add to the input of a tool; that of the answer tool is the text of a message."""
        return self._piece(item, fragment) if isinstance(item, _TextItem) else item.feed(fragment)

    def _text(self, text: str, at: int) -> Iterator[Event]:
        """Add text to the message of its block: that of the text block before it, if nothing has come between."""
        item = self._blocks.get(at)
        if not isinstance(item, _TextItem) or item.kind != "msg":
            yield from self._leave(at)
            last = self._open[-1] if self._open else None
            if isinstance(last, _TextItem) and last.kind == "msg" and last.block_ended:
                item = self._blocks[at] = last
                item.block_ended = False
            else:
                item = yield from self._begin("msg", at)
        yield from self._piece(item, text)

    def _leave(self, at: int) -> Iterator[Event]:
        """End the item of a block that goes on with content of another kind."""
        if at in self._blocks:
            yield from self.stop(at)

    def _piece(self, item: _TextItem, text: str) -> Iterator[Event]:
        if item.kind == "rs" and not item.text:
            yield "reasoning_summary_part.added", item.event(summary_index=0, part=_summary_part(""))
        item.text += text
        name, members = _DELTA[item.kind]
        yield name, item.event(**members, delta=text)

    def _reasoning(self, delta: ReasoningDelta, at: int) -> Iterator[Event]:
        item = self._blocks.get(at)
        if not isinstance(item, _TextItem) or item.kind != "rs":
            yield from self._leave(at)
            item = yield from self._begin("rs", at)
        item.signature += delta.signature or ""
        item.redacted += delta.redacted_content or ""
        if delta.text:
            yield from self._piece(item, delta.text)

    def _parts_done(self, item: _TextItem) -> Iterator[Event]:
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
            case _:
                assert_never(item.kind)


def _members(item: _TextItem, status: str) -> dict[str, Any]:
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
        case _:
            assert_never(item.kind)


_DELTA: dict[TextKind, tuple[str, dict[str, Any]]] = {
    "msg": ("output_text.delta", {"content_index": 0, "logprobs": []}),
    "rs": ("reasoning_summary_text.delta", {"summary_index": 0}),
}


def _text_part(text: str, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def _summary_part(text: str) -> dict[str, Any]:
    return {"type": "summary_text", "text": text}
