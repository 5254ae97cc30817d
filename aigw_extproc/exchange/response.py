"""The transitions from the upstream's answer, or Envoy's own, to the client's; and those of errors."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from aigw_extproc.errors import GatewayError, InvalidUpstreamResponse
from aigw_extproc.exchange.compression import decompressed, encoding
from aigw_extproc.exchange.messages import (
    Chunk,
    Continue,
    Outcome,
    Pairs,
    ReplaceBody,
    Reply,
    ResponseBody,
    ResponseHeaders,
    StreamResponse,
    UpstreamReady,
)
from aigw_extproc.exchange.names import dropped_names
from aigw_extproc.exchange.phases import (
    Accepted,
    Answered,
    Batched,
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
from aigw_extproc.translate.contract import ClientResponse, ResponseContext

LOCAL_REPLY_HEADER = "x-aigw-local-reply"
"""Marks Envoy's own replies; they have the shape of the client's API already."""
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
    headers = dict((JSON, *error.headers, *passed_on(received).items(), *own_headers(phase)))
    reply = Reply(
        status=error.status,
        headers=tuple(headers.items()),
        body=phase.client.render_error(error, received.get(REQUEST_ID_HEADER) or phase.client.request_id),
        details=f"aigw_{error.code or error.type}",
        client=phase.outcome.client,
    )
    return Ended(client=phase.client, outcome=replace(phase.outcome, status=error.status, error=error)), reply


def stream_outcome(phase: Streaming) -> Outcome:
    """Return the outcome so far of a stream."""
    return replace(phase.outcome, usage=phase.stream.usage, error=phase.stream.failure)


def own_headers(phase: Phase) -> Pairs:
    """Return the headers of all our answers: the request's id, and the names of dropped parameters."""
    headers: Pairs = ()
    if phase.client.request_id is not None:
        headers += (("x-request-id", phase.client.request_id),)
    if phase.outcome.dropped:
        headers += ((DROPPED_HEADER, dropped_names(phase.outcome.dropped)),)
    return headers


def _local_headers(phase: Opened | Accepted | Forwarded, event: ResponseHeaders, now: float, enter: Enter) -> Step:
    outcome = replace(phase.outcome, status=_status(event.headers))
    following = Ended if event.end_of_stream else LocalReply
    return following(client=phase.client, outcome=outcome), Continue(final=event.end_of_stream)


def _local_body(phase: LocalReply, event: ResponseBody, now: float, enter: Enter) -> Step:
    if event.end_of_stream:
        return Ended(client=phase.client, outcome=phase.outcome), Continue(final=True)
    return phase, Continue()


def _response_headers(phase: Forwarded, event: ResponseHeaders, now: float, enter: Enter) -> Step:
    if LOCAL_REPLY_HEADER in event.headers:
        return _local_headers(phase, event, now, enter)
    answered = _answered(phase, _status(event.headers), event.headers)
    enter(answered)
    if event.end_of_stream:
        return _response_body(answered, ResponseBody(b"", end_of_stream=True), now, enter)
    if answered.outcome.stream and answered.outcome.status == 200:
        return _begin_stream(answered, phase.accept, now)
    return answered, Continue()


def _chunk(phase: Streaming, event: ResponseBody, now: float, enter: Enter) -> Step:
    body = phase.stream.feed(event.body) if event.body else b""
    if not event.end_of_stream:
        return phase, Chunk(body=body, final=False)
    body += phase.stream.close()
    return Ended(client=phase.client, outcome=stream_outcome(phase)), Chunk(body=body, final=True)


def _upstream_ready(phase: Batched, event: UpstreamReady, now: float, enter: Enter) -> Step:
    first = event.responses[0]
    answered = _answered(phase, first.status, first.headers)
    enter(answered)
    _require_success(answered, first.body)
    response = phase.answer.translate_batch(event.responses, _context(answered, now))
    headers = (("content-type", response.media_type), *passed_on(first.headers).items(), *own_headers(answered))
    return _ended(answered, response), Reply(status=200, headers=headers, body=response.body, details="aigw_batch")


def _begin_stream(phase: Answered, accept: str, now: float) -> Step:
    media_type = phase.headers.get("content-type", "")
    if not media_type.lower().startswith(accept):
        got = media_type or "no media type"
        raise InvalidUpstreamResponse(f"the upstream answered a streaming request with {got}")
    if encoding(phase.headers):
        raise InvalidUpstreamResponse("the upstream's stream is compressed, which was not asked for")
    stream = phase.answer.translate_stream(_context(phase, now))
    action = StreamResponse(
        set_headers=(*_SSE, *own_headers(phase)), remove_headers=("content-length", *removed(tuple(phase.headers)))
    )
    return Streaming(client=phase.client, outcome=phase.outcome, stream=stream), action


def _response_body(phase: Answered, event: ResponseBody, now: float, enter: Enter) -> Step:
    body = decompressed(phase.headers, event.body)
    _require_success(phase, body)
    response = phase.answer.translate_response(body, _context(phase, now))
    headers = (("content-type", response.media_type), ("content-length", str(len(response.body))), *own_headers(phase))
    action = ReplaceBody(set_headers=headers, body=response.body, remove_headers=removed(tuple(phase.headers)))
    return _ended(phase, response), action


def _status(headers: Mapping[str, str]) -> int:
    return int(headers.get(":status", "0"))


def _answered(phase: Forwarded | Batched, status: int, headers: Mapping[str, str]) -> Answered:
    outcome = replace(phase.outcome, status=status)
    return Answered(client=phase.client, outcome=outcome, answer=phase.answer, headers=headers)


def _require_success(phase: Answered, body: bytes) -> None:
    if phase.outcome.status != 200:
        raise phase.answer.translate_error(phase.outcome.status, phase.headers, body)


def _ended(phase: Answered, response: ClientResponse) -> Ended:
    return Ended(client=phase.client, outcome=replace(phase.outcome, usage=response.usage))


def _context(phase: Answered, now: float) -> ResponseContext:
    request_id = phase.headers.get(REQUEST_ID_HEADER) or phase.client.request_id or ""
    return ResponseContext(request_id=request_id, created=int(now), headers=phase.headers)


TRANSITIONS: tuple[Transition, ...] = (
    # Before the request is forwarded, any answer is Envoy's own; later Envoy marks those.
    on(Opened, ResponseHeaders, _local_headers),
    on(Accepted, ResponseHeaders, _local_headers),
    on(LocalReply, ResponseBody, _local_body),
    on(Forwarded, ResponseHeaders, _response_headers),
    on(Answered, ResponseBody, _response_body),
    on(Streaming, ResponseBody, _chunk),
    on(Batched, UpstreamReady, _upstream_ready),
)
