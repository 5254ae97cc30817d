"""What every translation takes and yields.

    translate_request(request, target) → UpstreamRequest
        .answer: Answer → translate_response, translate_stream or translate_error

An `Answer` keeps what translating the response needs of the request: replaced names, options of the stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from aigw_extproc.bedrock import errors
from aigw_extproc.bedrock.families import Family
from aigw_extproc.config.snapshot import Schema
from aigw_extproc.errors import GatewayError, UpstreamError


class TokenCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens as OpenAI counts them: the input includes what was read from and written to a cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    cached_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    long_cache_creation_input_tokens: int = 0
    """Those of `cache_creation_input_tokens` that are kept for an hour, which cost more."""
    reasoning_tokens: int = 0
    """Those of the output; 0 where the upstream does not count them apart, as Bedrock."""
    images: int = 0
    """Images that were made, which are charged by their number."""
    image_class: str = ""
    """Their quality and size, as in the table of prices."""
    searches: int = 0
    """Queries of a reranking as Bedrock charges them: one for each 100 documents."""
    service_tier: str = ""
    """The tier that has served the request; empty for the standard one."""
    invoked_model: str = ""
    """The model that a prompt router has chosen; empty for the one that was asked for."""
    latency_ms: int | None = None
    """The time that Bedrock says it took; None if it does not."""


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """The content of an http(s) URL in a request."""

    media_type: str
    base64: str


class FetchFailed(msgspec.Struct, frozen=True, kw_only=True):
    """Why a URL could not be fetched: a predicate for the client ("is not at a public address")."""

    reason: str


Fetched = Media | FetchFailed


class StoredResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A response that later requests can refer to."""

    id: str
    body: bytes
    """The response in the client's format."""
    input: bytes
    """The items of the conversation before it, as compressed JSON."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What the store of responses says about a request."""

    new_id: str = ""
    """For its response: 32 random hexadecimal digits."""
    found: Mapping[str, StoredResponse] = {}
    """The responses that the request refers to, by id; those that there are not are missing."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The model that a request is translated for, and the backend that serves it."""

    model: str
    """The id that the backend is asked for."""
    family: Family
    schema: Schema
    fetched: Mapping[str, Fetched] = {}
    """The content of the URLs of an earlier MediaNeeded."""
    keeps: bool = False
    """Whether the gateway keeps responses."""
    stored: Stored | None = None
    """The answer to an earlier StateNeeded."""
    cache_points: tuple[str, ...] = ()
    """Where to add cache points to a request without any: `tools`, `system`, `turns`."""
    counts: bool = False
    """Whether the tokens of a stream have to be known, though its client does not ask for them."""


class MediaNeeded(Exception):
    """The request names URLs whose content the backend requires in the body: fetch them and translate again."""

    def __init__(self, urls: tuple[str, ...]) -> None:
        super().__init__(f"{len(urls)} URLs have to be fetched")
        self.urls = urls


class StateNeeded(Exception):
    """The request refers to stored responses, or its own has to be stored: look them up and translate again."""

    def __init__(self, ids: tuple[str, ...]) -> None:
        super().__init__(f"{len(ids)} responses have to be looked up")
        self.ids = ids


class ResponseContext(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about a response that translating its body needs."""

    request_id: str
    """`x-amzn-requestid`, or the client's request id if that is missing."""
    created: int
    """Seconds since 1970."""
    headers: Mapping[str, str] = {}
    """The upstream's headers, names in lower case: some APIs report tokens there."""


class ClientResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A complete response in the client's format."""

    body: bytes
    usage: TokenCounts | None
    """None if the upstream does not report it."""
    media_type: str = "application/json"
    kept: StoredResponse | None = None
    """What to store, before the client gets the response."""


class ResponseStream(Protocol):
    """A response in chunks. A failure of the upstream becomes the stream's last event, in the client's format."""

    @property
    def usage(self) -> TokenCounts | None:
        """The tokens that the upstream has reported so far."""

    @property
    def counted(self) -> bool:
        """Whether they are final."""

    @property
    def characters(self) -> int:
        """Characters that the model has written so far: text, reasoning and the input of tools."""

    @property
    def failure(self) -> GatewayError | None:
        """The error in which the stream ended."""

    @property
    def kept(self) -> StoredResponse | None:
        """What to store, when the response is complete and before the client gets its end."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the upstream, cut anywhere, and return those for the client, if any."""
        ...

    def close(self) -> bytes:
        """Return the last bytes for the client: the upstream's body has ended."""
        ...

    def ping(self) -> bytes:
        """Return what keeps the connection open while nothing comes from the upstream; empty after the end."""
        ...

    def fail(self, failure: GatewayError) -> bytes:
        """End the stream with an error; bytes that are fed later are ignored."""
        ...


class Answer(Protocol):
    """Translates the response to one request."""

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        """Translate the body of a 200.

        Raises:
            InvalidUpstreamResponse: the body is not of the backend's API.
        """
        ...

    def translate_stream(self, context: ResponseContext) -> ResponseStream:
        """Begin the translation of a streamed 200."""
        ...

    def translate_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """Translate any other response."""
        ...


class BedrockAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the answers of Bedrock's operations: all have the same errors."""

    def translate_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        return errors.from_response(status, headers, body)


class BufferedAnswer(BedrockAnswer, frozen=True, kw_only=True):
    """Base of the answers of operations that are never streamed."""

    def translate_stream(self, context: ResponseContext) -> ResponseStream:
        raise NotImplementedError


class UpstreamResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A complete response to a request that the gateway made itself."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class BatchAnswer(Answer, Protocol):
    """Translates the responses to a request that became several."""

    def translate_batch(self, responses: Sequence[UpstreamResponse], context: ResponseContext) -> ClientResponse:
        """Merge several 200s, in the order of their requests.

        Raises:
            InvalidUpstreamResponse: a body is not of the backend's API.
        """
        ...


class UpstreamRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request in the backend's format."""

    path: str
    """Percent-encoded, without a query."""
    body: bytes
    accept: str
    """The media type of the response."""
    headers: tuple[tuple[str, str], ...] = ()
    """Further headers; names in lower case."""
    stream: bool
    """Whether the response is streamed."""
    may_pause: bool = False
    """Whether a streamed response may be silent for long: reasoning that is not shown, the input of a tool."""
    dropped: tuple[str, ...]
    """Paths of parameters that the backend does not support, in the client's request."""
    answer: Answer


class UpstreamBatch(UpstreamRequest, frozen=True, kw_only=True):
    """Several requests to one path, for a request that exceeds what the backend takes at once."""

    further: tuple[bytes, ...] = ()
    """The bodies after the first, in order; empty if one request is enough."""
    answer: BatchAnswer
