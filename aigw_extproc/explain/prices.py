"""What a request would cost, as far as its length says it."""

from __future__ import annotations

from aigw_extproc.bedrock.prices import PICODOLLARS, Tokens
from aigw_extproc.config.snapshot import Backend
from aigw_extproc.exchange.messages import Outcome
from aigw_extproc.exchange.spending import CHARACTERS_PER_TOKEN, UNCHARGED, characters_of
from aigw_extproc.explain.explanation import PriceEstimate

_MICRODOLLARS = 10**6


def estimate(outcome: Outcome, backend: Backend, body: bytes) -> PriceEstimate | None:
    """Return the price of a request with this body; None if none is known, or nothing is charged."""
    price = backend.settings.prices.of(outcome.request_model)
    if price is None or outcome.operation in UNCHARGED or not (price.rates.input or price.rates.output):
        return None
    tokens = -(-characters_of(body, backend.schema.name) // CHARACTERS_PER_TOKEN)
    return PriceEstimate(
        prompt_tokens=tokens,
        prompt_cost=price.cost(Tokens(input=tokens)) / _MICRODOLLARS,
        input=price.rates.input / PICODOLLARS,
        output=price.rates.output / PICODOLLARS,
        source=price.source,
    )
