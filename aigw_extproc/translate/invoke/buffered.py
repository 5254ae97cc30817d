"""What the ways back have in common that know no streams."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.bedrock import errors
from aigw_extproc.errors import UpstreamError
from aigw_extproc.translate.contract import ResponseContext, ResponseStream


class BufferedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the answers of APIs that Bedrock answers in one piece; with `translate_response` it is an `Answer`."""

    def translate_stream(self, context: ResponseContext) -> ResponseStream:
        """Never asked for: no request of these says `stream`."""
        raise NotImplementedError

    def translate_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """Bedrock's error, in OpenAI's words."""
        return errors.from_response(status, headers, body)
