"""What an exchange has spent: tokens, and what they cost, in dollars and in the operator's own units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from aigw_extproc.bedrock.prices import Tokens
from aigw_extproc.config.costs import COUNTS, NoValue, RequestCost, Variables
from aigw_extproc.config.snapshot import Backend
from aigw_extproc.errors import GatewayError, InvalidUpstreamResponse
from aigw_extproc.exchange.messages import Outcome
from aigw_extproc.translate.contract import ResponseStream, TokenCounts

CHARACTERS_PER_TOKEN: Final = 4
"""The rule for what Bedrock has not counted."""
UNCHARGED: Final = frozenset({"count_tokens", "input_tokens", "tokenize"})
"""Operations that cost nothing."""
_WRITING: Final = frozenset({"chat", "completions", "messages", "responses"})
"""Operations whose answer is the model's text."""
_SMALL: Final = 64 * 1024  # searching it would cost more than what an image of this size makes of the estimate
_MEDIA: Final = {"AWSBedrock": b'"bytes":"', "AWSAnthropic": b'"data":"'}
"""What precedes the content of an image or a document in a request's JSON, by the backend's schema."""
_DATA_URI: Final = b";base64,"
_COUNTS: Final = {
    "InputToken": "input_tokens",
    "CachedInputToken": "cached_input_tokens",
    "CacheCreationInputToken": "cache_creation_input_tokens",
    "OutputToken": "output_tokens",
    "TotalToken": "total_tokens",
    "ReasoningToken": "reasoning_tokens",
}


class SpentTokens(msgspec.Struct, frozen=True, kw_only=True):
    """What one exchange, or one attempt of it, has spent. Given out once, at its end."""

    operation: str
    client: str
    """The client's id; empty if it is not known."""
    model: str
    """The id that the backend was asked for."""
    name: str
    """Of the `backendRefs` entry."""
    backend: str
    """`namespace/name` of the AIServiceBackend."""
    route: str
    """`namespace/name` of the AIGatewayRoute."""
    counts: TokenCounts
    estimated: bool = False
    """Whether the counts are partly an estimate, since the stream has not come to its end."""
    cost: int | None = None
    """In micro-dollars; None if no price is known."""
    values: Mapping[str, int] = {}
    """The costs that the route asks for, by their keys in Envoy's metadata."""
    faults: Mapping[str, str] = {}
    """Why a cost could not be evaluated, by its key. Its value is 0."""


def spent(outcome: Outcome) -> SpentTokens | None:
    """Return what an exchange has spent by its outcome; None if it has reached no model, or failed there."""
    backend, counts = outcome.backend, outcome.usage
    if backend is None or counts is None:
        return None
    values: dict[str, int] = {}
    faults: dict[str, str] = {}
    for cost in backend.costs:
        try:
            values[cost.key] = _value(cost, outcome, backend, counts)
        except NoValue as fault:
            values[cost.key], faults[cost.key] = 0, str(fault)
    return SpentTokens(
        operation=outcome.operation,
        client=outcome.client,
        model=outcome.request_model,
        name=backend.name,
        backend=backend.service,
        route=backend.route,
        counts=counts,
        estimated=outcome.estimated,
        cost=_dollars(outcome, backend, counts),
        values=values,
        faults=faults,
    )


def settled(outcome: Outcome, stream: ResponseStream) -> Outcome:
    """Return the outcome of a stream that ends now, wherever it is.

    What the upstream has not counted is estimated from the text: that of the request, and that the model has written.
    A stream that fails before the model has written anything is not charged.
    """
    outcome = replace(outcome, usage=stream.usage, error=stream.failure)
    if stream.counted or outcome.operation in UNCHARGED:
        return outcome
    if stream.failure is not None and stream.usage is None and not stream.characters:
        return outcome
    return _estimated(outcome, stream.characters)


def abandoned(outcome: Outcome) -> Outcome:
    """Return the outcome of an exchange that ends without an answer, after its request was sent to the model.

    The prompt is charged, as far as is known, whether somebody waits for the answer or not.
    """
    return outcome if outcome.operation in UNCHARGED or not outcome.characters else _estimated(outcome, 0)


def uncounted(outcome: Outcome, body: bytes) -> Outcome:
    """Return the outcome of a whole answer without a count of tokens, as of some servers with OpenAI's API."""
    return _estimated(outcome, len(body) if outcome.operation in _WRITING else 0)


def failed(outcome: Outcome, error: GatewayError) -> Outcome:
    """Return the outcome of a whole answer that failed in the gateway. A 200 that cannot be read is charged too."""
    unreadable = outcome.status == 200 and isinstance(error, InvalidUpstreamResponse)
    return abandoned(outcome) if unreadable else outcome


def characters_of(body: bytes, schema: str) -> int:
    """Return about how many characters of text a request's JSON has: its bytes, of large ones without media."""
    return len(body) - (_media_bytes(body, _MEDIA.get(schema, _DATA_URI)) if len(body) > _SMALL else 0)


def _media_bytes(body: bytes, mark: bytes) -> int:
    found = 0
    at = body.find(mark)
    while at >= 0:
        start = at + len(mark)
        end = body.find(b'"', start)
        if end < 0:
            break
        found += end - start
        at = body.find(mark, end)
    return found


def _estimated(outcome: Outcome, characters: int) -> Outcome:
    reported = outcome.usage or TokenCounts()
    input_tokens = reported.input_tokens or _tokens(outcome.characters)
    output_tokens = max(reported.output_tokens, _tokens(characters))
    usage = replace(
        reported,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=input_tokens + output_tokens,
    )
    return replace(outcome, usage=usage, estimated=True)


def _tokens(characters: int) -> int:
    return -(-characters // CHARACTERS_PER_TOKEN)


def _value(cost: RequestCost, outcome: Outcome, backend: Backend, counts: TokenCounts) -> int:
    if cost.expression is None:
        value: int = getattr(counts, _COUNTS[cost.type])
        return value
    return cost.expression.value(variables(outcome.request_model, backend.name, backend.route, counts))


def variables(model: str, backend: str, route: str, counts: TokenCounts) -> Variables:
    """Return the variables of an expression: `backend` is the `backendRefs` entry, `route` is `namespace/name`."""
    return {
        "model": model,
        "backend": backend,
        "route_name": route,
        **{name: getattr(counts, name) for name in COUNTS},
    }


def _dollars(outcome: Outcome, backend: Backend, counts: TokenCounts) -> int | None:
    if outcome.operation in UNCHARGED:
        return 0
    price = backend.settings.prices.of(counts.invoked_model or outcome.request_model)
    return None if price is None else price.cost(charged(counts))


def charged(counts: TokenCounts) -> Tokens:
    """Return the tokens by what they cost. What a cache has read or written is part of OpenAI's count of the input."""
    read, written = counts.cached_input_tokens, counts.cache_creation_input_tokens
    written_long = min(written, counts.long_cache_creation_input_tokens)
    return Tokens(
        input=max(0, counts.input_tokens - read - written),
        output=counts.output_tokens,
        cache_read=read,
        cache_write=written - written_long,
        long_cache_write=written_long,
        images=counts.images,
        image_class=counts.image_class,
        searches=counts.searches,
        tier=counts.service_tier,
    )
