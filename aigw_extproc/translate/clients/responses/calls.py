"""A streamed tool use → the item of a tool call, and its events.

https://platform.openai.com/docs/api-reference/responses-streaming/response/function_call_arguments/delta
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from aigw_extproc.translate.clients.responses.client_tools import CALLS, ClientTool
from aigw_extproc.translate.clients.responses.text_input import TextInput

Event = tuple[str, dict[str, Any]]
"""The type without `response.`, and the members without the sequence number."""

_ARGUMENTS = msgspec.json.Decoder(dict[str, Any])


def call_of(tool: ClientTool, call_id: str, *, suffix: str, index: int) -> TextCall | ObjectCall:
    """Begin the call of a tool. `suffix` makes the item's id unique; `index` is that of the item."""
    kind = TextCall if CALLS[tool.kind].text else ObjectCall
    return kind(tool, call_id, suffix, index)


class TextCall:
    """A call whose input is streamed as text."""

    def __init__(self, tool: ClientTool, call_id: str, suffix: str, index: int) -> None:
        self._tool = tool
        self._format = CALLS[tool.kind]
        self._member = self._format.text or ""
        self._ids = {"type": self._format.type, "id": f"{self._format.id}_{suffix}", "call_id": call_id}
        self._index = index
        self._text = ""
        self._decoder = TextInput() if tool.kind == "custom" else None

    def begin(self) -> Iterator[Event]:
        """Write the item without its input."""
        yield "output_item.added", {"output_index": self._index, "item": self.item("in_progress")}

    def feed(self, fragment: str) -> Iterator[Event]:
        """Add a fragment of the function's arguments."""
        text = fragment if self._decoder is None else self._decoder.feed(fragment)
        if text:
            self._text += text
            yield self._event("delta", delta=text)

    def end(self) -> Iterator[Event]:
        """Complete the input; the caller writes `output_item.done`."""
        rest = self._decoder.close() if self._decoder is not None else ""
        if self._decoder is None and not self._text:
            rest = "{}"  # a function without arguments: clients parse the text
        if rest:
            self._text += rest
            yield self._event("delta", delta=rest)
        name = {} if self._tool.kind == "custom" else {"name": self._tool.name}
        yield self._event("done", **name, **{self._member: self._text})

    def item(self, status: str) -> dict[str, Any]:
        """Return the item with the input so far."""
        namespace = {} if self._tool.namespace is None else {"namespace": self._tool.namespace}
        return {**self._ids, "name": self._tool.name, **namespace, self._member: self._text, "status": status}

    def _event(self, event: str, **members: Any) -> Event:
        ids = {"item_id": self._ids["id"], "output_index": self._index}
        return f"{self._format.type}_{self._member}.{event}", {**ids, **members}


class ObjectCall:
    """A call whose input are members of its item: it is written when the input is complete.

    Without a JSON object it is the call of a function, so that the client sees what the model has written.
    """

    def __init__(self, tool: ClientTool, call_id: str, suffix: str, index: int) -> None:
        self._format = CALLS[tool.kind]
        self._ids = {"type": self._format.type, "id": f"{self._format.id}_{suffix}", "call_id": call_id}
        self._index = index
        self._text = ""
        self._function = TextCall(ClientTool(name=tool.name), call_id, suffix, index)

    def begin(self) -> Iterator[Event]:
        """Write nothing yet."""
        return iter(())

    def feed(self, fragment: str) -> Iterator[Event]:
        """Add a fragment of the function's arguments."""
        self._text += fragment
        return iter(())

    def end(self) -> Iterator[Event]:
        """Write the item; the caller writes `output_item.done`."""
        if self._arguments() is not None:
            yield "output_item.added", {"output_index": self._index, "item": self.item("in_progress")}
        else:
            yield from self._function.begin()
            yield from self._function.feed(self._text)
            yield from self._function.end()

    def item(self, status: str) -> dict[str, Any]:
        """Return the complete item."""
        arguments = self._arguments()
        if arguments is None:
            return self._function.item(status)
        status = self._format.statuses.get(status, status)
        return {**self._ids, **self._format.members(arguments), "status": status}

    def _arguments(self) -> dict[str, Any] | None:
        try:
            return _ARGUMENTS.decode(self._text or "{}")
        except msgspec.MsgspecError:
            return None
