"""The way back from Converse to Responses, for one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from aigw_extproc.bedrock import errors
from aigw_extproc.errors import UpstreamError
from aigw_extproc.translate.clients.responses.stream import ResponsesStream
from aigw_extproc.translate.contract import ClientResponse, ResponseContext
from aigw_extproc.translate.converse.response import decode_response
from aigw_extproc.translate.converse.tool_names import ToolNames


class ResponsesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Implements `contract.Answer`."""

    echo: dict[str, Any]
    """What the response says again of its request."""
    names: ToolNames
    answer_tool: str | None = None
    """The tool whose input is the answer, where structured output needs one."""
    in_one_piece: bool = False
    """Whether the client asked for a stream, but the model could only be asked for all of it at once."""

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        response = decode_response(body)
        stream = self.translate_stream(context)
        return stream.whole(response) if self.in_one_piece else stream.folded(response)

    def translate_stream(self, context: ResponseContext) -> ResponsesStream:
        return ResponsesStream(context, echo=self.echo, names=self.names, answer_tool=self.answer_tool)

    def translate_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        return errors.from_response(status, headers, body)
