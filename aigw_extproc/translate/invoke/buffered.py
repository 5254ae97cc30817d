"""Responses that Bedrock never streams."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.bedrock import errors
from aigw_extproc.errors import UpstreamError
from aigw_extproc.translate.contract import ResponseContext, ResponseStream


class BufferedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the answers of APIs that are not streamed; with `translate_response` it is an `Answer`."""

    def translate_stream(self, context: ResponseContext) -> ResponseStream:
        """Never called: none of these requests is streamed."""
        raise NotImplementedError

    def translate_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        return errors.from_response(status, headers, body)
