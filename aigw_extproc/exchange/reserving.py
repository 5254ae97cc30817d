"""What a request may cost at most, before it is sent: for limits that reserve it.

The output has as many tokens as the client allows. The input has fewer tokens than its JSON has bytes, but for what the
backend adds to it, and for images at URLs. A cache may make the input cheaper or dearer: each case is a bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec.structs import replace

from aigw_extproc.config.snapshot import Backend
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.exchange.messages import Outcome
from aigw_extproc.exchange.spending import UNCHARGED, SpentTokens, spent
from aigw_extproc.translate.contract import TokenCounts
from aigw_extproc.wire import decode

ADDED_TOKENS: Final = 1024
"""What a backend may add to the input: marks of messages, and instructions for the use of tools."""
_SILENT: Final = UNCHARGED | {"embeddings", "images", "rerank"}
"""Operations without an output of tokens."""
_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Allowed(msgspec.Struct, frozen=True):
    max_tokens: _Count | None = None
    max_completion_tokens: _Count | None = None
    max_output_tokens: _Count | None = None
    n: Annotated[int, msgspec.Meta(ge=1)] | None = None


_ALLOWED: Final = msgspec.json.Decoder(_Allowed)


def bounds(
    backends: Iterable[Backend], request_models: Iterable[str], outcome: Outcome, body: bytes
) -> tuple[SpentTokens, ...]:
    """Return what a request may have spent at its end, at any of its backends.

    Raises:
        InvalidRequest: it does not say how many tokens the output may have.
    """
    read, written = len(body) + ADDED_TOKENS, _output(outcome.operation, body)
    plain = TokenCounts(input_tokens=read, output_tokens=written, total_tokens=read + written, reasoning_tokens=written)
    cases = (
        plain,
        replace(plain, cached_input_tokens=read),
        replace(plain, cache_creation_input_tokens=read),
        replace(plain, cache_creation_input_tokens=read, long_cache_creation_input_tokens=read),
    )
    outcomes = (
        replace(outcome, backend=backend, request_model=model, usage=case)
        for backend, model in zip(backends, request_models, strict=True)
        for case in cases
    )
    return tuple(bound for each in outcomes if (bound := spent(each)) is not None)


def _output(operation: str, body: bytes) -> int:
    if operation in _SILENT:
        return 0
    allowed = decode(_ALLOWED, body)
    most = max(allowed.max_tokens or 0, allowed.max_completion_tokens or 0, allowed.max_output_tokens or 0)
    if not most:
        field = "max_output_tokens" if operation == "responses" else "max_tokens"
        raise InvalidRequest.at(field, "required: a limit of this gateway reserves the tokens before they are used")
    return most * (allowed.n or 1)
