"""What a span says of an exchange, apart from its bodies."""

from __future__ import annotations

from typing import Any, Final

from aigw_extproc.exchange.messages import Outcome
from aigw_extproc.exchange.results import OK, result
from aigw_extproc.metrics import Timeline, provider_name
from aigw_extproc.translate.contract import TokenCounts

OPERATIONS: Final = {
    "chat": "chat",
    "messages": "chat",
    "responses": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
    "images": "generate_content",
    "rerank": "rerank",
}
"""The names of the semantic conventions for the operations that a model serves; others get no span."""


def span_name(outcome: Outcome) -> str:
    """Return the name of the span: the operation and the model, as the client calls it."""
    return f"{OPERATIONS[outcome.operation]} {outcome.model}".rstrip()


def exchange_attributes(outcome: Outcome, timeline: Timeline, *, over: bool) -> dict[str, Any]:
    """Return the attributes that an exchange has by its outcome; those without a value are left out."""
    ended = result(outcome, over=over)
    backend, usage = outcome.backend, outcome.usage
    known: dict[str, Any] = {
        "gen_ai.operation.name": OPERATIONS[outcome.operation],
        "gen_ai.provider.name": provider_name(outcome),
        "gen_ai.request.model": outcome.model,
        "gen_ai.response.model": (usage.invoked_model if usage else "") or outcome.request_model,
        "http.response.status_code": outcome.status,
        "error.type": "" if ended == OK else ended,
        "aigw.outcome": ended,
        "aigw.operation": outcome.operation,
        "aigw.client": outcome.client,
        "aigw.backend": backend.service if backend else "",
        "aigw.dropped_parameters": outcome.dropped[:_MAX_NAMES],
        "server.address": backend.upstream.host if backend else "",
        "cloud.region": backend.auth.region if backend and backend.auth else "",
        **(_usage(usage) if usage else {}),
    }
    attributes = {name: value for name, value in known.items() if value not in ("", (), 0)}
    if backend is not None:
        attributes["aigw.stream"] = outcome.stream
    if timeline.first_piece is not None and outcome.stream:
        attributes["gen_ai.server.time_to_first_token"] = timeline.first_piece - timeline.started
    return attributes


_MAX_NAMES: Final = 20


def _usage(usage: TokenCounts) -> dict[str, int]:
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_input_tokens,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_creation_input_tokens,
    }
