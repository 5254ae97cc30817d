"""The state machine of one exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from aigw_extproc.aws.identity import Credentials, Identity
from aigw_extproc.config.snapshot import Backend
from aigw_extproc.errors import (
    GatewayError,
    InvalidRequest,
    InvalidUpstreamResponse,
    MethodNotAllowed,
    NotFound,
    UnsupportedMedia,
)
from aigw_extproc.exchange.identity import configured_identity
from aigw_extproc.exchange.messages import (
    Action,
    Chunk,
    Continue,
    CredentialsReady,
    Event,
    ForwardRequest,
    Headers,
    MediaReady,
    NeedCredentials,
    NeedMedia,
    NeedUpstream,
    Outcome,
    Pairs,
    ReplaceBody,
    Reply,
    RequestBody,
    RequestHeaders,
    ResponseBody,
    ResponseHeaders,
    StreamResponse,
    UpstreamReady,
)
from aigw_extproc.exchange.names import check_model, dropped_names
from aigw_extproc.exchange.upstream import direct, forward
from aigw_extproc.openai.errors import render as openai_error
from aigw_extproc.routing import Router
from aigw_extproc.translate.clients.models import MODEL_LISTS, ModelList, model_list_at
from aigw_extproc.translate.contract import (
    Fetched,
    FetchFailed,
    MediaNeeded,
    ResponseContext,
    ResponseStream,
    Target,
    UpstreamBatch,
    UpstreamRequest,
)
from aigw_extproc.translate.registry import (
    ENDPOINTS,
    Endpoint,
    ParsedRequest,
    RenderError,
    error_format,
    parse,
)
from aigw_extproc.wire import model_of

LOCAL_REPLY_HEADER = "x-aigw-local-reply"
"""Marks answers that Envoy made itself; they are in the client's shape already."""
DROPPED_HEADER = "x-aigw-dropped-params"
REQUEST_ID_HEADER = "x-amzn-requestid"
"""Bedrock's own id of a request."""
EVENT_STREAM = "application/vnd.amazon.eventstream"
"""What Bedrock's own operations stream."""

_JSON = ("content-type", "application/json")
_SSE: Pairs = (("content-type", "text/event-stream"), ("cache-control", "no-cache"))
_SWITCHED_OFF = FetchFailed(reason="cannot be fetched: this gateway is not allowed to; send the image as a data: URI")


