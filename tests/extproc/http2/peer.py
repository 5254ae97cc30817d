"""A client of a `Connection`, which sends frames as they are written, valid or not, and reads with `hyperframe`."""

from __future__ import annotations

from collections.abc import Iterable

from hpack import Encoder
from hyperframe.frame import Frame, GoAwayFrame, RstStreamFrame, SettingsFrame

from aigw_extproc.extproc.http2 import frames
from aigw_extproc.extproc.http2.connection import Connection
from aigw_extproc.extproc.http2.events import Event, Failed
from aigw_extproc.extproc.http2.frames import ACK, END_HEADERS, END_STREAM, PREFACE, ErrorCode, frame

PATH = "/service/Method"
REQUEST = ((":method", "POST"), (":scheme", "http"), (":path", PATH), (":authority", "x"))
MUCH = 2**30
"""Bytes, for `data_to_send`."""


def block_of(*pairs: tuple[str, str]) -> bytes:
    """A header block that sets the size of the dynamic table to 0, as the server wants it."""
    return b"\x20" + Encoder().encode([(name, value, True) for name, value in pairs])


def headers(*extra: tuple[str, str]) -> bytes:
    """The header block of a request."""
    return block_of(*REQUEST, *extra)


def opening(stream_id: int, *, end: bool = False, block: bytes | None = None) -> bytes:
    """HEADERS that open a stream."""
    flags = END_HEADERS | (END_STREAM if end else 0)
    return frame(frames.HEADERS, flags, stream_id, headers() if block is None else block)


def data(stream_id: int, content: bytes, *, end: bool = False) -> bytes:
    return frame(frames.DATA, END_STREAM if end else 0, stream_id, content)


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(frames.SETTINGS, 0, 0, b"".join(frames.SETTING.pack(*pair) for pair in pairs))


class Peer:
    """A client that has greeted the server and knows its settings."""

    def __init__(self, *pairs: tuple[int, int]) -> None:
        self.now = 0.0
        self.connection = Connection()
        self.greeting = self.answers()
        assert self.send(PREFACE, settings(*pairs), frame(frames.SETTINGS, ACK, 0)) == []
        [acknowledged] = self.answers()
        assert isinstance(acknowledged, SettingsFrame)
        assert "ACK" in acknowledged.flags

    def send(self, *parts: bytes) -> list[Event]:
        """Send bytes, and return the events that they cause."""
        return self.connection.receive(b"".join(parts), self.now)

    def answers(self, limit: int = MUCH) -> list[Frame]:
        """Return the frames that the connection has to send."""
        return list(parsed(self.connection.data_to_send(limit)))

    def failure(self, *parts: bytes) -> tuple[ErrorCode, str]:
        """Send bytes that end the connection. Return the code and the reason, which the client gets too."""
        failed = self.send(*parts)[-1]
        assert isinstance(failed, Failed)
        away = self.answers()[-1]
        assert isinstance(away, GoAwayFrame)
        assert (away.error_code, away.additional_data) == (failed.code, failed.reason.encode())
        assert self.send(opening(99)) == []
        assert self.connection.failed
        return failed.code, failed.reason

    def resets(self) -> list[tuple[int, int]]:
        """Return stream and code of the resets that the connection has to send."""
        return [(one.stream_id, one.error_code) for one in self.answers() if isinstance(one, RstStreamFrame)]


def parsed(data: bytes) -> Iterable[Frame]:
    view = memoryview(data)
    while view:
        one, length = Frame.parse_frame_header(view[:9])
        one.parse_body(view[9 : 9 + length])
        view = view[9 + length :]
        yield one
