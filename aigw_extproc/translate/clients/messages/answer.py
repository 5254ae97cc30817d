"""The way back from Converse to Messages, for one request."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.bedrock import errors
from aigw_extproc.errors import UpstreamError
from aigw_extproc.translate.clients.messages.response import translate_response
from aigw_extproc.translate.clients.messages.stream import MessagesStream
from aigw_extproc.translate.contract import ClientResponse, ResponseContext
from aigw_extproc.translate.converse.response import decode_response
from aigw_extproc.translate.converse.tool_names import ToolNames


class MessagesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Implements `contract.Answer`."""

    model: str
    """As the client asked for it: that is what it gets back."""
    names: ToolNames
    in_one_piece: bool = False
    """Whether the client asked for a stream, but the model could only be asked for all of it at once."""

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        response = decode_response(body)
        if self.in_one_piece:
            return self.translate_stream(context).whole(response)
        return translate_response(response, context, model=self.model, names=self.names)

    def translate_stream(self, context: ResponseContext) -> MessagesStream:
        return MessagesStream(context, model=self.model, names=self.names)

    def translate_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        return errors.from_response(status, headers, body)
