"""HTTP messages as values: a request before anything has been decoded, and a response as the steps that send it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import msgspec

from aigw_extproc.simulator import frames
from aigw_extproc.simulator.errors import ServiceError

# A model id is one path segment, with `/` and `:` percent-encoded; so the raw path has to be matched.
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_RequestSyntax
MODEL_PATH = re.compile(r"/model/(?P<model>[^/]+)/(?P<operation>[a-z-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request. Header names are in lower case, in the order of their arrival."""

    method: str
    raw_path: str
    """Path of the request line, still percent-encoded."""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """Return the first value of a header."""
        return next((value for key, value in self.headers if key == name), None)

    def target(self) -> tuple[str, str]:
        """Return the operation's path segment (`converse-stream`) and the model id, decoded once.

        Raises ServiceError (UnknownOperationException) for paths that Bedrock does not have.
        """
        match = MODEL_PATH.fullmatch(self.raw_path)
        if match is None or self.method != "POST":
            raise ServiceError("UnknownOperationException", f"Unknown operation: {self.method} {self.raw_path}")
        return match["operation"], unquote(match["model"])


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


Step = bytes | Pause | AwaitAcknowledgement | Reset
"""Bytes are sent as a part of the body, the first ones after the headers."""


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
        return b"".join(step for step in self.steps if isinstance(step, bytes))


def buffered(
    body: bytes, *, status: int = 200, content_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return a response whose body is sent at once."""
    fields = {"content-type": content_type, "content-length": str(len(body)), **(headers or {})}
    return HttpResponse(status=status, headers=tuple(fields.items()), steps=(body,) if body else ())


def json(value: Any, *, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a successful JSON response."""
    return buffered(msgspec.json.encode(value), headers=headers)


def error(failure: ServiceError) -> HttpResponse:
    """Return an error response of AWS's JSON protocols: name in a header, message in the body."""
    headers = {"x-amzn-errortype": failure.error_type, **failure.headers}
    return buffered(msgspec.json.encode({"message": failure.message}), status=failure.status, headers=headers)


def stream(
    chunks: Iterable[bytes], *, content_type: str = frames.CONTENT_TYPE, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return a successful response that is sent in chunks, by default frames of an event stream."""
    fields = {"content-type": content_type, **(headers or {})}
    return HttpResponse(headers=tuple(fields.items()), steps=tuple(chunks))
