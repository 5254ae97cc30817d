"""The way back from Converse to chat completions, for one request."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.bedrock import errors
from aigw_extproc.errors import UpstreamError
from aigw_extproc.translate.clients.chat.response import translate_response
from aigw_extproc.translate.clients.chat.stream import ChatStream
from aigw_extproc.translate.contract import ClientResponse, ResponseContext
from aigw_extproc.translate.converse.response import decode_response
from aigw_extproc.translate.converse.tool_names import ToolNames


class ChatAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Implements `contract.Answer`."""

    model: str
    """As the client asked for it: that is what it gets back."""
    names: ToolNames
    include_usage: bool
    answer_tool: str | None = None
    """The tool whose input is the answer, where structured output needs one."""
    in_one_piece: bool = False
    """Whether the client asked for a stream, but the model could only be asked for all of it at once."""

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        response = decode_response(body)
        if self.in_one_piece:
            return self.translate_stream(context).whole(response)
        return translate_response(response, context, model=self.model, names=self.names, answer_tool=self.answer_tool)

    def translate_stream(self, context: ResponseContext) -> ChatStream:
        return ChatStream(
            context,
            model=self.model,
            names=self.names,
            include_usage=self.include_usage,
            answer_tool=self.answer_tool,
        )

    def translate_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        return errors.from_response(status, headers, body)
