"""One attempt of a request at one backend of its rule. Its answer is held until the first piece for the client.

Until then Envoy can try another backend, whatever this one has answered: an error of the gateway's own, or an exception
in the first frame of a stream whose status was 200.
"""

from __future__ import annotations

from msgspec.structs import replace

from aigw_extproc.config.snapshot import MODEL_HEADER
from aigw_extproc.errors import InvalidUpstreamResponse, UpstreamUnreachable
from aigw_extproc.exchange.messages import (
    AttemptHeaders,
    Begin,
    Chunk,
    Continue,
    Outcome,
    PassHeaders,
    Reply,
    RequestBody,
    ResponseBody,
    ResponseHeaders,
    Wait,
)
from aigw_extproc.exchange.names import ANSWERED_HEADER, CLIENT_HEADER, CODE_HEADER, IDENTITY_PREFIX, OWNER_HEADER
from aigw_extproc.exchange.phases import (
    Attempting,
    Client,
    Ended,
    Enter,
    Held,
    Opened,
    PassedOn,
    Sent,
    Step,
    Streaming,
    Transition,
    on,
)
from aigw_extproc.exchange.request import begin
from aigw_extproc.exchange.response import (
    LOCAL_REPLY_HEADER,
    after_keeping,
    local_reply,
    open_stream,
    own_headers,
    status_of,
    stream_headers,
    stream_outcome,
    translated,
)
from aigw_extproc.exchange.response_headers import passed_on
from aigw_extproc.exchange.retries import reply_marks
from aigw_extproc.routing import Attempt
from aigw_extproc.translate.registry import ENDPOINTS


def _attempt_headers(phase: Opened, event: AttemptHeaders, now: float, enter: Enter) -> Step:
    headers, router = event.headers, phase.router
    endpoint = ENDPOINTS[headers[":path"].partition("?")[0]]
    owner = headers.get(OWNER_HEADER, "")
    client = Client(request_id=headers.get("x-request-id"), render_error=endpoint.render_error, owner=owner)
    enter(replace(phase, client=client))
    attempt = router.attempt(event.host)
    if attempt is None:  # Envoy has other clusters than this process has rules
        raise UpstreamUnreachable
    model, name = headers[MODEL_HEADER], headers.get(CLIENT_HEADER, "")
    outcome = Outcome(
        operation=endpoint.name,
        client=name,
        model=model,
        named=router.names(model),
        request_model=router.listed.id_of(attempt.backend, model),
        backend=attempt.backend,
        attempt=attempt,
    )
    identity = tuple(
        (header.removeprefix(IDENTITY_PREFIX), value)
        for header, value in headers.items()
        if header.startswith(IDENTITY_PREFIX)
    )
    attempting = Attempting(
        client=client,
        outcome=outcome,
        endpoint=endpoint,
        headers=headers,
        backend=attempt.backend,
        identity=identity,
        keeps=phase.keeps,
    )
    return attempting, Continue()


def _request_body(phase: Attempting, event: RequestBody, now: float, enter: Enter) -> Step:
    return begin(phase, phase.outcome, phase.backend, phase.identity, event.body, now, enter)


def _response_headers(phase: Sent, event: ResponseHeaders, now: float, enter: Enter) -> Step:
    headers, attempt = event.headers, _attempt(phase)
    flags, code = local_reply(headers)
    outcome = replace(phase.outcome, status=status_of(headers), code=code)
    if LOCAL_REPLY_HEADER in headers:
        said = ((ANSWERED_HEADER, attempt.backend.name), *(((CODE_HEADER, code),) if code else ()))
        marks = (*reply_marks(attempt.retry, outcome.status, flags), *said)
        action = PassHeaders(set_headers=marks, remove_headers=(LOCAL_REPLY_HEADER,), final=event.end_of_stream)
        return (Ended if event.end_of_stream else PassedOn)(client=phase.client, outcome=outcome), action
    held = Held(
        client=phase.client,
        outcome=outcome,
        answer=phase.answer,
        headers=headers,
        accept=phase.accept,
        may_pause=phase.may_pause,
    )
    enter(held)
    return (
        _response_body(held, ResponseBody(b"", end_of_stream=True), now, enter)
        if event.end_of_stream
        else (held, Wait())
    )


def _passed_body(phase: PassedOn, event: ResponseBody, now: float, enter: Enter) -> Step:
    following = Ended(client=phase.client, outcome=phase.outcome) if event.end_of_stream else phase
    return following, Chunk(body=event.body, final=event.end_of_stream)


def _response_body(phase: Held, event: ResponseBody, now: float, enter: Enter) -> Step:
    if phase.outcome.stream and phase.outcome.status == 200:
        return _first_piece(phase, event, now)
    received = (*phase.received, event.body)
    limit = _attempt(phase).limit
    if sum(map(len, received)) > limit:
        raise InvalidUpstreamResponse(f"the upstream's answer is larger than the {limit} bytes that this gateway holds")
    if not event.end_of_stream:
        return replace(phase, received=received), Wait()
    ended, response = translated(phase, b"".join(received), now)
    headers = (("content-type", response.media_type), *passed_on(phase.headers).items(), *own_headers(phase))
    reply = Reply(status=200, headers=headers, body=response.body, details="aigw_answer")
    return ended, after_keeping(phase, response.kept, reply)


def _first_piece(phase: Held, event: ResponseBody, now: float) -> Step:
    stream = phase.stream or open_stream(phase, phase.accept, now)
    body = stream.feed(event.body) if event.body else b""
    if event.end_of_stream:
        body += stream.close()
    if stream.failure is not None:
        raise stream.failure
    if not body and not event.end_of_stream:
        return replace(phase, stream=stream), Wait()
    kept = stream.kept
    streaming = Streaming(client=phase.client, outcome=phase.outcome, stream=stream, kept=kept is not None)
    start = Begin(start=stream_headers(phase), chunk=Chunk(body=body, final=event.end_of_stream))
    action = after_keeping(phase, kept, start)
    if not event.end_of_stream:
        return streaming, action
    return Ended(client=phase.client, outcome=stream_outcome(streaming)), action


def _attempt(phase: Sent | Held) -> Attempt:
    attempt = phase.outcome.attempt
    if attempt is None:
        raise ValueError("an attempt's exchange knows its attempt from its first event on")
    return attempt


TRANSITIONS: tuple[Transition, ...] = (
    on(Opened, AttemptHeaders, _attempt_headers),
    on(Attempting, RequestBody, _request_body),
    on(Sent, ResponseHeaders, _response_headers),
    on(PassedOn, ResponseBody, _passed_body),
    on(Held, ResponseBody, _response_body),
)
