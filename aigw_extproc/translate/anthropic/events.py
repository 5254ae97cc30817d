"""Anthropic's events out of the frames of InvokeModelWithResponseStream, whoever the client is.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html
A frame of the type `chunk` holds `{"bytes": …, "p": …}`: an event as base64, and padding that hides its length.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator

import msgspec

from aigw_extproc.bedrock.errors import from_frame
from aigw_extproc.bedrock.eventstream import EventStreamDecoder, Message
from aigw_extproc.errors import InvalidUpstreamResponse
from aigw_extproc.wire import as_utf8


class _Part(msgspec.Struct, frozen=True):
    bytes: str


_PART = msgspec.json.Decoder(_Part)


class InvokeEvents:
    """Takes bytes, cut anywhere, and gives the JSON of each event."""

    def __init__(self) -> None:
        self._decoder = EventStreamDecoder()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The events that are complete.

        Raises:
            UpstreamError: the stream has failed: an exception frame, or frames that cannot be read.
        """
        self._decoder.feed(data)
        while (frame := self._decoder.next_message()) is not None:
            failure = from_frame(frame)
            if failure is not None:
                raise failure
            if frame.headers.get(":event-type") == "chunk":
                yield _event(frame)


def _event(frame: Message) -> bytes:
    try:
        return as_utf8(a2b_base64(_PART.decode(frame.payload).bytes, strict_mode=True))
    except (msgspec.MsgspecError, UnicodeDecodeError, Base64Error, ValueError):
        raise InvalidUpstreamResponse("an event of the response stream cannot be read") from None
