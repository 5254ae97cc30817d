"""The transitions from the upstream's answer, or Envoy's own, to the client's; and those of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from msgspec.structs import replace

from aigw_extproc.errors import GatewayError, InvalidUpstreamResponse
from aigw_extproc.exchange.compression import decompressed, encoding
from aigw_extproc.exchange.messages import (
    Begin,
    Chunk,
    Continue,
    Keep,
    Outcome,
    Pairs,
    Pings,
    ReplaceBody,
    Reply,
    ResponseBody,
    ResponseHeaders,
    StreamResponse,
    UpstreamReady,
)
from aigw_extproc.exchange.names import ANSWERED_HEADER, dropped_names
from aigw_extproc.exchange.phases import (
    Accepted,
    Answered,
    Batched,
    Delegated,
    Ended,
    Enter,
    Forwarded,
    LocalReply,
    Opened,
    Phase,
    Step,
    Streaming,
    Transition,
    on,
)
from aigw_extproc.exchange.response_headers import passed_on, removed
from aigw_extproc.exchange.retries import error_marks
from aigw_extproc.exchange.spending import UNCHARGED, failed, settled, uncounted
from aigw_extproc.translate.contract import ClientResponse, ResponseContext, ResponseStream, StoredResponse

LOCAL_REPLY_HEADER = "x-aigw-local-reply"
"""Marks Envoy's own replies, with its response flags and the error's code; they have the shape of the client's API
already."""
BACKEND_NAME_HEADER = "x-aigw-backend"
"""Names the backend that has answered, if its annotation asks for it."""
DROPPED_HEADER = "x-aigw-dropped-params"
REQUEST_ID_HEADER = "x-amzn-requestid"
"""Bedrock's id of a request."""
JSON = ("content-type", "application/json")
_SSE: Pairs = (("content-type", "text/event-stream"), ("cache-control", "no-cache"))


def fail(phase: Phase, error: GatewayError) -> tuple[Streaming | Ended, Chunk | Reply]:
    """End the exchange with an error in the client's own shape: a reply, or an event of a stream that has begun."""
    if isinstance(phase, Streaming):
        # After a reply now, Envoy would cut the connection, and the client would see a network error.
        return phase, Chunk(body=phase.stream.fail(error), final=False)
    received = phase.headers if isinstance(phase, Answered) else {}
    # The reply replaces the upstream's headers, and Envoy adds none of them to it.
    marks = error_marks(phase.outcome, error)
    headers = dict((JSON, *error.headers, *passed_on(received).items(), *own_headers(phase), *marks))
    reply = Reply(
        status=error.status,
        headers=tuple(headers.items()),
        body=phase.client.render_error(error, received.get(REQUEST_ID_HEADER) or phase.client.request_id),
        details=f"aigw_{error.label}",
    )
    outcome = failed(phase.outcome, error) if isinstance(phase, Answered) else phase.outcome
    return Ended(client=phase.client, outcome=replace(outcome, status=error.status, error=error)), reply


def stream_outcome(phase: Streaming) -> Outcome:
    """Return the outcome of a stream, as if it ended now."""
    return settled(phase.outcome, phase.stream)


def own_headers(phase: Phase) -> Pairs:
    """Return the headers of all our answers: the request's id, the backend, and the names of dropped parameters."""
    headers: Pairs = ()
    if phase.client.request_id is not None:
        headers += (("x-request-id", phase.client.request_id),)
    backend = phase.outcome.backend
    if backend is not None and backend.settings.backend_header:
        headers += ((BACKEND_NAME_HEADER, backend.service),)
    if phase.outcome.attempt is not None:
        headers += ((ANSWERED_HEADER, phase.outcome.attempt.backend.name),)
    if phase.outcome.dropped:
        headers += ((DROPPED_HEADER, dropped_names(phase.outcome.dropped)),)
    return headers


def local_reply(headers: Mapping[str, str]) -> tuple[str, str]:
    """Return the response flags and the error's code of one of Envoy's own replies; empty where it has no marker."""
    flags, _, code = headers.get(LOCAL_REPLY_HEADER, "").partition(" ")
    return flags, code


def local_headers(
    phase: Opened | Accepted | Forwarded | Delegated, event: ResponseHeaders, now: float, enter: Enter
) -> Step:
    """Let Envoy's own reply pass."""
    _, code = local_reply(event.headers)
    outcome = replace(phase.outcome, status=status_of(event.headers), code=code)
    following = Ended if event.end_of_stream else LocalReply
    return following(client=phase.client, outcome=outcome), Continue(final=event.end_of_stream)


def _local_body(phase: LocalReply, event: ResponseBody, now: float, enter: Enter) -> Step:
    if event.end_of_stream:
        return Ended(client=phase.client, outcome=phase.outcome), Continue(final=True)
    return phase, Continue()


def _response_headers(phase: Forwarded, event: ResponseHeaders, now: float, enter: Enter) -> Step:
    if LOCAL_REPLY_HEADER in event.headers:
        return local_headers(phase, event, now, enter)
    answered = _answered(phase, status_of(event.headers), event.headers, may_pause=phase.may_pause)
    enter(answered)
    if event.end_of_stream:
        return _response_body(answered, ResponseBody(b"", end_of_stream=True), now, enter)
    if answered.outcome.stream and answered.outcome.status == 200:
        return _begin_stream(answered, phase.accept, now)
    return answered, Continue()


