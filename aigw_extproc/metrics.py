"""The gateway's Prometheus metrics.

The `gen_ai_*` metrics have the names, labels and buckets of the reference system, so that its dashboards work:
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/
With several workers, prometheus-client's multiprocess mode adds them up. The environment has to switch that mode on
before this module is imported (`serve.shared_folder`).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from prometheus_client import Counter, Gauge, Histogram

from aigw_extproc.config.snapshot import Snapshot
from aigw_extproc.errors import InvalidRequest, InvalidUpstreamResponse
from aigw_extproc.exchange.messages import Outcome
from aigw_extproc.exchange.spending import SpentTokens
from aigw_extproc.label_headers import VARIABLE, label_headers
from aigw_extproc.translate.contract import TokenCounts
from aigw_extproc.translate.registry import ENDPOINTS

MAX_CLIENTS = 200
"""Clients that get labels of their own; later ones share `other`."""
MAX_RESULTS = 200
"""Pairs of status and code that get a label for the code. An upstream chooses its codes; later ones are `other`."""
MAX_CODE_CHARACTERS = 64
MAX_LABEL_SETS = 200
"""Operations and model names that get labels of their own; later names are `other`. prometheus-client never forgets a
label, and each set is up to 150 samples."""
MAX_NAME_CHARACTERS = 200 * 200
"""Of the names in all sets, the client's and the backend's: with it, the files of a worker never become larger than the
space that is reserved for them."""

_TOKEN_BUCKETS = tuple(4**power for power in range(14))
_DURATION_BUCKETS = tuple(0.01 * 2**power for power in range(14))
_FIRST_TOKEN_BUCKETS = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 45.0,
    60.0,
)  # fmt: skip
_PER_TOKEN_BUCKETS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)

OPERATIONS = (*sorted({endpoint.name for endpoint in ENDPOINTS.values()}), "models", "stored_response", "unknown")
OUTCOMES = ("ok", "refused", "throttled", "failed", "broken", "incomplete")
"""What an alert can distinguish: see `_kind`."""

HEADERS = label_headers(os.environ.get(VARIABLE, ""))
"""Headers of requests whose values are labels, by the label."""

_MODEL_LABELS = (
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_original_model",
    "gen_ai_request_model",
    "gen_ai_response_model",
)
_LABELS = (*_MODEL_LABELS, *HEADERS)

TOKEN_USAGE = Histogram(
    "gen_ai_client_token_usage_token", "Tokens per response.", (*_LABELS, "gen_ai_token_type"), buckets=_TOKEN_BUCKETS
)
REQUEST_DURATION = Histogram(
    "gen_ai_server_request_duration_seconds",
    "Time from the request's headers to the end of the response.",
    (*_LABELS, "error_type"),
    buckets=_DURATION_BUCKETS,
)
TIME_TO_FIRST_TOKEN = Histogram(
    "gen_ai_server_time_to_first_token_seconds",
    "Time from the request's headers to the first piece of a streamed response.",
    _LABELS,
    buckets=_FIRST_TOKEN_BUCKETS,
)
TIME_PER_OUTPUT_TOKEN = Histogram(
    "gen_ai_server_time_per_output_token_seconds",
    "Time per token after the first one of a streamed response.",
    _LABELS,
    buckets=_PER_TOKEN_BUCKETS,
)
BEDROCK_LATENCY = Histogram(
    "aigw_bedrock_latency_seconds", "Latency that Bedrock reports for a response.", _LABELS, buckets=_DURATION_BUCKETS
)
EXCHANGES = Counter(
    "aigw_exchanges", "HTTP exchanges by result; status 0: the client disconnected.", ("operation", "status", "code")
)
OUTCOMES_TOTAL = Counter(
    "aigw_outcomes",
    "Requests by how they ended: ok, refused, throttled, failed, broken in the middle of a stream, or incomplete.",
    ("operation", "outcome"),
)
CLIENT_REQUESTS = Counter("aigw_client_requests", "HTTP exchanges by client's id and status.", ("client", "status"))
ATTEMPTS = Counter(
    "aigw_attempts",
    "Attempts of rules with failover: ok, the status of an error, broken after the answer began, or cancelled.",
    ("backend", "outcome"),
)
DROPPED_PARAMETERS = Counter("aigw_dropped_parameters", "Requests with parameters that were dropped.", ("operation",))
SIGNATURES = Counter("aigw_signatures", "Requests signed.", ("region",))
SIGNING_FAILURES = Counter("aigw_signing_failures", "Requests not signed, without credentials.", ("region",))
CREDENTIAL_REFRESHES = Counter(
    "aigw_credential_refreshes", "Attempts to get credentials from a source.", ("source", "result")
)
CREDENTIAL_EXPIRY = Gauge(
    "aigw_credential_expiry_seconds",
    "Seconds until a source's credentials expire.",
    ("source",),
    multiprocess_mode="livemin",
)
TRANSLATION_FAILURES = Counter(
    "aigw_translation_failures", "Requests or responses that could not be translated.", ("operation", "phase")
)
STORE_FAILURES = Counter("aigw_store_failures", "Failures of the store of responses: read, write.", ("operation",))
DEFECTS = Counter("aigw_defects", "Unexpected exceptions; each is in the log with its traceback.")
COST = Counter(
    "aigw_cost_microdollars",
    "What exchanges have cost, in millionths of a dollar, by the price of their model.",
    ("backend", "model", "estimated"),
)
CLIENT_COST = Counter("aigw_client_cost_microdollars", "The same by client's id.", ("client",))
UNPRICED = Counter("aigw_unpriced_exchanges", "Exchanges whose model has no known price.", ("backend", "model"))
ESTIMATED_TOKENS = Counter(
    "aigw_estimated_tokens", "Tokens of streams that broke off, as far as they are estimated.", ("operation", "type")
)
COST_FAULTS = Counter("aigw_request_cost_faults", "Costs of requests that could not be evaluated, by key.", ("key",))
ACTIVE_EXCHANGES = Gauge("aigw_active_exchanges", "HTTP exchanges under way.", multiprocess_mode="livesum")

_PROVIDERS = {"AWSBedrock": "aws.bedrock", "AWSAnthropic": "aws.anthropic", "OpenAI": "openai"}


@dataclass(slots=True, kw_only=True)
class Timeline:
    """The times of one exchange, in seconds of a monotonic clock; None for what did not happen."""

    started: float
    first_piece: float | None = None
    ended: float | None = None


Metric = TypeVar("Metric", Counter, Gauge, Histogram)

_OTHERS = ("other",) * len(HEADERS)
NO_VALUES = ("",) * len(HEADERS)
_own_sets: set[tuple[str, ...]] = set()
_own_values: set[tuple[str, ...]] = set()
_own_characters = 0
_own_clients: set[str] = set()
_own_priced: set[tuple[str, str]] = set()
_own_priced_characters = 0
_own_results: set[str] = set()


def expect(snapshot: Snapshot) -> None:
    """Begin to count from 0 what can happen with a configuration: a first event is then an increase."""
    backends = (backend for rule in snapshot.rules for backend in rule.backends)
    for region in {backend.auth.region for backend in backends if backend.auth is not None}:
        SIGNATURES.labels(region)
        SIGNING_FAILURES.labels(region)
    for rule in snapshot.failovers:
        for backend in rule.backends:
            for outcome in ("ok", "broken"):
                ATTEMPTS.labels(backend.service, outcome)


def _begin() -> None:
    for operation in OPERATIONS:
        DROPPED_PARAMETERS.labels(operation)
        for phase in ("request", "response"):
            TRANSLATION_FAILURES.labels(operation, phase)
        for outcome in OUTCOMES:
            OUTCOMES_TOTAL.labels(operation, outcome)


_begin()


def record(outcome: Outcome, timeline: Timeline, *, over: bool = True, values: tuple[str, ...] = NO_VALUES) -> None:
    """Record an exchange that has ended: a request, or one attempt at answering it.

    `over` says whether its answer has reached its end, `values` are those of `HEADERS`.
    """
    if _is_counted(outcome, timeline):
        _child(OUTCOMES_TOTAL, outcome.operation, _kind(outcome, over=over)).inc()
    if outcome.attempt is not None:
        _child(ATTEMPTS, outcome.attempt.backend.service, _attempt_outcome(outcome)).inc()
    else:
        _record_request(outcome)
    if outcome.dropped:
        _child(DROPPED_PARAMETERS, outcome.operation).inc()
    if outcome.backend is None or timeline.ended is None:
        return
    if outcome.signed and outcome.backend.auth is not None:
        _child(SIGNATURES, outcome.backend.auth.region).inc()
    if isinstance(outcome.error, InvalidRequest | InvalidUpstreamResponse):
        phase = "request" if isinstance(outcome.error, InvalidRequest) else "response"
        _child(TRANSLATION_FAILURES, outcome.operation, phase).inc()
    _record_answer(outcome, timeline, timeline.ended - timeline.started, _labels(outcome, values))


def _record_answer(outcome: Outcome, timeline: Timeline, duration: float, labels: tuple[str, ...]) -> None:
    """Record how long a backend took, and the tokens."""
    _child(REQUEST_DURATION, *labels, "_OTHER" if outcome.error or outcome.status != 200 else "").observe(duration)
    if outcome.usage is not None and not outcome.estimated:
        _record_tokens(outcome.usage, labels)
        if outcome.usage.latency_ms is not None:
            _child(BEDROCK_LATENCY, *labels).observe(outcome.usage.latency_ms / 1000)
    if outcome.stream and timeline.first_piece is not None:
        _child(TIME_TO_FIRST_TOKEN, *labels).observe(timeline.first_piece - timeline.started)
        if outcome.usage is not None and outcome.usage.output_tokens > 1 and not outcome.estimated:
            rest = (duration - (timeline.first_piece - timeline.started)) / (outcome.usage.output_tokens - 1)
            _child(TIME_PER_OUTPUT_TOKEN, *labels).observe(rest)


def record_spending(spent: SpentTokens) -> None:
    """Record what an exchange has spent."""
    model = _priced_model(spent)
    if spent.estimated:
        _child(ESTIMATED_TOKENS, spent.operation, "input").inc(spent.counts.input_tokens)
        _child(ESTIMATED_TOKENS, spent.operation, "output").inc(spent.counts.output_tokens)
    if spent.cost is None:
        _child(UNPRICED, spent.backend, model).inc()
    else:
        _child(COST, spent.backend, model, "true" if spent.estimated else "false").inc(spent.cost)
        if spent.client:
            _child(CLIENT_COST, _bounded(spent.client, _own_clients, MAX_CLIENTS)).inc(spent.cost)
    for key in spent.faults:
        _child(COST_FAULTS, key).inc()


def _priced_model(spent: SpentTokens) -> str:
    """Return the label for a model: clients choose names, so that a new one must have been answered to get its own."""
    global _own_priced_characters
    pair = (spent.backend, spent.model)
    if pair in _own_priced:
        return spent.model
    characters = _own_priced_characters + len(json.dumps(pair))
    if spent.estimated or len(_own_priced) >= MAX_LABEL_SETS or characters > MAX_NAME_CHARACTERS:
        return "other"
    _own_priced.add(pair)
    _own_priced_characters = characters
    return spent.model


def latencies(timeline: Timeline, spent: SpentTokens, now: float) -> dict[str, float]:
    """Return the reference's keys for the metadata of a stream, in seconds: to the first piece, and between tokens."""
    if timeline.first_piece is None:
        return {}
    first = {"token_latency_ttft": timeline.first_piece - timeline.started}
    if spent.counts.output_tokens <= 1:
        return first
    rest = (now - timeline.first_piece) / (spent.counts.output_tokens - 1)
    return first | {"token_latency_itl": rest}


