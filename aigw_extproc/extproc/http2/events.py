"""What a peer did."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.extproc.http2.frames import ErrorCode


class Request(msgspec.Struct, frozen=True):
    """A stream has begun. Values of repeated headers are joined with commas."""

    stream_id: int
    headers: Mapping[str, str]
    ended: bool
    """No data follows."""


class Data(msgspec.Struct, frozen=True):
    """A piece of a request's body, which may be empty at its end."""

    stream_id: int
    data: bytes
    ended: bool


class Reset(msgspec.Struct, frozen=True):
    """A stream has ended early. Nothing can be sent on it any more."""

    stream_id: int
    code: int
    reason: str
    """What the peer did wrong; empty if the peer has reset the stream."""


class Failed(msgspec.Struct, frozen=True):
    """The peer violated the protocol: send the pending bytes, then close the connection."""

    code: ErrorCode
    reason: str


class GoingAway(msgspec.Struct, frozen=True):
    """The peer will open no more streams."""

    code: int
    reason: str


Event = Request | Data | Reset | Failed | GoingAway