def _chunk(phase: Streaming, event: ResponseBody, now: float, enter: Enter) -> Step:
    stream = phase.stream
    body = stream.feed(event.body) if event.body else b""
    if event.end_of_stream:
        body += stream.close()
    chunk = Chunk(body=body, final=event.end_of_stream)
    kept = None if phase.kept else stream.kept
    action = chunk if kept is None else after_keeping(phase, kept, chunk)
    if event.end_of_stream:
        return Ended(client=phase.client, outcome=stream_outcome(phase)), action
    return phase if kept is None else replace(phase, kept=True), action


A = TypeVar("A", Chunk, ReplaceBody, Reply, Begin)


def after_keeping(phase: Phase, kept: StoredResponse | None, action: A) -> Keep | A:
    """Return the action, or what stores the response before it."""
    return action if kept is None else Keep(owner=phase.client.owner, response=kept, then=action)


def _upstream_ready(phase: Batched, event: UpstreamReady, now: float, enter: Enter) -> Step:
    first = event.responses[0]
    answered = _answered(phase, first.status, first.headers)
    enter(answered)
    _require_success(answered, first.body)
    response = phase.answer.translate_batch(event.responses, _context(answered, now))
    headers = (("content-type", response.media_type), *passed_on(first.headers).items(), *own_headers(answered))
    return _ended(answered, response), Reply(status=200, headers=headers, body=response.body, details="aigw_batch")


def _begin_stream(phase: Answered, accept: str, now: float) -> Step:
    stream = open_stream(phase, accept, now)
    return Streaming(client=phase.client, outcome=phase.outcome, stream=stream), stream_headers(phase)


def open_stream(phase: Answered, accept: str, now: float) -> ResponseStream:
    """Return the translation of a stream that begins.

    Raises:
        InvalidUpstreamResponse: its media type is not `accept`.
    """
    media_type = phase.headers.get("content-type", "")
    if not media_type.lower().startswith(accept):
        got = media_type or "no media type"
        raise InvalidUpstreamResponse(f"the upstream answered a streaming request with {got}")
    if encoding(phase.headers):
        raise InvalidUpstreamResponse("the upstream's stream is compressed, which was not asked for")
    return phase.answer.translate_stream(_context(phase, now))


def stream_headers(phase: Answered) -> StreamResponse:
    """Return the headers of a stream for the client."""
    return StreamResponse(
        set_headers=(*_SSE, *own_headers(phase)),
        remove_headers=("content-length", *removed(tuple(phase.headers))),
        pings=_pings(phase),
    )


def translated(phase: Answered, body: bytes, now: float) -> tuple[Ended, ClientResponse]:
    """Translate a whole answer.

    Raises:
        UpstreamError: it is an error, or not of the backend's API.
    """
    body = decompressed(phase.headers, body)
    _require_success(phase, body)
    response = phase.answer.translate_response(body, _context(phase, now))
    return _ended(phase, response), response


def _pings(phase: Answered) -> Pings | None:
    """Return when to send pings, for a stream that may be silent for long. Sending any costs CPU for every chunk."""
    backend = phase.outcome.backend
    if not phase.may_pause or backend is None or not backend.settings.ping_seconds:
        return None
    return Pings(every=backend.settings.ping_seconds, limit=backend.settings.silence_seconds)


def _response_body(phase: Answered, event: ResponseBody, now: float, enter: Enter) -> Step:
    ended, response = translated(phase, event.body, now)
    headers = (("content-type", response.media_type), ("content-length", str(len(response.body))), *own_headers(phase))
    action = ReplaceBody(set_headers=headers, body=response.body, remove_headers=removed(tuple(phase.headers)))
    return ended, after_keeping(phase, response.kept, action)


def status_of(headers: Mapping[str, str]) -> int:
    """Return the status of a response."""
    return int(headers.get(":status", "0"))


def _answered(
    phase: Forwarded | Batched, status: int, headers: Mapping[str, str], *, may_pause: bool = False
) -> Answered:
    outcome = replace(phase.outcome, status=status)
    return Answered(client=phase.client, outcome=outcome, answer=phase.answer, headers=headers, may_pause=may_pause)


def _require_success(phase: Answered, body: bytes) -> None:
    if phase.outcome.status != 200:
        raise phase.answer.translate_error(phase.outcome.status, phase.headers, body)


def _ended(phase: Answered, response: ClientResponse) -> Ended:
    outcome = replace(phase.outcome, usage=response.usage)
    if response.usage is None and outcome.operation not in UNCHARGED:
        outcome = uncounted(outcome, response.body)
    return Ended(client=phase.client, outcome=outcome)


def _context(phase: Answered, now: float) -> ResponseContext:
    request_id = phase.headers.get(REQUEST_ID_HEADER) or phase.client.request_id or ""
    return ResponseContext(request_id=request_id, created=int(now), headers=phase.headers)


TRANSITIONS: tuple[Transition, ...] = (
    # Before the request is forwarded, any answer is Envoy's own; later Envoy marks those.
    on(Opened, ResponseHeaders, local_headers),
    on(Accepted, ResponseHeaders, local_headers),
    on(LocalReply, ResponseBody, _local_body),
    on(Forwarded, ResponseHeaders, _response_headers),
    on(Answered, ResponseBody, _response_body),
    on(Streaming, ResponseBody, _chunk),
    on(Batched, UpstreamReady, _upstream_ready),
)
