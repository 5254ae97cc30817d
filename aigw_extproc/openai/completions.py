"""Request and response of legacy completions.

https://platform.openai.com/docs/api-reference/completions
"""

from __future__ import annotations

import msgspec

from aigw_extproc import wire
from aigw_extproc.openai.chat import StreamOptions
from aigw_extproc.openai.completion import CompletionUsage


class CompletionRequest(wire.Open, frozen=True, kw_only=True):
    model: str
    prompt: str | list[str | int | list[int]]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    best_of: int | None = None
    echo: bool | None = None
    suffix: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None


class CompletionChoice(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    index: int = 0
    logprobs: None = None
    finish_reason: str | None


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """The completion, or one chunk of it in a stream."""

    id: str
    object: str = "text_completion"
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage | msgspec.UnsetType | None = msgspec.UNSET


_REQUEST = msgspec.json.Decoder(CompletionRequest)


def parse(body: bytes) -> CompletionRequest:
    """Parse the body of POST /v1/completions.

    Raises:
        InvalidRequest: the body is not JSON or a field has the wrong type; `param` is the field's path.
    """
    return wire.decode_open(_REQUEST, body)
