"""Decoding of JSON request bodies into typed values.

msgspec reports the path of a fault as `$.messages[0].content`, clients get `messages[0].content`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Annotated, TypeVar

import msgspec

from aigw_extproc.errors import InvalidRequest, RequestTooLarge

T = TypeVar("T")

_PLACE = re.compile(r"^(?P<fault>.*) - at `(?:key in )?\$\.?(?P<path>.*)`$", re.DOTALL)


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode a client's request body.

    Raises:
        InvalidRequest: the body is not JSON, or not of the decoder's type; `param` is the path of the field.
        RecursionError: the body is nested too deeply.
    """
    try:
        return decoder.decode(as_utf8(body))
    except msgspec.ValidationError as error:
        fault, path = split_fault(str(error))
        raise InvalidRequest(fault, param=path) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = "the body is empty" if not body.strip() else str(error)
        raise InvalidRequest(f"the request body is not valid JSON: {reason}") from None


def decode_at(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, place: str) -> T:
    """Decode an undecoded member of a request; `place` is its path.

    Raises:
        InvalidRequest: as `decode`; `param` is the path from the request's root.
    """
    try:
        return decode(decoder, bytes(raw))
    except InvalidRequest as error:
        raise InvalidRequest.at(f"{place}.{error.param}" if error.param else place, error.reason) from None


MAX_MESSAGES = 10_000
"""Messages of a conversation, or items of a response's input. Agents send some thousand; each takes 3 µs."""
MAX_TOOLS = 2_000
"""Tools of a request. OpenAI accepts 128; an agent with many MCP servers sends some hundred."""

Messages = Annotated[list[T], msgspec.Meta(max_length=MAX_MESSAGES)]
Tools = Annotated[list[T], msgspec.Meta(max_length=MAX_TOOLS)]

MAX_FIELDS = 1_000
"""Top-level fields of a request. No API has a hundred."""
MAX_MEMBERS = 100_000
"""Members of all objects in a request body together."""
MAX_ELEMENTS = 500_000
"""Elements of all arrays and members of all objects together. Token ids are elements: a batch has up to 300,000."""

_ROOM = MAX_MEMBERS * len(b'"":0,')
_FEW_QUOTES = 200
_BACKSLASH = ord("\\")
_SHORTEST_ELEMENT = len(b"0,")


def check_structure(body: bytes) -> None:
    """Refuse a body that would take long to decode and translate because of the number of its parts.

    Only separators are counted, and only in a body that has room for too many outside of strings: first all of them,
    which costs a quarter, then those outside of strings.

    Raises:
        RequestTooLarge: it has more than MAX_MEMBERS or MAX_ELEMENTS.
    """
    if len(body) <= _ROOM or _is_mostly_strings(body) or not _excess(body, len(body)):
        return
    for length in sorted({min(3 * _ROOM, len(body)), len(body)}):  # most floods show at their beginning
        if excess := _excess(outside_strings(body[:length]), length):
            raise RequestTooLarge(f"the request body has more than {excess}; send fewer or shorter messages and tools")


def _is_mostly_strings(body: bytes) -> bool:
    """Return whether a few long strings (images, documents) fill the body; False if unsure."""
    at = outside = 0
    in_string = False
    for _ in range(_FEW_QUOTES):
        quote = body.find(b'"', at)
        if quote < 0:
            break
        if not in_string:
            outside += quote - at
        elif body[quote - 1] == _BACKSLASH == body[quote - 2]:
            return False
        if not in_string or body[quote - 1] != _BACKSLASH:
            in_string = not in_string
        at = quote + 1
    else:
        return False
    return outside + (0 if in_string else len(body) - at) <= _ROOM


def _excess(text: bytes, size: int) -> str | None:
    """Return the limit that a text exceeds, as a phrase, or None. `size` is its length with its strings."""
    if text.count(b":") > MAX_MEMBERS:
        return f"{MAX_MEMBERS:,} members of objects"
    if size > MAX_ELEMENTS * _SHORTEST_ELEMENT and text.count(b",") + text.count(b"[") > MAX_ELEMENTS:
        return f"{MAX_ELEMENTS:,} elements of arrays"
    return None


def outside_strings(body: bytes) -> bytes:
    """Return JSON without its strings; the rest unchanged after more strings than are accepted."""
    # A backslash is in a string. Without escaped quotes and backslashes, every quote begins or ends a string.
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(plain.split(b'"', 2 * (MAX_ELEMENTS + MAX_MEMBERS))[::2])


class _Named(msgspec.Struct, frozen=True):
    model: str


_NAMED = msgspec.json.Decoder(_Named)


def model_of(body: bytes) -> str:
    """Return the model in a client's request body, which may be any JSON object otherwise.

    Raises:
        InvalidRequest: as `decode`.
    """
    return decode(_NAMED, body).model


def as_utf8(body: bytes) -> bytes:
    """Return the bytes if they are UTF-8, which msgspec does not check in Raw members.

    Raises:
        UnicodeDecodeError: they are not.
    """
    if not body.isascii():
        body.decode()
    return body


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """Base of requests that collect undeclared top-level fields, to report them as dropped."""

    # A client's own field `others` is one of these too, hence the encoded name.
    others: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict, name="(others)")
    """The undeclared fields, undecoded."""


OpenRequest = TypeVar("OpenRequest", bound=Open)
FIELDS = msgspec.json.Decoder(Annotated[dict[str, msgspec.Raw], msgspec.Meta(max_length=MAX_FIELDS)])
"""Decodes the top-level fields of a request."""


def decode_open(decoder: msgspec.json.Decoder[OpenRequest], body: bytes) -> OpenRequest:
    """Decode a client's request body, including undeclared fields.

    Raises:
        InvalidRequest: as `decode`.
    """
    fields = decode(FIELDS, body)
    request = decode(decoder, body)
    declared = request.__struct_encode_fields__  # a tuple: making a set of it costs more than the lookups
    others = {name: value for name, value in fields.items() if name not in declared}
    return msgspec.structs.replace(request, others=others)


def edit_fields(body: bytes, *, set_fields: Mapping[str, msgspec.Raw], remove: Collection[str] = ()) -> bytes:
    """Remove, then set top-level fields of a JSON object; without changes the body is returned as it is.

    Raises:
        InvalidRequest: the body is not a JSON object, or has more than MAX_FIELDS.
    """
    if not set_fields and not remove:
        return body
    fields = {name: value for name, value in decode(FIELDS, body).items() if name not in remove}
    return msgspec.json.encode(fields | dict(set_fields))


def given(raw: msgspec.Raw) -> msgspec.Raw | None:
    """Return an undecoded member, or None if it is absent or null.

    msgspec has no optional Raw: the default of such a member is the empty Raw.
    """
    return raw if bytes(raw) not in {b"", b"null"} else None


def split_fault(text: str) -> tuple[str, str | None]:
    """Split msgspec's message into the fault and the path of the field, None at the root."""
    match = _PLACE.match(text)
    if match is None:
        return text, None
    return match["fault"], match["path"] or None
