"""A request passes as it is, but for the name of the model where the configuration gives it another."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from aigw_extproc import wire
from aigw_extproc.bedrock.families import Family
from aigw_extproc.config.snapshot import BodyMutation, Schema
from aigw_extproc.translate import mutation
from aigw_extproc.translate.contract import Fetched, UpstreamRequest
from aigw_extproc.translate.openai_passthrough.answer import PassedAnswer

_NOTHING_FETCHED: Mapping[str, Fetched] = {}
_SCHEMA = Schema(name="OpenAI", prefix="/v1")


class PassedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway reads of a request that it passes on."""

    model: str
    stream: bool | None = None
    body: bytes = msgspec.field(default=b"", name="(body)")
    """As the client sent it."""


_REQUEST = msgspec.json.Decoder(PassedRequest)


def parse(body: bytes) -> PassedRequest:
    """Parses the body of any of OpenAI's endpoints, of which the upstream is the judge.

    Raises:
        InvalidRequest: the body is not a JSON object with a model, or `stream` is no boolean.
    """
    return msgspec.structs.replace(wire.decode(_REQUEST, body), body=body)


def to(path: str) -> Callable[..., UpstreamRequest]:
    """The translation that passes requests on to a path below the prefix of the backend's schema."""

    def translate_request(
        request: PassedRequest,
        *,
        model: str,
        family: Family,
        schema: Schema = _SCHEMA,
        fetched: Mapping[str, Fetched] = _NOTHING_FETCHED,
    ) -> UpstreamRequest:
        prefix, stream = schema.prefix.strip("/"), bool(request.stream)
        return UpstreamRequest(
            path=f"/{prefix}{path}" if prefix else path,
            body=_with_model(request, model),
            accept="text/event-stream" if stream else "application/json",
            stream=stream,
            dropped=(),
            answer=PassedAnswer(),
        )

    return translate_request


def _with_model(request: PassedRequest, model: str) -> bytes:
    if request.model == model:
        return request.body
    return mutation.apply(BodyMutation(set=(("model", msgspec.Raw(msgspec.json.encode(model))),)), request.body)
