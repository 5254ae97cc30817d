"""Streamed content blocks → output items, and the events that tell of them.

https://platform.openai.com/docs/api-reference/responses-streaming
Text blocks that follow one another are one message; a thought is a reasoning item; a tool use is a function call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from aigw_extproc.bedrock.converse import BlockDelta, BlockStart, ReasoningDelta, ToolUseStart
from aigw_extproc.translate.clients.responses.thoughts import Thought, sealed
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.openai.citations import annotation
from aigw_extproc.wire import given

Event = tuple[str, dict[str, Any]]
"""Its type without `response.`, and its members but for the sequence number."""


class Output:
    """The items of one response. The input of `answer_tool` is the text; other text is held back until the end."""

    def __init__(self, request_id: str, names: ToolNames, answer_tool: str | None = None) -> None:
        self.items: list[dict[str, Any]] = []
        """Those that are over."""
        self.citations: list[msgspec.Raw] = []
        """All of them, as Bedrock says them."""
        self._request_id = request_id
        self._names = names
        self._answer_tool = answer_tool
        self._answered = False
        self._held = ""
        self._kind = ""
        """Of the open item: `msg`, `rs`, `fc`, `ignored`; empty when none is."""
        self._call = ToolUseStart(tool_use_id="", name="")
        self._reset()

    def _reset(self) -> None:
        self._text = ""
        self._signature = ""
        self._redacted = ""
        self._annotations: list[dict[str, Any]] = []
        self._cited: list[msgspec.Raw] = []
        """In the open block, which began at `_block_start` of the text."""
        self._block_start = 0
        self._is_over = False
        """Whether the open item's block is; only a message goes on in another."""

    def start(self, start: BlockStart) -> Iterator[Event]:
        """A contentBlockStart."""
        use = start.tool_use
        if use is None:
            return
        yield from self.end()
        if use.name != self._answer_tool:
            self._call = use
            yield from self._begin("fc")
        elif self._answered or any(item["type"] == "function_call" for item in self.items):
            self._kind = "ignored"
        else:
            self._answered = True
            yield from self._begin("msg")

    def delta(self, delta: BlockDelta) -> Iterator[Event]:
        """A contentBlockDelta."""
        if delta.text and self._answer_tool is not None:
            self._held += delta.text
        elif delta.text:
            yield from self._piece("msg", delta.text)
        if delta.tool_use is not None and delta.tool_use.input and self._kind in {"fc", "msg"}:
            yield from self._piece(self._kind, delta.tool_use.input)
        if delta.reasoning_content is not None:
            yield from self._reasoning(delta.reasoning_content)
        if (citation := given(delta.citation)) is not None:
            self._cited.append(citation)

    def stop(self) -> Iterator[Event]:
        """A contentBlockStop. The item stays open: more text may follow, or the word that all this was cut."""
        self.citations += self._cited
        if self._kind == "msg" and self._answer_tool is None:
            yield from self._annotated()
        self._cited, self._block_start, self._is_over = [], len(self._text), True

    def close(self, status: str) -> Iterator[Event]:
        """The response is over: what was held back for an answer that never came is the text.

        `status` is that of the last item: `completed`, or `incomplete` where it was cut.
        """
        if self._held and not self._answered:
            yield from self.end()
            yield from self._piece("msg", self._held)
        yield from self.end(status)

    def end(self, status: str = "completed") -> Iterator[Event]:
        """The open item, if any, is over."""
        kind = self._kind
        if kind in {"fc", "msg"} and not self._text:  # a message begins without text where a tool's input is it
            yield from self._piece(kind, "{}")  # clients parse what the fragments add up to
        if kind in _PART_DONE:
            yield from self._parts_done()
            item = self._item(status)
            yield "output_item.done", {"output_index": len(self.items), "item": item}
            self.items.append(item)
        self._kind = ""
        self._reset()

    def _annotated(self) -> Iterator[Event]:
        """The block's citations of web pages, when it is known which text they are of."""
        for raw in self._cited:
            found = annotation(raw, self._block_start, len(self._text))
            if found is not None:
                told = {"type": found.type, **msgspec.to_builtins(found.url_citation)}
                at = self._at(content_index=0, annotation_index=len(self._annotations), annotation=told)
                self._annotations.append(told)
                yield "output_text.annotation.added", at

    def _begin(self, kind: str) -> Iterator[Event]:
        yield from self.end()
        self._kind = kind
        yield "output_item.added", {"output_index": len(self.items), "item": self._item("in_progress")}
        if kind == "msg":
            yield "content_part.added", self._at(content_index=0, part=_text_part("", []))

    def _piece(self, kind: str, text: str) -> Iterator[Event]:
        """A piece of an item, which begins with it unless it has begun."""
        if self._kind != kind:
            yield from self._begin(kind)
        if kind == "rs" and not self._text:
            yield "reasoning_summary_part.added", self._at(summary_index=0, part=_summary_part(""))
        self._text += text
        name, index = _DELTA[kind]
        more: dict[str, Any] = {"logprobs": []} if kind == "msg" else {}
        yield f"{name}.delta", self._at(**index, **more, delta=text)

    def _reasoning(self, delta: ReasoningDelta) -> Iterator[Event]:
        if self._kind != "rs" or self._is_over:
            yield from self._begin("rs")
        self._signature += delta.signature or ""
        self._redacted += delta.redacted_content or ""
        if delta.text:
            yield from self._piece("rs", delta.text)

    def _parts_done(self) -> Iterator[Event]:
        kind, text = self._kind, self._text
        if kind == "rs" and not text:
            return
        name, index = _DELTA[kind]
        if kind == "fc":
            told = self._names.to_client(self._call.name)
            yield f"{name}.done", self._at(name=told, arguments=text)
            return
        more: dict[str, Any] = {"logprobs": []} if kind == "msg" else {}
        yield f"{name}.done", self._at(**index, **more, text=text)
        part = _text_part(text, self._annotations) if kind == "msg" else _summary_part(text)
        yield _PART_DONE[kind], self._at(**index, part=part)

    def _at(self, **members: Any) -> dict[str, Any]:
        return {"item_id": self._id, "output_index": len(self.items), **members}

    @property
    def _id(self) -> str:
        return f"{self._kind}_{self._request_id}_{len(self.items)}"

    def _item(self, status: str) -> dict[str, Any]:
        """The open item as it stands; parts are in it when they are complete."""
        is_done = status != "in_progress"
        match self._kind:
            case "fc":
                told = {"call_id": self._call.tool_use_id, "name": self._names.to_client(self._call.name)}
                return {"type": "function_call", "id": self._id, **told, "arguments": self._text, "status": status}
            case "rs":
                thought = Thought(self._text, self._signature or None, self._redacted or None)
                content = {"encrypted_content": sealed(thought)} if is_done else {}
                summary = [_summary_part(self._text)] if self._text else []
                return {"type": "reasoning", "id": self._id, "summary": summary, **content, "status": status}
        parts = [_text_part(self._text, self._annotations)] if is_done else []
        return {"type": "message", "id": self._id, "role": "assistant", "content": parts, "status": status}


_DELTA: dict[str, tuple[str, dict[str, int]]] = {
    "msg": ("output_text", {"content_index": 0}),
    "rs": ("reasoning_summary_text", {"summary_index": 0}),
    "fc": ("function_call_arguments", {}),
}
_PART_DONE = {"msg": "content_part.done", "rs": "reasoning_summary_part.done", "fc": ""}


def _text_part(text: str, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def _summary_part(text: str) -> dict[str, Any]:
    return {"type": "summary_text", "text": text}