def _record_request(outcome: Outcome) -> None:
    _child(EXCHANGES, outcome.operation, str(outcome.status), _code(outcome)).inc()
    if outcome.client:
        _child(CLIENT_REQUESTS, _bounded(outcome.client, _own_clients, MAX_CLIENTS), str(outcome.status)).inc()


def _is_counted(outcome: Outcome, timeline: Timeline) -> bool:
    """Return whether this exchange knows how its request has ended.

    A stream of a rule with failover ends with the attempt that has begun to answer, anything else with the request.
    """
    if outcome.attempt is not None:
        return outcome.stream and outcome.status == 200 and timeline.first_piece is not None
    return not (outcome.stream and outcome.backend is None)


def _kind(outcome: Outcome, *, over: bool) -> str:
    if outcome.error is not None and outcome.status == 200:
        return "broken"
    if outcome.status == 0 or not over:
        return "incomplete"
    if outcome.status == 429:
        return "throttled"
    if outcome.status >= 400:
        return "failed" if outcome.status >= 500 else "refused"
    return "ok"


def _code(outcome: Outcome) -> str:
    """Return the label for the code of the error; empty without one."""
    code = outcome.error.label if outcome.error else outcome.code
    result = f"{outcome.status} {code}"
    known = len(code) <= MAX_CODE_CHARACTERS and _bounded(result, _own_results, MAX_RESULTS) == result
    return code if known else "other"


