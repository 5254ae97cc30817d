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
    stream_options: msgspec.Raw = msgspec.Raw()


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool | None = None


class PassthroughRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request, and the fields of it that the gateway reads."""

    model: str
    stream: bool
    stream_options: msgspec.Raw
    body: bytes
    """The body as the client sent it."""


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_OPTIONS = msgspec.json.Decoder(_StreamOptions)
_WITH_STREAM_OPTIONS = ("/chat/completions", "/completions")


def parse(body: bytes) -> PassthroughRequest:
    """Parse the body of any of OpenAI's endpoints; the upstream validates the rest.

    Raises:
        InvalidRequest: the body is not a JSON object with a model, or `stream` is not a boolean.
    """
    envelope = wire.decode(_ENVELOPE, body)
    return PassthroughRequest(
        model=envelope.model, stream=bool(envelope.stream), stream_options=envelope.stream_options, body=body
    )


def to(path: str) -> Callable[[PassthroughRequest, Target], UpstreamRequest]:
    """Return the translation that passes requests on to a path below the prefix of the backend's schema."""

    def translate_request(request: PassthroughRequest, target: Target) -> UpstreamRequest:
        prefix, stream = target.schema.prefix.strip("/"), request.stream
        unasked = target.counts and stream and path in _WITH_STREAM_OPTIONS and not _asks_for_usage(request)
        return UpstreamRequest(
            path=f"/{prefix}{path}" if prefix else path,
            body=_body(request, target.model, with_usage=unasked),
            accept="text/event-stream" if stream else "application/json",
            stream=stream,
            dropped=(),
            answer=OpenAIPassthroughAnswer(hides_usage=unasked),
        )

    return translate_request


def _asks_for_usage(request: PassthroughRequest) -> bool:
    """Return whether the stream will report its tokens, or has options that are for the upstream to refuse."""
    options = wire.given(request.stream_options)
    try:
        return options is not None and _OPTIONS.decode(options).include_usage is True
    except (msgspec.MsgspecError, RecursionError):
        return True


def _body(request: PassthroughRequest, model: str, *, with_usage: bool) -> bytes:
    fields: dict[str, msgspec.Raw] = {}
    if request.model != model:
        fields["model"] = msgspec.Raw(msgspec.json.encode(model))
    if with_usage:
        options = wire.given(request.stream_options) or b"{}"
        asked = wire.edit_fields(bytes(options), set_fields={"include_usage": msgspec.Raw(b"true")})
        fields["stream_options"] = msgspec.Raw(asked)
    return wire.edit_fields(request.body, set_fields=fields)
