"""What every translation takes and yields.

    translate_request(request, target) → UpstreamRequest
        .answer: Answer → translate_response, translate_stream or translate_error

An `Answer` keeps what translating the response needs of the request: replaced names, options of the stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from aigw_extproc.bedrock.families import Family
from aigw_extproc.config.snapshot import Schema
from aigw_extproc.errors import GatewayError, UpstreamError


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens, as OpenAI counts: the input includes what was read from and written to a cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    cached_input_tokens: int = 0
    cache_creation_input_tokens: int = 0


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """What an http(s) URL in a request held."""

    media_type: str
    base64: str


class FetchFailed(msgspec.Struct, frozen=True, kw_only=True):
    """Why it could not be had: a phrase for the client that goes on behind the URL ("is not a public address")."""

    reason: str


Fetched = Media | FetchFailed


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The model that a request is translated for, and the backend that serves it."""

    model: str
    """The id that the backend is asked for."""
    family: Family
    schema: Schema
    fetched: Mapping[str, Fetched] = {}
    """What the URLs of an earlier MediaNeeded held."""


class MediaNeeded(Exception):
    """The request names URLs whose content the backend wants inside the body: fetch them and translate again."""

    def __init__(self, urls: tuple[str, ...]) -> None:
        super().__init__(f"{len(urls)} URLs have to be fetched")
        self.urls = urls


class ResponseContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a translation needs to know of the response besides its body."""

    request_id: str
    """`x-amzn-requestid`, or our own request id where that is missing."""
    created: int
    """Seconds since 1970."""
    headers: Mapping[str, str] = {}
    """The upstream's, names in lower case: some APIs count their tokens there."""


class ClientResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A whole response, in the client's words."""

    body: bytes
    usage: Usage | None
    """None where the upstream does not say."""
    media_type: str = "application/json"


class ResponseStream(Protocol):
    """A response in chunks. A failure of the upstream becomes the stream's last event, in the client's format."""

    @property
    def usage(self) -> Usage | None: ...
    @property
    def failure(self) -> GatewayError | None:
        """The error in which the stream ended."""

    def feed(self, data: bytes) -> bytes:
        """Takes bytes from the upstream, cut anywhere, and returns those for the client; none while more is needed."""
        ...

    def close(self) -> bytes:
        """The upstream's body has ended; returns the last bytes for the client."""
        ...

    def fail(self, failure: GatewayError) -> bytes:
        """Ends the stream for the client with an error; nothing comes of what is fed later."""
        ...


class Answer(Protocol):
    """The way back for one request."""

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        """Translates the body of a 200.

        Raises:
            InvalidUpstreamResponse: the body is not what the backend's API promises.
        """
        ...

    def translate_stream(self, context: ResponseContext) -> ResponseStream:
        """Begins the translation of a 200 that comes in pieces."""
        ...

    def translate_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """Translates any other answer."""
        ...


class UpstreamResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer of the backend's, to a request that the gateway made itself."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class BatchAnswer(Answer, Protocol):
    """The way back for a request that became several."""

    def translate_batch(self, responses: Sequence[UpstreamResponse], context: ResponseContext) -> ClientResponse:
        """Makes one answer of several 200s, which come in the order of their requests.

        Raises:
            InvalidUpstreamResponse: a body is not what the backend's API promises.
        """
        ...


class UpstreamRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request in the backend's words."""

    path: str
    """Percent-encoded, without a query."""
    body: bytes
    accept: str
    """The media type that the answer should have."""
    stream: bool
    """Whether the backend's answer comes in pieces."""
    dropped: tuple[str, ...]
    """Names of parameters that the backend has no word for, in the client's spelling."""
    answer: Answer


class UpstreamBatch(UpstreamRequest, frozen=True, kw_only=True):
    """Several requests to one path, where one holds more than the backend takes at once: the gateway makes them."""

    further: tuple[bytes, ...] = ()
    """The bodies behind the first, in order; empty where one request does."""
    answer: BatchAnswer
