"""The items of the conversation, with those of earlier responses where the request refers to them.

https://platform.openai.com/docs/guides/conversation-state
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from typing import NoReturn, TypeAlias

import msgspec

from aigw_extproc import wire
from aigw_extproc.errors import InvalidRequest, ResponseNotFound
from aigw_extproc.openai import responses
from aigw_extproc.openai.response_items import Item, Message, decode_item
from aigw_extproc.translate.contract import StateNeeded, Stored, StoredResponse, Target

PlacedItem: TypeAlias = tuple[str, Item]
"""The path in the request, and the item."""

_ITEM_ID = re.compile(r"[a-z]+_([0-9a-f]{32})_[0-9]+")
"""An id of an item of a stored response: it holds the response's."""


class Keeping(msgspec.Struct, frozen=True, kw_only=True):
    """What a response that is kept needs of its request."""

    id: str
    """Of the response, without `resp_`."""
    input: bytes
    """As in `StoredResponse`."""

    def response(self, body: bytes) -> StoredResponse:
        """Return the record of a response."""
        return StoredResponse(id=f"resp_{self.id}", body=body, input=self.input)


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The items of a conversation up to this request."""

    items: Sequence[PlacedItem]
    keeping: Keeping | None = None
    """None if the response is not kept."""


class _Reference(msgspec.Struct, frozen=True):
    """A reference to an item; its `type` is optional, as that of a message is."""

    type: str | None = None
    id: str | None = None
    role: str | None = None

    @property
    def item_id(self) -> str | None:
        """The id of the item, if this is a reference."""
        return self.id if self.type == "item_reference" or (self.type is None and self.role is None) else None


class _Output(msgspec.Struct, frozen=True):
    output: list[msgspec.Raw]


_REFERENCE = msgspec.json.Decoder(_Reference)
_OUTPUT = msgspec.json.Decoder(_Output)
_RAW_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


def history(request: responses.ResponsesRequest, target: Target) -> History:
    """Return the items of the conversation.

    Raises:
        InvalidRequest: an item is wrong, or there is no store for what the request needs of one.
        ResponseNotFound: an earlier response is not in the store.
        StateNeeded: earlier responses have to be looked up, or an id given to this one.
    """
    if not target.keeps:
        _require_stateless(request)
        return History(items=[(place, decode_item(raw, place)) for place, raw in _input(request)])
    own = [(place, raw, wire.decode_at(_REFERENCE, raw, place).item_id) for place, raw in _input(request)]
    needed = {place: _response_of(item_id, place) for place, _, item_id in own if item_id is not None}
    if request.previous_response_id is not None:
        needed["previous_response_id"] = request.previous_response_id
    keeps = request.store is not False
    if not needed and not keeps:
        return History(items=[(place, decode_item(raw, place)) for place, raw, _ in own])
    if target.stored is None:
        raise StateNeeded(tuple(dict.fromkeys(needed.values())))
    found = {place: _require(target.stored, response_id, place) for place, response_id in needed.items()}
    raws = [*_earlier(found.pop("previous_response_id", None))]
    raws += [(place, _item(found[place], item_id, place) if item_id else raw) for place, raw, item_id in own]
    items = [(place, decode_item(raw, place)) for place, raw in raws]
    if not keeps:
        return History(items=items)
    context = msgspec.json.encode([raw for _, raw in raws])
    return History(items=items, keeping=Keeping(id=target.stored.new_id, input=zlib.compress(context, 1)))


def _input(request: responses.ResponsesRequest) -> Iterator[tuple[str, msgspec.Raw]]:
    """Yield the request's own items; a string is one user message."""
    if isinstance(request.input, str):
        message = Message(role="user", content=request.input)
        yield "input", msgspec.Raw(msgspec.json.encode(message))
    else:
        for index, raw in enumerate(request.input):
            yield f"input[{index}]", raw


def _earlier(response: StoredResponse | None) -> Iterator[tuple[str, msgspec.Raw]]:
    """Yield the items of the conversation up to an earlier response, and its own."""
    if response is not None:
        raws = [*_RAW_ITEMS.decode(zlib.decompress(response.input)), *_OUTPUT.decode(response.body).output]
        yield from (("previous_response_id", raw) for raw in raws)


def _item(response: StoredResponse, item_id: str, place: str) -> msgspec.Raw:
    raws = _OUTPUT.decode(response.body).output
    return next((raw for raw in raws if _REFERENCE.decode(raw).id == item_id), None) or _not_found(place, item_id)


def _response_of(item_id: str, place: str) -> str:
    match = _ITEM_ID.fullmatch(item_id)
    return f"resp_{match[1]}" if match else _not_found(place, item_id)


def _require(stored: Stored, response_id: str, place: str) -> StoredResponse:
    return stored.found.get(response_id) or _not_found(place, response_id)


def _not_found(place: str, missing: str) -> NoReturn:
    raise ResponseNotFound(f"{place}: there is no {missing!r} (any more); send the items themselves", param=place)


_ADVICE = {
    "previous_response_id": (
        "send the items of the conversation so far as `input` (agent-framework: store=False; Semantic Kernel:"
        " store_enabled=False; openai-agents: a Session)"
    ),
    "store": "leave `store` out, or send false",
    "item_reference": "send the item itself (AI SDK: providerOptions.openai.store = false, or openai.chat(model))",
}


def _require_stateless(request: responses.ResponsesRequest) -> None:
    if request.previous_response_id is not None:
        _no_store("previous_response_id", _ADVICE["previous_response_id"])
    if request.store:
        _no_store("store", _ADVICE["store"])
    for place, raw in _input(request) if not isinstance(request.input, str) else ():
        if wire.decode_at(_REFERENCE, raw, place).item_id is not None:
            _no_store(place, _ADVICE["item_reference"])


def _no_store(place: str, advice: str) -> NoReturn:
    raise InvalidRequest.at(place, f"this gateway keeps no responses: {advice}, or start it with --store")
