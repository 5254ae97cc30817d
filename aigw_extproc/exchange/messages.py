"""What happens in an exchange, and what is to be done about it: events and actions, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.config.snapshot import AwsAuth, Backend
from aigw_extproc.errors import GatewayError
from aigw_extproc.translate.contract import Fetched, Usage

Headers = Mapping[str, str]
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RequestHeaders:
    """Names are lower case; pseudo-headers keep their colon."""

    headers: Headers
    end_of_stream: bool


@dataclass(frozen=True, slots=True)
class RequestBody:
    """The whole body."""

    body: bytes


@dataclass(frozen=True, slots=True)
class CredentialsReady:
    """Answers NeedCredentials."""

    credentials: Credentials


@dataclass(frozen=True, slots=True)
class MediaReady:
    """Answers NeedMedia."""

    fetched: Mapping[str, Fetched]
    """By URL: what it held, or why it could not be had."""


@dataclass(frozen=True, slots=True)
class ResponseHeaders:
    headers: Headers
    end_of_stream: bool


@dataclass(frozen=True, slots=True)
class ResponseBody:
    """The whole body, or a piece of it when the response is streamed."""

    body: bytes
    end_of_stream: bool


Event = RequestHeaders | RequestBody | MediaReady | CredentialsReady | ResponseHeaders | ResponseBody


@dataclass(frozen=True, slots=True)
class Continue:
    """Let the headers or the body pass as they are."""

    final: bool = False


@dataclass(frozen=True, slots=True)
class NeedCredentials:
    """The request is ready but for the signature. The shell finds credentials and sends CredentialsReady."""

    auth: AwsAuth


@dataclass(frozen=True, slots=True)
class NeedMedia:
    """The request names URLs whose content belongs into the body. The shell fetches them and sends MediaReady."""

    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardRequest:
    """Send this upstream, by a route chosen anew."""

    set_headers: Pairs
    remove_headers: tuple[str, ...]
    body: bytes
    backend: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamResponse:
    """Hand the response body over in pieces."""

    set_headers: Pairs
    remove_headers: tuple[str, ...] = ("content-length",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceBody:
    """Send this body to the client. The exchange is over."""

    set_headers: Pairs
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Send this piece to the client; `final` with the last one."""

    body: bytes
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Answer the client ourselves, whatever the upstream does. The exchange is over."""

    status: int
    headers: Pairs
    body: bytes
    details: str
    """For Envoy's access log: `aigw_` and the error's code."""


Action = Continue | NeedMedia | NeedCredentials | ForwardRequest | StreamResponse | ReplaceBody | Chunk | Reply


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
