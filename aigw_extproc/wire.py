"""JSON bodies to typed values: parsed once at the edge, trusted inside.

msgspec reports the place of a fault as `$.messages[0].content`; clients know it as `messages[0].content`.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from aigw_extproc.errors import InvalidRequest

T = TypeVar("T")

_PLACE = re.compile(r"^(?P<fault>.*) - at `(?:key in )?\$\.?(?P<path>.*)`$", re.DOTALL)


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decodes a client's request body.

    Raises:
        InvalidRequest: the body is not JSON, or not of the decoder's type; `param` names the field.
    """
    try:
        return decoder.decode(as_utf8(body))
    except msgspec.ValidationError as error:
        fault, path = split_fault(str(error))
        raise InvalidRequest(f"{path}: {fault}" if path else fault, param=path) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = "the body is empty" if not body.strip() else str(error)
        raise InvalidRequest(f"the request body is not valid JSON: {reason}") from None
    except RecursionError:
        raise InvalidRequest("the request body is nested too deeply") from None


def as_utf8(body: bytes) -> bytes:
    """The same bytes, which are UTF-8 all over: a decoder does not look into the members that it passes through.

    Raises:
        UnicodeDecodeError: they are not.
    """
    if not body.isascii():
        body.decode()
    return body


def given(raw: msgspec.Raw) -> msgspec.Raw | None:
    """A member that is passed through undecoded, or None when it is absent or null.

    msgspec knows no optional Raw: such a member's default is the empty Raw.
    """
    return raw if bytes(raw) not in {b"", b"null"} else None


def split_fault(text: str) -> tuple[str, str | None]:
    """Splits msgspec's sentence into the fault and the path of the field, which is None at the root."""
    match = _PLACE.match(text)
    if match is None:
        return text, None
    return match["fault"], match["path"] or None
