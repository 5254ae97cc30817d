"""Requests that pass as they are, but for the name of the model where the configuration overrides it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from aigw_extproc import wire
from aigw_extproc.translate.contract import Target, UpstreamRequest
from aigw_extproc.translate.openai_passthrough.answer import OpenAIPassthroughAnswer


class _Envelope(msgspec.Struct, frozen=True):
    model: str
    stream: bool | None = None


class PassthroughRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request, and the fields of it that the gateway reads."""

    model: str
    stream: bool
    body: bytes
    """The body as the client sent it."""


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def parse(body: bytes) -> PassthroughRequest:
    """Parse the body of any of OpenAI's endpoints; the upstream validates the rest.

    Raises:
        InvalidRequest: the body is not a JSON object with a model, or `stream` is not a boolean.
    """
    envelope = wire.decode(_ENVELOPE, body)
    return PassthroughRequest(model=envelope.model, stream=bool(envelope.stream), body=body)


def to(path: str) -> Callable[[PassthroughRequest, Target], UpstreamRequest]:
    """Return the translation that passes requests on to a path below the prefix of the backend's schema."""

    def translate_request(request: PassthroughRequest, target: Target) -> UpstreamRequest:
        prefix, stream = target.schema.prefix.strip("/"), request.stream
        return UpstreamRequest(
            path=f"/{prefix}{path}" if prefix else path,
            body=_with_model(request, target.model),
            accept="text/event-stream" if stream else "application/json",
            stream=stream,
            dropped=(),
            answer=OpenAIPassthroughAnswer(),
        )

    return translate_request


def _with_model(request: PassthroughRequest, model: str) -> bytes:
    if request.model == model:
        return request.body
    return wire.edit_fields(request.body, set_fields={"model": msgspec.Raw(msgspec.json.encode(model))})
