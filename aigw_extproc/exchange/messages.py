"""What happens in an exchange, and what is to be done about it: events and actions, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from aigw_extproc.aws.identity import Identity
from aigw_extproc.config.snapshot import AwsAuth, Backend, Upstream
from aigw_extproc.errors import GatewayError
from aigw_extproc.translate.contract import Fetched, UpstreamResponse, Usage

Headers = Mapping[str, str]
Pairs = tuple[tuple[str, str], ...]

# Events and actions are Structs: several are made for every message, each in a tenth of a frozen dataclass's time.


class RequestHeaders(msgspec.Struct, frozen=True):
    """Names are lower case; pseudo-headers keep their colon."""

    headers: Headers
    end_of_stream: bool


class RequestBody(msgspec.Struct, frozen=True):
    """The whole body."""

    body: bytes


class CredentialsReady(msgspec.Struct, frozen=True):
    """Answers NeedCredentials."""

    identity: Identity


class MediaReady(msgspec.Struct, frozen=True):
    """Answers NeedMedia."""

    fetched: Mapping[str, Fetched]
    """By URL: what it held, or why it could not be had."""


class UpstreamReady(msgspec.Struct, frozen=True):
    """Answers NeedUpstream."""

    responses: tuple[UpstreamResponse, ...]
    """All of them in the order of their requests; or the first that was no 200, alone."""


class ResponseHeaders(msgspec.Struct, frozen=True):
    headers: Headers
    end_of_stream: bool


class ResponseBody(msgspec.Struct, frozen=True):
    """The whole body, or a piece of it when the response is streamed."""

    body: bytes
    end_of_stream: bool


Event = RequestHeaders | RequestBody | MediaReady | CredentialsReady | UpstreamReady | ResponseHeaders | ResponseBody


class Continue(msgspec.Struct, frozen=True):
    """Let the headers or the body pass as they are."""

    final: bool = False


class NeedCredentials(msgspec.Struct, frozen=True):
    """The request is ready but for the signature. The shell finds credentials and sends CredentialsReady."""

    auth: AwsAuth


class NeedMedia(msgspec.Struct, frozen=True):
    """The request names URLs whose content belongs into the body. The shell fetches them and sends MediaReady."""

    urls: tuple[str, ...]


class ForwardRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Send this upstream, by a route chosen anew."""

    set_headers: Pairs
    remove_headers: tuple[str, ...]
    body: bytes
    backend: str
    model: str


class UpstreamCall(msgspec.Struct, frozen=True, kw_only=True):
    """A signed request that the gateway makes itself."""

    path: str
    headers: Pairs
    body: bytes


class NeedUpstream(msgspec.Struct, frozen=True, kw_only=True):
    """One request became several. The shell makes them, as Envoy would, and sends UpstreamReady."""

    upstream: Upstream
    calls: tuple[UpstreamCall, ...]


class StreamResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Hand the response body over in pieces."""

    set_headers: Pairs
    remove_headers: tuple[str, ...] = ("content-length",)


class ReplaceBody(msgspec.Struct, frozen=True, kw_only=True):
    """Send this body to the client. The exchange is over."""

    set_headers: Pairs
    body: bytes


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Send this piece to the client; `final` with the last one."""

    body: bytes
    final: bool


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Answer the client ourselves, whatever the upstream does. The exchange is over."""

    status: int
    headers: Pairs
    body: bytes
    details: str
    """For Envoy's access log: `aigw_` and the error's code."""


Action = (
    Continue
    | NeedMedia
    | NeedCredentials
    | NeedUpstream
    | ForwardRequest
    | StreamResponse
    | ReplaceBody
    | Chunk
    | Reply
)


@dataclass(slots=True)
class Outcome:
    """What became of the exchange, for metrics and logs. It is complete when the exchange is."""

    operation: str = "unknown"
    model: str = ""
    """As the client asked for it; empty until a rule has taken it."""
    request_model: str = ""
    """As Bedrock was asked for it."""
    backend: Backend | None = None
    stream: bool = False
    status: int = 0
    """What the client got; 0 while it got nothing."""
    error: GatewayError | None = None
    usage: Usage | None = None
    dropped: tuple[str, ...] = ()
    signed: bool = False
