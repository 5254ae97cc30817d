"""Events and actions of an exchange, as plain values."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.aws.identity import Identity
from aigw_extproc.callers import NOTHING, Verified
from aigw_extproc.config.snapshot import AwsAuth, Backend, Upstream
from aigw_extproc.errors import GatewayError
from aigw_extproc.routing import Attempt
from aigw_extproc.translate.contract import Fetched, Stored, StoredResponse, TokenCounts, UpstreamResponse

Headers = Mapping[str, str]
Pairs = tuple[tuple[str, str], ...]

# Structs, since several are made for every message: a frozen dataclass takes ten times as long to make.
# Those of text and bytes alone cannot be part of a cycle, and cost a quarter less without the garbage collector.


class RequestHeaders(msgspec.Struct, frozen=True):
    """Names are lower case; pseudo-headers keep their colon."""

    headers: Headers
    end_of_stream: bool
    verified: Verified = NOTHING


class AttemptHeaders(msgspec.Struct, frozen=True):
    """Headers of an attempt: Envoy has chosen one of a rule's backends for a request that the gateway has accepted."""

    headers: Headers
    host: str
    """Names the backend."""


class RequestBody(msgspec.Struct, frozen=True, gc=False):
    """The buffered body."""

    body: bytes


class CredentialsReady(msgspec.Struct, frozen=True):
    """Answers NeedCredentials."""

    identity: Identity


class MediaReady(msgspec.Struct, frozen=True):
    """Answers NeedMedia."""

    fetched: Mapping[str, Fetched]
    """The content of each URL, or why it could not be fetched."""


class StoredReady(msgspec.Struct, frozen=True):
    """Answers NeedStored."""

    stored: Stored


class UpstreamReady(msgspec.Struct, frozen=True):
    """Answers NeedUpstream."""

    responses: tuple[UpstreamResponse, ...]
    """All of them, in the order of their requests; or only the first that is not a 200."""


class ResponseHeaders(msgspec.Struct, frozen=True):
    headers: Headers
    end_of_stream: bool


class ResponseBody(msgspec.Struct, frozen=True, gc=False):
    """The buffered body, or a chunk of it when the response is streamed."""

    body: bytes
    end_of_stream: bool


Event = (
    RequestHeaders
    | AttemptHeaders
    | RequestBody
    | StoredReady
    | MediaReady
    | CredentialsReady
    | UpstreamReady
    | ResponseHeaders
    | ResponseBody
)


class Continue(msgspec.Struct, frozen=True, gc=False):
    """Let the headers or the body pass unchanged."""

    final: bool = False


class Wait(msgspec.Struct, frozen=True, gc=False):
    """Send no answer yet: it depends on a later message."""


class NeedStored(msgspec.Struct, frozen=True, kw_only=True):
    """Look up these responses of a client, and make a new id. The shell answers with StoredReady."""

    owner: str
    ids: tuple[str, ...]
    delete: bool = False
    """Whether to remove them, too."""


class NeedCredentials(msgspec.Struct, frozen=True):
    """Look up the credentials to sign with. The shell answers with CredentialsReady."""

    auth: AwsAuth


class NeedMedia(msgspec.Struct, frozen=True):
    """Fetch these URLs, whose content the upstream request includes. The shell answers with MediaReady."""

    urls: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    """Patterns of the hosts that they, and their redirects, may name; empty for any."""


class ForwardRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Send this request upstream; Envoy selects its route again."""

    set_headers: Pairs
    remove_headers: tuple[str, ...]
    body: bytes
    backend: str
    """For the access log, as all that follows."""
    model: str
    """The backend's name for it."""
    client: str = ""
    original_model: str = ""
    """The client's name for it."""
    stream: bool = False


class Delegate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Let Envoy try the backends of a rule, with the request as it is."""

    set_headers: Pairs
    rule: str
    model: str
    client: str = ""
    remove_headers: tuple[str, ...] = ()


class UpstreamCall(msgspec.Struct, frozen=True, kw_only=True):
    """A signed request that the gateway sends itself."""

    path: str
    headers: Pairs
    body: bytes


class NeedUpstream(msgspec.Struct, frozen=True, kw_only=True):
    """Send these requests of a batch upstream, as Envoy would. The shell answers with UpstreamReady."""

    upstream: Upstream
    calls: tuple[UpstreamCall, ...]


class Pings(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What to do in the silences of a stream. Times are in seconds."""

    every: float
    """How long the client may hear nothing before it gets a ping."""
    limit: float
    """How long the upstream may be silent before the stream ends with an error."""


class StreamResponse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Stream the response body."""

    set_headers: Pairs
    remove_headers: tuple[str, ...] = ("content-length",)
    pings: Pings | None = None
    """None for a stream in which only the upstream's chunks are answered."""


class PassHeaders(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Let the response's headers pass with these changes, and its body as it is."""

    set_headers: Pairs = ()
    remove_headers: tuple[str, ...] = ()
    backend: str = ""
    """For the access log: the backend that has answered."""
    final: bool = False


class ReplaceBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Send this body to the client. The exchange is over."""

    set_headers: Pairs
    body: bytes
    remove_headers: tuple[str, ...] = ()


class Chunk(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Send this chunk to the client; `final` with the last one."""

    body: bytes
    final: bool


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """Answer the response's headers, which have waited, and then its first piece."""

    start: StreamResponse
    chunk: Chunk


class Reply(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Send this response to the client instead of the upstream's. The exchange is over."""

    status: int
    headers: Pairs
    body: bytes
    details: str
    """For Envoy's access log: `aigw_` and the error's code or type."""


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """Store a response of a client before this action, so that its next request finds it."""

    owner: str
    response: StoredResponse
    then: Chunk | ReplaceBody | Begin | Reply


Action = (
    Continue
    | Wait
    | NeedStored
    | NeedMedia
    | NeedCredentials
    | NeedUpstream
    | ForwardRequest
    | Delegate
    | PassHeaders
    | Begin
    | StreamResponse
    | ReplaceBody
    | Chunk
    | Keep
    | Reply
)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an exchange, for metrics and logs; complete when the exchange has ended."""

    operation: str = "unknown"
    client: str = ""
    """The id of the client, by its API key; empty if it is not known."""
    model: str = ""
    """The client's name for it; empty until a rule routes it."""
    named: bool = False
    """Whether a rule names it exactly."""
    request_model: str = ""
    """The backend's name for it."""
    backend: Backend | None = None
    stream: bool = False
    status: int = 0
    """Sent to the client; 0 until then."""
    error: GatewayError | None = None
    code: str = ""
    """The code of an error that Envoy, or an attempt, has answered with."""
    attempt: Attempt | None = None
    """Set for one attempt of a request, which is an exchange of its own."""
    usage: TokenCounts | None = None
    """None if the model has spent nothing, or nothing is known of it."""
    estimated: bool = False
    """Whether `usage` is partly an estimate."""
    characters: int = 0
    """Of the text of the request, once it has been sent."""
    dropped: tuple[str, ...] = ()
    signed: bool = False
