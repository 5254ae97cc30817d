"""A streamed tool use → the item of a tool call, and its events.

https://platform.openai.com/docs/api-reference/responses-streaming/response/function_call_arguments/delta
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from aigw_extproc.translate.clients.chat.text_input import TextInput
from aigw_extproc.translate.clients.responses.client_tools import CALLS, ClientTool

Event = tuple[str, dict[str, Any]]
"""The type without `response.`, and the members without the sequence number."""

_ARGUMENTS = msgspec.json.Decoder(dict[str, Any])


class TextCall:
    """A call whose input is streamed as text."""

    def __init__(self, tool: ClientTool, call_id: str, request_id: str, index: int) -> None:
        """`index` is that of the item in the response."""
        self.index = index
        self.block_ended = False
        self._tool = tool
        self._format = CALLS[tool.kind]
        self._member = self._format.text or ""
        self._ids = {"type": self._format.type, "id": f"{self._format.id}_{request_id}_{index}", "call_id": call_id}
        self._text = ""
        self._decoder = TextInput() if tool.kind == "custom" else None

    def begin(self) -> Event:
        """Write the item without its input."""
        return "output_item.added", {"output_index": self.index, "item": self.item("in_progress")}

    def feed(self, fragment: str) -> Iterator[Event]:
        """Add a fragment of the function's arguments."""
        text = fragment if self._decoder is None else self._decoder.feed(fragment)
        if text:
            self._text += text
            yield self._event("delta", delta=text)

    def end(self, index: int) -> Iterator[Event]:
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
        ids = {"item_id": self._ids["id"], "output_index": self.index}
        return f"{self._format.type}_{self._member}.{event}", {**ids, **members}


class ObjectCall:
    """A call whose input are members of its item: it is written, and gets its index, when the input is complete.

    Without a JSON object it is the call of a function, so that the client sees what the model has written.
    """

    index: int | None = None

    def __init__(self, tool: ClientTool, call_id: str, request_id: str) -> None:
        self.block_ended = False
        self._tool = tool
        self._format = CALLS[tool.kind]
        self._call_id = call_id
        self._request_id = request_id
        self._text = ""
        self._written: Callable[[str], dict[str, Any]] = lambda _status: {}

    def feed(self, fragment: str) -> Iterator[Event]:
        """Add a fragment of the function's arguments."""
        self._text += fragment
        return iter(())

    def end(self, index: int) -> Iterator[Event]:
        """Write the item; the caller writes `output_item.done`."""
        try:
            arguments = _ARGUMENTS.decode(self._text or "{}")
        except msgspec.MsgspecError:
            function = TextCall(ClientTool(name=self._tool.name), self._call_id, self._request_id, index)
            self._written = function.item
            yield function.begin()
            yield from function.feed(self._text)
            yield from function.end(index)
        else:
            self._written = partial(self._item, arguments, index)
            yield "output_item.added", {"output_index": index, "item": self.item("in_progress")}

    def item(self, status: str) -> dict[str, Any]:
        """Return the complete item."""
        return self._written(status)

    def _item(self, arguments: dict[str, Any], index: int, status: str) -> dict[str, Any]:
        item_id = f"{self._format.id}_{self._request_id}_{index}"
        ids = {"type": self._format.type, "id": item_id, "call_id": self._call_id}
        return {**ids, **self._format.members(arguments), "status": self._format.statuses.get(status, status)}
