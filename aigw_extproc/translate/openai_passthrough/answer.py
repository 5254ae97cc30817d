"""Responses and errors, which are in the client's format already."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.bedrock import errors
from aigw_extproc.errors import InvalidUpstreamResponse, UpstreamError
from aigw_extproc.translate.contract import ClientResponse, ResponseContext
from aigw_extproc.translate.openai_passthrough import usage
from aigw_extproc.translate.openai_passthrough.stream import OpenAIPassthroughStream, upstream_error
from aigw_extproc.wire import as_utf8


class _Body(msgspec.Struct, frozen=True):
    usage: msgspec.Raw = msgspec.Raw()


class _ErrorBody(msgspec.Struct, frozen=True):
    error: msgspec.Raw


_BODY = msgspec.json.Decoder(_Body)
_ERROR_BODY = msgspec.json.Decoder(_ErrorBody)


class OpenAIPassthroughAnswer(msgspec.Struct, frozen=True):
    """Implements `contract.Answer`."""

    hides_usage: bool = False
    """Whether the client of a stream has not asked for the tokens that it reports."""

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        try:
            answer = _BODY.decode(as_utf8(body))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise InvalidUpstreamResponse("the upstream answered 200 with a body that is not a JSON object") from None
        media_type = context.headers.get("content-type", "application/json")
        return ClientResponse(body=body, usage=usage.read(answer.usage), media_type=media_type)

    def translate_stream(self, context: ResponseContext) -> OpenAIPassthroughStream:
        return OpenAIPassthroughStream(hides_usage=self.hides_usage)

    def translate_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """Return the upstream's own error if it is in OpenAI's format, without any detail on the gateway's key."""
        fallback = errors.from_response(status, headers, body)
        if status == 401:
            fallback.message = "the upstream refused the gateway's credentials"
            return fallback
        try:
            error = upstream_error(_ERROR_BODY.decode(as_utf8(body)).error, status=status, body=body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return fallback
        return fallback if error is None or status < 400 else error
