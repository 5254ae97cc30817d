"""HTTP responses as values: a status, headers, and the steps in which the body is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from aigw_extproc.simulator import frames
from aigw_extproc.simulator.errors import ServiceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send bytes of the body; the first such step sends the headers before them."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Wait for a time."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitAcknowledgement:
    """Wait until the client acknowledges what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Abort the connection with a TCP reset; the last step."""


Step = Send | Pause | AwaitAcknowledgement | Reset


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A response. Without a `content-length` header the body is chunked and ends with the last step."""

    status: int = 200
    headers: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]

    @property
    def streamed(self) -> bool:
        """Whether the body is an event stream."""
        return ("content-type", frames.CONTENT_TYPE) in self.headers

    @property
    def body(self) -> bytes:
        """The bytes of all steps."""
        return b"".join(step.data for step in self.steps if isinstance(step, Send))


def buffered(
    body: bytes, *, status: int = 200, content_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return a response whose body is sent at once."""
    fields = {"content-type": content_type, "content-length": str(len(body)), **(headers or {})}
    return HttpResponse(status=status, headers=tuple(fields.items()), steps=(Send(data=body),) if body else ())


def json(value: Any, *, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a successful JSON response."""
    return buffered(msgspec.json.encode(value), headers=headers)


def error(failure: ServiceError) -> HttpResponse:
    """Return an error response of AWS's JSON protocols: name in a header, message in the body."""
    headers = {"x-amzn-errortype": failure.error_type, **failure.headers}
    return buffered(msgspec.json.encode({"message": failure.message}), status=failure.status, headers=headers)


def stream(encoded: Iterable[bytes], **headers: str) -> HttpResponse:
    """Return a successful event stream, one step for each frame. `_` in a header name means `-`."""
    fields = ((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpResponse(
        headers=(("content-type", frames.CONTENT_TYPE), *fields), steps=tuple(Send(data=frame) for frame in encoded)
    )
