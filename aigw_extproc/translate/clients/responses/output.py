"""Streamed content blocks → output items of a response, and their events.

https://platform.openai.com/docs/api-reference/responses-streaming
Consecutive text blocks are one message, a reasoning block is a reasoning item, a tool use is a call of a tool.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal, assert_never

import msgspec

from aigw_extproc.bedrock.converse import BlockDelta, BlockStart, ReasoningDelta, ToolUseStart
from aigw_extproc.translate.clients.responses.calls import Event, ObjectCall, TextCall, call_of
from aigw_extproc.translate.clients.responses.client_tools import ClientTool
from aigw_extproc.translate.clients.responses.encrypted_content import EncryptedContent, encode
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.openai.citations import annotation
from aigw_extproc.wire import given

TextKind = Literal["msg", "rs"]
"""A message or reasoning: OpenAI's ids begin so."""


class Output:
    """The items of one response. The input of `answer_tool` is the text; other text is held back until the end."""

    def __init__(
        self,
        request_id: str,
        names: ToolNames,
        answer_tool: str | None = None,
        tools: Mapping[str, ClientTool] = MappingProxyType({}),
    ) -> None:
        """`tools` are the client's, by the names of their functions; any other is a function of the client's."""
        self.items: list[dict[str, Any]] = []
        """The complete items."""
        self.citations: list[msgspec.Raw] = []
        """All citations, in Bedrock's format."""
        self._request_id = request_id
        self._names = names
        self._tools = tools
        self._answer_tool = answer_tool
        self._answered = False
        self._held = ""
        self._kind: TextKind | None = None
        """The kind of the open item, if it is of text."""
        self._call: TextCall | ObjectCall | None = None
        """The open item, if it is a call."""
        self._reset()

    def _reset(self) -> None:
        self._text = ""
        self._signature = ""
        self._redacted = ""
        self._annotations: list[dict[str, Any]] = []
        self._block_citations: list[msgspec.Raw] = []
        """Of the open block, whose text begins at `_block_start`."""
        self._block_start = 0
        self._block_ended = False
        """Whether the open item's block has ended; only a message continues in the next block."""

    def start(self, start: BlockStart) -> Iterator[Event]:
        """Translate a contentBlockStart."""
        use = start.tool_use
        if use is None:
            return
        yield from self.end()
        if use.name != self._answer_tool:
            yield from self._begin_call(use)
        elif not self._answered and all("call_id" not in item for item in self.items):
            self._answered = True
            yield from self._begin("msg")

    def delta(self, delta: BlockDelta) -> Iterator[Event]:
        """Translate a contentBlockDelta."""
        if delta.text and self._answer_tool is not None:
            self._held += delta.text
        elif delta.text:
            yield from self._piece("msg", delta.text)
        if delta.tool_use is not None and delta.tool_use.input:
            if self._call is not None:
                yield from self._call.feed(delta.tool_use.input)
            elif self._kind == "msg":  # the input of the answer tool
                yield from self._piece("msg", delta.tool_use.input)
        if delta.reasoning_content is not None:
            yield from self._reasoning(delta.reasoning_content)
        if (citation := given(delta.citation)) is not None:
            self._block_citations.append(citation)

    def stop(self) -> Iterator[Event]:
        """Translate a contentBlockStop. The item stays open: more text may follow, or its status be `incomplete`."""
        self.citations += self._block_citations
        if self._kind == "msg" and self._answer_tool is None:
            yield from self._annotate()
        self._block_citations, self._block_start, self._block_ended = [], len(self._text), True

    def close(self, status: str) -> Iterator[Event]:
        """End the response. Text that was held back is written if there is no answer.

        `status` is that of the last item: `completed` or `incomplete`.
        """
        if self._held and not self._answered:
            yield from self.end()
            yield from self._piece("msg", self._held)
        yield from self.end(status)

    def end(self, status: str = "completed") -> Iterator[Event]:
        """End the open item, if any."""
        if self._call is not None:
            yield from self._call.end()
            yield self._done(self._call.item(status))
        elif self._kind is not None:
            if self._kind == "msg" and not self._text:
                yield from self._piece("msg", "{}")  # an answer tool without input: clients parse the text
            yield from self._parts_done(self._kind)
            yield self._done(self._item(self._kind, status))
        self._call = self._kind = None
        self._reset()

    def _done(self, item: dict[str, Any]) -> Event:
        self.items.append(item)
        return "output_item.done", {"output_index": len(self.items) - 1, "item": item}

    def _annotate(self) -> Iterator[Event]:
        # At the end of the block, when it is known which text its citations cover.
        for raw in self._block_citations:
            translated = annotation(raw, self._block_start, len(self._text))
            if translated is not None:
                members = {"type": translated.type, **msgspec.to_builtins(translated.url_citation)}
                event = self._event(content_index=0, annotation_index=len(self._annotations), annotation=members)
                self._annotations.append(members)
                yield "output_text.annotation.added", event

    def _begin_call(self, use: ToolUseStart) -> Iterator[Event]:
        name, index = self._names.to_client(use.name), len(self.items)
        tool = self._tools.get(name) or ClientTool(name=name)
        self._call = call_of(tool, use.tool_use_id, suffix=f"{self._request_id}_{index}", index=index)
        return self._call.begin()

    def _begin(self, kind: TextKind) -> Iterator[Event]:
        yield from self.end()
        self._kind = kind
        yield "output_item.added", {"output_index": len(self.items), "item": self._item(kind, "in_progress")}
        if kind == "msg":
            yield "content_part.added", self._event(content_index=0, part=_text_part("", []))

    def _piece(self, kind: TextKind, text: str) -> Iterator[Event]:
        """Add text to the open item; one of another kind ends before it."""
        if self._kind != kind:
            yield from self._begin(kind)
        if kind == "rs" and not self._text:
            yield "reasoning_summary_part.added", self._event(summary_index=0, part=_summary_part(""))
        self._text += text
        name, members = _DELTA[kind]
        yield name, self._event(**members, delta=text)

    def _reasoning(self, delta: ReasoningDelta) -> Iterator[Event]:
        if self._kind != "rs" or self._block_ended:
            yield from self._begin("rs")
        self._signature += delta.signature or ""
        self._redacted += delta.redacted_content or ""
        if delta.text:
            yield from self._piece("rs", delta.text)

    def _parts_done(self, kind: TextKind) -> Iterator[Event]:
        text = self._text
        match kind:
            case "msg":
                yield "output_text.done", self._event(content_index=0, logprobs=[], text=text)
                part = _text_part(text, self._annotations)
                yield "content_part.done", self._event(content_index=0, part=part)
            case "rs":
                if text:
                    yield "reasoning_summary_text.done", self._event(summary_index=0, text=text)
                    yield "reasoning_summary_part.done", self._event(summary_index=0, part=_summary_part(text))
            case _:
                assert_never(kind)

    def _event(self, **members: Any) -> dict[str, Any]:
        return {"item_id": self._id, "output_index": len(self.items), **members}

    @property
    def _id(self) -> str:
        return f"{self._kind}_{self._request_id}_{len(self.items)}"

    def _item(self, kind: TextKind, status: str) -> dict[str, Any]:
        """Return the open item. It has no parts until it is complete."""
        is_done = status != "in_progress"
        match kind:
            case "msg":
                parts = [_text_part(self._text, self._annotations)] if is_done else []
                return {"type": "message", "id": self._id, "role": "assistant", "content": parts, "status": status}
            case "rs":
                content = EncryptedContent(self._text, self._signature or None, self._redacted or None)
                encrypted = {"encrypted_content": encode(content)} if is_done else {}
                summary = [_summary_part(self._text)] if self._text else []
                return {"type": "reasoning", "id": self._id, "summary": summary, **encrypted, "status": status}
            case _:
                assert_never(kind)


_DELTA: dict[TextKind, tuple[str, dict[str, Any]]] = {
    "msg": ("output_text.delta", {"content_index": 0, "logprobs": []}),
    "rs": ("reasoning_summary_text.delta", {"summary_index": 0}),
}


def _text_part(text: str, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def _summary_part(text: str) -> dict[str, Any]:
    return {"type": "summary_text", "text": text}
