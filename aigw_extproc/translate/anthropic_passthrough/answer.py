"""Responses of InvokeModel, which are in the client's format already."""

from __future__ import annotations

import msgspec

from aigw_extproc.errors import InvalidUpstreamResponse
from aigw_extproc.translate.anthropic.usage import MessageUsage
from aigw_extproc.translate.anthropic_passthrough.input_names import restored_message
from aigw_extproc.translate.anthropic_passthrough.stream import AnthropicPassthroughStream
from aigw_extproc.translate.contract import BedrockAnswer, ClientResponse, ResponseContext
from aigw_extproc.translate.converse.input_keys import Aliases
from aigw_extproc.wire import as_utf8


class _Message(msgspec.Struct, frozen=True):
    content: list[msgspec.Raw]
    usage: MessageUsage = MessageUsage()


_MESSAGE = msgspec.json.Decoder(_Message)


class AnthropicPassthroughAnswer(BedrockAnswer, frozen=True):
    """Implements `contract.Answer`."""

    aliases: Aliases = msgspec.field(default_factory=dict)

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        try:
            message = _MESSAGE.decode(as_utf8(body))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise InvalidUpstreamResponse("the upstream answered 200 with a body that is not a message") from None
        restored = restored_message(body, self.aliases) if self.aliases else body
        return ClientResponse(body=restored, usage=message.usage.counted())

    def translate_stream(self, context: ResponseContext) -> AnthropicPassthroughStream:
        return AnthropicPassthroughStream(context, self.aliases)
