"""Anthropic's events in the frames of InvokeModelWithResponseStream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html
A frame of the type `chunk` holds `{"bytes": …, "p": …}`: an event as base64, and padding that hides its length.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64

import msgspec

from aigw_extproc.bedrock.eventstream import Frame
from aigw_extproc.errors import InvalidUpstreamResponse
from aigw_extproc.wire import as_utf8


class _Part(msgspec.Struct, frozen=True):
    bytes: str


_PART = msgspec.json.Decoder(_Part)


def event_json(frame: Frame) -> bytes | None:
    """Return the JSON of the event in a frame; None for a frame that holds none.

    Raises:
        InvalidUpstreamResponse: the frame cannot be read.
    """
    if frame.headers.get(":event-type") != "chunk":
        return None
    try:
        return as_utf8(a2b_base64(_PART.decode(frame.payload).bytes, strict_mode=True))
    except (msgspec.MsgspecError, UnicodeDecodeError, Base64Error, ValueError):
        raise InvalidUpstreamResponse("an event of the response stream cannot be read") from None
