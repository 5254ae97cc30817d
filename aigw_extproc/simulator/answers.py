"""An HTTP answer as a value: a status, headers, and the steps in which the body is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from aigw_extproc.simulator import frames
from aigw_extproc.simulator.errors import ServiceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send these bytes; the first of these steps sends the headers before them."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Wait for a time."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitAcknowledgement:
    """Wait until a client says that it has got what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Abort the connection with a TCP reset; nothing follows."""


Step = Send | Pause | AwaitAcknowledgement | Reset


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Without `content-length` among its headers the body is chunked and ends with the steps."""

    status: int = 200
    headers: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]

    @property
    def streamed(self) -> bool:
        """Whether the body is an event stream."""
        return ("content-type", frames.CONTENT_TYPE) in self.headers


def whole(
    body: bytes, *, status: int = 200, content_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> Answer:
    """An answer in one piece."""
    fields = {"content-type": content_type, "content-length": str(len(body)), **(headers or {})}
    return Answer(status=status, headers=tuple(fields.items()), steps=(Send(data=body),) if body else ())


def json(value: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
    """A successful answer of the API."""
    return whole(msgspec.json.encode(value), headers=headers)


def error(failure: ServiceError) -> Answer:
    """An error as AWS's JSON protocols have it: its name in a header, its text in the body."""
    headers = {"x-amzn-errortype": failure.error_type, **failure.headers}
    return whole(msgspec.json.encode({"message": failure.message}), status=failure.status, headers=headers)


def stream(encoded: Iterable[bytes], **headers: str) -> Answer:
    """A successful event stream: one step for each frame. `_` in the name of a header stands for `-`."""
    fields = ((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(
        headers=(("content-type", frames.CONTENT_TYPE), *fields),
        steps=tuple(Send(data=frame) for frame in encoded),
    )
