"""Spans by OpenTelemetry's SDK: begun with an exchange, filled at its end, and sent by a thread of the SDK's."""

from __future__ import annotations

import os
from collections import deque
from time import monotonic, time_ns
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from aigw_extproc._version import __version__
from aigw_extproc.exchange.messages import (
    Action,
    AttemptHeaders,
    Begin,
    Chunk,
    Delegate,
    Event,
    Outcome,
    ReplaceBody,
    Reply,
    RequestBody,
    RequestHeaders,
    ResponseHeaders,
)
from aigw_extproc.exchange.results import OK, result
from aigw_extproc.metrics import Timeline
from aigw_extproc.tracing.attributes import OPERATIONS, exchange_attributes, span_name
from aigw_extproc.tracing.content import request_attributes, response_attributes
from aigw_extproc.tracing.options import TraceOptions

CONTENT_VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
MAX_BYTES: Final = 1_000_000
"""Of a response whose messages are kept for its span."""
_LAST_PIECES: Final = 4  # the end of a stream comes in these
_CONTEXT: Final = TraceContextTextMapPropagator()
_EVENTS: Final = (RequestHeaders, AttemptHeaders)
_NANO: Final = 1_000_000_000


class SpanTracer:
    """Begins the spans of exchanges."""

    def __init__(self, options: TraceOptions) -> None:
        resource = Resource.create({"service.name": options.service_name, "service.version": __version__})
        self._provider = TracerProvider(resource=resource)  # its sampler is that of OpenTelemetry's variables
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=options.url)))
        self._tracer = self._provider.get_tracer("aigw-extproc", __version__)
        self._messages = os.environ.get(CONTENT_VARIABLE, "").lower() in {"true", "span_only", "span_and_event"}

    def begin(self, parent: str) -> ExchangeTrace | None:
        """Return what observes an exchange; None if the trace of `parent`, a `traceparent`, is not recorded."""
        return None if parent.endswith("-00") else ExchangeTrace(self, parent, messages=self._messages)

    def start(self, carrier: dict[str, str], start_time: int) -> Span:
        """Start a span below the one that `carrier` names; in a trace of its own, if it names none."""
        context = _CONTEXT.extract(carrier, context=Context())
        return self._tracer.start_span("", context=context, kind=SpanKind.CLIENT, start_time=start_time)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


class ExchangeTrace:
    """Observes one exchange."""

    __slots__ = ("_delegated", "_first", "_kept", "_last", "_messages", "_parent", "_request", "_request_id", "_span", "_started", "_tracer")  # fmt: skip  # noqa: E501

    def __init__(self, tracer: SpanTracer, parent: str, *, messages: bool) -> None:
        self._tracer = tracer
        self._parent = parent
        self._messages = messages
        self._started = time_ns()
        self._span: Span | None = None
        """None until the request's headers, and for a request that is not sampled."""
        self._request = b""
        self._request_id: dict[str, str] = {}
        self._first: list[bytes] = []
        self._last: deque[bytes] = deque(maxlen=None if messages else _LAST_PIECES)
        self._kept = 0
        self._delegated = False

    def note(self, event: Event | None, action: Action) -> None:
        """Take a message of Envoy's, and what was done with it."""
        if isinstance(event, _EVENTS):
            self._begin(event)
        if self._span is None:
            return
        if isinstance(event, RequestBody):
            self._request = event.body
        elif isinstance(event, ResponseHeaders) and "x-amzn-requestid" in event.headers:
            self._request_id["aws.request_id"] = event.headers["x-amzn-requestid"]
        if isinstance(action, Begin):
            action = action.chunk
        if isinstance(action, (Chunk, ReplaceBody, Reply)) and action.body:
            self._keep(action.body)
        elif isinstance(action, Delegate):
            self._delegated = True

    @property
    def traceparent(self) -> str:
        """The context of the span, for what the exchange causes."""
        carrier: dict[str, str] = {}
        if self._span is not None:
            from opentelemetry.trace import set_span_in_context

            _CONTEXT.inject(carrier, context=set_span_in_context(self._span, Context()))
        return carrier.get("traceparent", self._parent)

    def _begin(self, event: RequestHeaders | AttemptHeaders) -> None:
        theirs = event.headers.get("traceparent", "")
        carrier = {"traceparent": self._parent or theirs, "tracestate": event.headers.get("tracestate", "")}
        span = self._tracer.start(carrier, self._started)
        if span.is_recording():
            self._span = span
            self._request_id["aigw.request_id"] = event.headers.get("x-request-id", "")

    def _keep(self, piece: bytes) -> None:
        if not self._first:
            self._first.append(piece)
        elif self._kept < MAX_BYTES or not self._messages:
            self._kept += len(piece)
            self._last.append(piece)

    def end(self, outcome: Outcome, timeline: Timeline, *, over: bool) -> None:
        """Finish the span, and hand it on to be sent.

        A request that has attempts has their spans instead, unless it fails before them.
        """
        span = self._span
        if span is None or outcome.operation not in OPERATIONS or (self._delegated and outcome.error is None):
            return
        span.update_name(span_name(outcome))
        span.set_attributes(request_attributes(self._request, messages=self._messages))
        answered = outcome.status == 200
        if answered:
            pieces = (*self._first, *self._last)
            span.set_attributes(response_attributes(pieces, stream=outcome.stream, messages=self._messages))
        span.set_attributes(exchange_attributes(outcome, timeline, over=over))
        span.set_attributes({name: value for name, value in self._request_id.items() if value})
        ended = result(outcome, over=over)
        if ended != OK:
            span.set_status(Status(StatusCode.ERROR, ended))
        if timeline.first_piece is not None and outcome.stream:
            first = self._started + int((timeline.first_piece - timeline.started) * _NANO)
            span.add_event("gen_ai.first_token", timestamp=first)
        span.end(end_time=self._started + int(((timeline.ended or monotonic()) - timeline.started) * _NANO))
