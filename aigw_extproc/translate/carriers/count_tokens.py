"""The way back from CountTokens, whoever the client is."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.bedrock import errors
from aigw_extproc.bedrock.counting import decode_count
from aigw_extproc.errors import InvalidUpstreamResponse, UpstreamError
from aigw_extproc.translate.contract import ClientResponse, ResponseContext, ResponseStream, Usage


class CountAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Implements `contract.Answer`: a JSON object with the number of tokens."""

    member: str
    """Its name in the client's API."""
    others: dict[str, int | None] = {}  # msgspec copies mutable defaults
    """Members that the client's API has besides."""

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        # Counting costs nothing, so nothing was used.
        return ClientResponse(body=msgspec.json.encode({self.member: decode_count(body), **self.others}), usage=Usage())

    def translate_stream(self, context: ResponseContext) -> ResponseStream:
        raise InvalidUpstreamResponse("the upstream streams a number of tokens")

    def translate_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        return errors.from_response(status, headers, body)