class Exchange:
    """The state of one exchange. `pick`, in [0, 1), chooses among weighted backends."""

    def __init__(self, router: Router, *, pick: float) -> None:
        self.outcome = Outcome()
        self._router = router
        self._pick = pick
        self._headers: Headers = {}
        self._x_request_id: str | None = None
        self._endpoint: Endpoint | None = None
        self._render_error: RenderError = openai_error
        self._parsed: ParsedRequest | None = None
        self._request: UpstreamRequest | None = None
        self._response_headers: Headers = {}
        self._stream: ResponseStream | None = None
        self._local = False

    def receive(self, event: Event, *, now: float) -> Action:
        """Takes what happened, at `now` (seconds since 1970), and says what to do."""
        try:
            return _HANDLERS[type(event)](self, event, now)
        except GatewayError as error:
            return self.fail(error)

    def fail(self, error: GatewayError) -> Action:
        """Ends the exchange with an error in the client's own shape: a reply, or an event where a stream has begun."""
        self.outcome.error = error
        if self._stream is not None:
            # A reply now would have Envoy cut the connection, and the client read a network error.
            return Chunk(body=self._stream.fail(error), final=False)
        self.outcome.status = error.status
        # The reply takes the place of Bedrock's answer, headers and all; the id is what AWS's support asks for.
        headers = dict((_JSON, *error.headers, *self._request_id(), *self._own_headers()))
        return Reply(
            status=error.status,
            headers=tuple(headers.items()),
            body=self._render_error(error, self._exchange_id()),
            details=f"aigw_{error.code or error.type}",
        )

    def _request_headers(self, event: RequestHeaders, now: float) -> Action:
        self._headers, self._x_request_id = event.headers, event.headers.get("x-request-id")
        path = event.headers.get(":path", "").partition("?")[0]
        method = event.headers.get(":method", "")
        self._render_error = error_format(path)
        catalog = model_list_at(path)
        if catalog is not None:
            return self._models(catalog, path, method)
        endpoint = ENDPOINTS.get(path)
        if endpoint is None:
            *places, last = (*ENDPOINTS, *(models.path for models in MODEL_LISTS))
            raise NotFound(f"there is no {path!r} here; try {', '.join(places)} or {last}")
        self._endpoint, self.outcome.operation = endpoint, endpoint.name
        _require_method(method, "POST", path)
        _require_json(event.headers)
        if event.end_of_stream:
            raise InvalidRequest("the request body is empty; a JSON object is expected")
        return Continue()

    def _models(self, catalog: ModelList, path: str, method: str) -> Reply:
        self.outcome.operation = "models"
        _require_method(method, "GET", path)
        body = catalog.render(self._router.models(self._headers), path)
        self.outcome.status = 200
        return Reply(status=200, headers=(_JSON, *self._own_headers()), body=body, details="aigw_models")

    def _request_body(self, event: RequestBody, now: float) -> Action:
        assert self._endpoint is not None  # noqa: S101 - Envoy sends the headers first
        model = model_of(event.body)
        backend = self._router.select(model, self._headers, self._pick)
        check_model(model)
        outcome = self.outcome
        outcome.backend, outcome.model = backend, model
        outcome.request_model = backend.model_override or model
        self._parsed = parse(self._endpoint, backend.schema.name, event.body, self._headers)
        return self._translate({}, now)

    def _media_ready(self, event: MediaReady, now: float) -> Action:
        return self._translate(event.fetched, now)

    def _translate(self, fetched: Mapping[str, Fetched], now: float) -> Action:
        parsed, backend, model = self._parsed, self.outcome.backend, self.outcome.request_model
        assert parsed is not None  # noqa: S101 - all of these were set by the request's body
        assert backend is not None  # noqa: S101 - as above
        settings = backend.settings
        target = Target(model=model, family=settings.families.of(model), schema=backend.schema, fetched=fetched)
        try:
            self._request = request = parsed(target)
        except MediaNeeded as needed:
            if settings.fetch_images:
                return NeedMedia(needed.urls)
            return self._translate(dict.fromkeys(needed.urls, _SWITCHED_OFF), now)
        self.outcome.stream, self.outcome.dropped = request.stream, request.dropped
        if request.dropped and settings.dropped_parameters == "refuse":
            raise InvalidRequest.at(request.dropped[0], f"this model does not support {', '.join(request.dropped)}")
        if backend.auth is None:
            return self._forward(None, now)
        identity = configured_identity(backend.auth, self._headers)
        return NeedCredentials(backend.auth) if identity is None else self._forward(identity, now)

    def _credentials_ready(self, event: CredentialsReady, now: float) -> Action:
        return self._forward(event.identity, now)

    def _forward(self, identity: Identity | None, now: float) -> ForwardRequest | NeedUpstream:
        request, backend = self._request, self.outcome.backend
        assert request is not None  # noqa: S101 - both were set by the request's body
        assert backend is not None  # noqa: S101 - as above
        self.outcome.signed = isinstance(identity, Credentials)
        headers = self._headers
        # An answer can take minutes: what it does not need of a request, which can be large, is not kept that long.
        self._headers, self._parsed, self._request = {}, None, msgspec.structs.replace(request, body=b"")
        forwarded = self._signed(request, backend, headers, identity, now)
        if not isinstance(request, UpstreamBatch) or not request.further:
            return forwarded
        further = (msgspec.structs.replace(request, body=body) for body in request.further)
        signed = (self._signed(one, backend, headers, identity, now) for one in further)
        return direct((forwarded, *signed), backend.upstream, headers)

    def _signed(
        self, request: UpstreamRequest, backend: Backend, headers: Headers, identity: Identity | None, now: float
    ) -> ForwardRequest:
        return forward(
            request,
            backend,
            client_headers=headers,
            client_model=self.outcome.model,
            model=self.outcome.request_model,
            identity=identity,
            now=now,
        )

    def _upstream_ready(self, event: UpstreamReady, now: float) -> Reply:
        batch = self._request
        assert isinstance(batch, UpstreamBatch)  # noqa: S101 - it was asked for
        first = event.responses[0]
        self._response_headers, self.outcome.status = first.headers, first.status
        if first.status != 200:
            raise batch.answer.translate_error(first.status, first.headers, first.body)
        response = batch.answer.translate_batch(event.responses, self._context(now))
        self.outcome.usage = response.usage
        own = (("content-type", response.media_type), *self._request_id(), *self._own_headers())
        return Reply(status=200, headers=own, body=response.body, details="aigw_batch")

    def _response_headers_received(self, event: ResponseHeaders, now: float) -> Action:
        headers = self._response_headers = event.headers
        status = int(headers.get(":status", "0"))
        self.outcome.status = status
        # Before anything was forwarded, or where Envoy says so, the answer is Envoy's own.
        self._local = self._request is None or LOCAL_REPLY_HEADER in headers
        if self._local:
            return Continue(final=event.end_of_stream)
        if event.end_of_stream:
            return self._respond(b"", now)
        assert self._request is not None  # noqa: S101 - checked above
        if status == 200 and self._request.stream:
            return self._begin_stream(now)
        return Continue()

    def _begin_stream(self, now: float) -> Action:
        assert self._request is not None  # noqa: S101 - a response follows its request
        media_type = self._response_headers.get("content-type", "")
        if not media_type.lower().startswith(self._request.accept):
            got = media_type or "no media type"
            raise InvalidUpstreamResponse(f"the upstream answered a streaming request with {got}")
        self._stream = self._request.answer.translate_stream(self._context(now))
        return StreamResponse(set_headers=(*_SSE, *self._own_headers()))

    def _response_body(self, event: ResponseBody, now: float) -> Action:
        if self._local:
            return Continue(final=event.end_of_stream)
        if self._stream is None:
            return self._respond(event.body, now)
        data = self._stream.feed(event.body) if event.body else b""
        if event.end_of_stream:
            data += self._stream.close()
        self.outcome.usage, self.outcome.error = self._stream.usage, self._stream.failure
        return Chunk(body=data, final=event.end_of_stream)

    def _respond(self, body: bytes, now: float) -> Action:
        assert self._request is not None  # noqa: S101 - a response follows its request
        answer = self._request.answer
        if self.outcome.status != 200:
            raise answer.translate_error(self.outcome.status, self._response_headers, body)
        response = answer.translate_response(body, self._context(now))
        self.outcome.usage = response.usage
        own = (("content-type", response.media_type), ("content-length", str(len(response.body))))
        headers = (*own, *self._own_headers())
        return ReplaceBody(set_headers=headers, body=response.body)

    def _context(self, now: float) -> ResponseContext:
        headers = self._response_headers
        return ResponseContext(request_id=self._exchange_id() or "", created=int(now), headers=headers)

    def _exchange_id(self) -> str | None:
        """Bedrock's own id, or the request's `x-request-id` where it gave none."""
        return self._response_headers.get(REQUEST_ID_HEADER) or self._x_request_id

    def _request_id(self) -> Pairs:
        """Bedrock's own id, which a reply of ours does not carry by itself."""
        return tuple((name, value) for name, value in self._response_headers.items() if name == REQUEST_ID_HEADER)

    def _own_headers(self) -> Pairs:
        """What every answer of ours carries: the request's id, and what was dropped on the way."""
        headers: Pairs = ()
        if self._x_request_id is not None:
            headers += (("x-request-id", self._x_request_id),)
        if self.outcome.dropped:
            headers += ((DROPPED_HEADER, dropped_names(self.outcome.dropped)),)
        return headers


_HANDLERS: dict[type, Callable[..., Action]] = {
    RequestHeaders: Exchange._request_headers,
    RequestBody: Exchange._request_body,
    MediaReady: Exchange._media_ready,
    CredentialsReady: Exchange._credentials_ready,
    UpstreamReady: Exchange._upstream_ready,
    ResponseHeaders: Exchange._response_headers_received,
    ResponseBody: Exchange._response_body,
}


def _require_method(method: str, expected: str, path: str) -> None:
    if method != expected:
        raise MethodNotAllowed(f"{path} takes {expected}, not {method}", headers=[("allow", expected)])


def _require_json(headers: Headers) -> None:
    media_type = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMedia.at("content-type", f"expected application/json, got {media_type!r}")
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", ""}:
        raise UnsupportedMedia.at("content-encoding", f"the body must not be compressed, got {encoding!r}")