def _attempt_outcome(outcome: Outcome) -> str:
    if outcome.status == 200:
        return "broken" if outcome.error else "ok"
    return str(outcome.status) if outcome.status else "cancelled"


def provider_name(outcome: Outcome) -> str:
    """Return the name of who serves the model, as OpenTelemetry's conventions have it; empty without a backend."""
    schema = outcome.backend.schema.name if outcome.backend else ""
    return _PROVIDERS.get(schema, schema.lower())


def _labels(outcome: Outcome, values: tuple[str, ...]) -> tuple[str, ...]:
    provider = provider_name(outcome)
    # Bedrock returns the model that answered only if a prompt router has chosen it.
    invoked = outcome.usage.invoked_model if outcome.usage else ""
    models = (outcome.model, outcome.request_model, invoked or outcome.request_model)
    answered = outcome.status == 200 and outcome.error is None
    own = (outcome.operation, provider, *models)
    if not _has_own(own, _own_sets, allowed=outcome.named or answered):
        return (outcome.operation, provider, "other", "other", "other", *_OTHERS)
    known = not HEADERS or _has_own((*own, *values), _own_values, allowed=answered)
    return (*own, *(values if known else _OTHERS))


def _has_own(labels: tuple[str, ...], seen: set[tuple[str, ...]], *, allowed: bool) -> bool:
    """Return whether names become labels: if it is `allowed`, and while there is space.

    Clients choose names of models if a rule takes any, and the values of headers: such names must have been answered
    first. With headers, half of the space is for models with any other values of them.
    """
    global _own_characters
    if labels in seen:
        return True
    characters = _own_characters + len(json.dumps(labels[2:]))
    space = MAX_LABEL_SETS // 2 if HEADERS else MAX_LABEL_SETS
    if not allowed or len(seen) >= space or characters > MAX_NAME_CHARACTERS:
        return False
    seen.add(labels)
    _own_characters = characters
    return True


@lru_cache(maxsize=10_000)
def _child(metric: Metric, *labels: str) -> Metric:
    """Return a metric with these labels. Without the cache it takes 1 µs, six times per exchange."""
    return metric.labels(*labels)


def _bounded(name: str, seen: set[str], limit: int) -> str:
    """Return a name, or `other` once `limit` names have been seen."""
    if name in seen:
        return name
    if len(seen) >= limit:
        return "other"
    seen.add(name)
    return name


def _record_tokens(usage: TokenCounts, labels: tuple[str, ...]) -> None:
    for kind, tokens in (
        ("input", usage.input_tokens),
        ("output", usage.output_tokens),
        ("cached_input", usage.cached_input_tokens),
        ("cache_creation_input", usage.cache_creation_input_tokens),
        ("long_cache_creation_input", usage.long_cache_creation_input_tokens),
    ):
        if tokens or kind in {"input", "output"}:
            _child(TOKEN_USAGE, *labels, kind).observe(tokens)
