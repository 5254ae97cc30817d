"""One HTTP exchange: the state machine between Envoy's messages and the translations.

Events come in through `Exchange.receive`, one at a time, and each is answered with exactly one action:

    RequestHeaders  → Continue | Reply                              (is it ours, and of the right form?)
    RequestBody     → ForwardRequest | NeedMedia | NeedCredentials | NeedUpstream | Reply
    MediaReady      → ForwardRequest | NeedCredentials | NeedUpstream | Reply   (the shell's answer to NeedMedia)
    CredentialsReady→ ForwardRequest | NeedUpstream | Reply                     (the shell's answer to NeedCredentials)
    UpstreamReady   → Reply                                                     (the shell's answer to NeedUpstream)
    ResponseHeaders → Continue | StreamResponse | Reply
    ResponseBody    → ReplaceBody | Chunk | Continue | Reply

Nothing here does I/O or reads a clock: time comes with the events, randomness with the exchange. What Envoy sends in
which case was tried, and stands in docs/notes/envoy-ext-proc.md.
"""

from aigw_extproc.exchange.machine import EVENT_STREAM, LOCAL_REPLY_HEADER, REQUEST_ID_HEADER, Exchange
from aigw_extproc.exchange.messages import (
    Action,
    Chunk,
    Continue,
    CredentialsReady,
    Event,
    ForwardRequest,
    MediaReady,
    NeedCredentials,
    NeedMedia,
    NeedUpstream,
    Outcome,
    ReplaceBody,
    Reply,
    RequestBody,
    RequestHeaders,
    ResponseBody,
    ResponseHeaders,
    StreamResponse,
    UpstreamCall,
    UpstreamReady,
)
from aigw_extproc.exchange.upstream import BACKEND_HEADER, SCHEME_HEADER

__all__ = [
    "BACKEND_HEADER",
    "EVENT_STREAM",
    "LOCAL_REPLY_HEADER",
    "REQUEST_ID_HEADER",
    "SCHEME_HEADER",
    "Action",
    "Chunk",
    "Continue",
    "CredentialsReady",
    "Event",
    "Exchange",
    "ForwardRequest",
    "MediaReady",
    "NeedCredentials",
    "NeedMedia",
    "NeedUpstream",
    "Outcome",
    "ReplaceBody",
    "Reply",
    "RequestBody",
    "RequestHeaders",
    "ResponseBody",
    "ResponseHeaders",
    "StreamResponse",
    "UpstreamCall",
    "UpstreamReady",
]
