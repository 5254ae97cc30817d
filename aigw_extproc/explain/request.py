"""The client request that is to be explained: a path, headers, and a body as the client would send it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.wire import FIELDS, decode, edit_fields

DEFAULT_PATH: Final = "/v1/chat/completions"
REQUEST_ID: Final = "00000000-0000-4000-8000-000000000000"
"""Stands for the id that Envoy gives a request."""
_PATH: Final = "_path"
_HEADERS: Final = "_headers"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRequest:
    """A request as the processor gets it from Envoy."""

    headers: Mapping[str, str]
    """Names in lower case, with the pseudo-headers."""
    body: bytes

    @property
    def path(self) -> str:
        """The path without its query."""
        return self.headers[":path"].partition("?")[0]


def client_request(
    data: bytes, *, path: str | None = None, headers: Iterable[tuple[str, str]] = (), method: str = "POST"
) -> ClientRequest:
    """Return the request with this body.

    Two members of the body are not the client's: `_path` (what follows a blank in it is a remark) and `_headers`.
    `path` and `headers` override them.
    """
    own_path, own_headers, body = _unwrapped(data)
    named = {name.lower(): value for name, value in (*own_headers, *headers)}
    return ClientRequest(
        headers={
            ":method": method,
            ":path": path or own_path or DEFAULT_PATH,
            ":scheme": "http",
            ":authority": named.pop("host", "localhost"),
            "content-type": "application/json",
            "x-forwarded-proto": "http",
            "x-request-id": REQUEST_ID,
            **named,
        },
        body=body,
    )


def header(text: str) -> tuple[str, str]:
    """Return the name and the value of a header, `NAME: VALUE`.

    Raises:
        ValueError: there is no name, or no colon.
    """
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ValueError(f"{text!r}: expected NAME: VALUE")
    return name.strip().lower(), value.strip()


def _unwrapped(data: bytes) -> tuple[str | None, list[tuple[str, str]], bytes]:
    """Return the path, the headers and the client's body in `data`, whose other bytes stay as they are."""
    try:
        fields = decode(FIELDS, data)
        if _PATH not in fields and _HEADERS not in fields:
            return None, [], data
        path = msgspec.json.decode(fields.get(_PATH, msgspec.Raw(b"null")), type=str | None)
        headers = msgspec.json.decode(fields.get(_HEADERS, msgspec.Raw(b"{}")), type=dict[str, str])
        return path.partition(" ")[0] if path else None, list(headers.items()), _without(data)
    except (InvalidRequest, msgspec.DecodeError):  # the exchange says what is wrong with it
        return None, [], data


def _without(data: bytes) -> bytes:
    return edit_fields(data, set_fields={}, remove=(_PATH, _HEADERS))
