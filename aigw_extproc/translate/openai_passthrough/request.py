"""Requests that pass as they are, but for the name of the model where the configuration overrides it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from aigw_extproc import wire
from aigw_extproc.translate.contract import Target, UpstreamRequest
from aigw_extproc.translate.openai_passthrough.answer import OpenAIPassthroughAnswer


class PassthroughRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that the gateway reads of a request that it passes on."""

    model: str
    stream: bool | None = None
    body: bytes = msgspec.field(default=b"", name="(body)")
    """The body as the client sent it."""


_REQUEST = msgspec.json.Decoder(PassthroughRequest)


def parse(body: bytes) -> PassthroughRequest:
    """Parse the body of any of OpenAI's endpoints; the upstream validates the rest.

    Raises:
        InvalidRequest: the body is not a JSON object with a model, or `stream` is not a boolean.
    """
    return msgspec.structs.replace(wire.decode(_REQUEST, body), body=body)


def to(path: str) -> Callable[[PassthroughRequest, Target], UpstreamRequest]:
    """Return the translation that passes requests on to a path below the prefix of the backend's schema."""

    def translate_request(request: PassthroughRequest, target: Target) -> UpstreamRequest:
        prefix, stream = target.schema.prefix.strip("/"), bool(request.stream)
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
