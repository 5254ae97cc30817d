"""Converse's answer → the completion, whole or as server-sent events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from aigw_extproc.bedrock import converse, errors
from aigw_extproc.errors import GatewayError, UpstreamError
from aigw_extproc.openai import completions
from aigw_extproc.openai.errors import render
from aigw_extproc.translate.contract import ClientResponse, ResponseContext, Usage
from aigw_extproc.translate.converse.response import decode_response, output_blocks, require_sound
from aigw_extproc.translate.converse.stream import ConverseStream
from aigw_extproc.translate.converse.usage import translate_usage

FINISH_REASONS = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
"""By Bedrock's stop reason; any other is a `stop`."""

_encode = msgspec.json.Encoder().encode


class CompletionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Implements `contract.Answer`."""

    model: str
    """As the client asked for it: that is what it gets back."""
    include_usage: bool

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        response = decode_response(body)
        reason, usage = _finish_reason(response.stop_reason), translate_usage(response.usage)
        # What a model thought is no part of the text that was asked for.
        text = "".join(block.text for block in output_blocks(response) if block.text is not None)
        answer = completions.Completion(
            id=f"cmpl-{context.request_id}",
            created=context.created,
            model=self.model,
            choices=[completions.Choice(text=text, finish_reason=reason)],
            usage=_usage(usage),
        )
        return ClientResponse(body=_encode(answer), usage=usage)

    def translate_stream(self, context: ResponseContext) -> CompletionStream:
        return CompletionStream(context, model=self.model, include_usage=self.include_usage)

    def translate_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        return errors.from_response(status, headers, body)


class CompletionStream(ConverseStream):
    """The pieces of one completion."""

    def __init__(self, context: ResponseContext, *, model: str, include_usage: bool) -> None:
        super().__init__()
        self._include_usage = include_usage
        self._piece = completions.Completion(
            id=f"cmpl-{context.request_id}",
            created=context.created,
            model=model,
            choices=[],
            usage=None if include_usage else msgspec.UNSET,
        )

    def translate(self, event: msgspec.Struct) -> Iterator[bytes]:
        match event:
            case converse.ContentBlockDelta(delta=delta) if delta.text:
                yield self._choice(delta.text, None)
            case converse.MessageStop(stop_reason=reason):
                yield self._choice("", _finish_reason(reason))

    def finish(self) -> Iterator[bytes]:
        if self._include_usage and self.usage is not None:
            yield _event(msgspec.structs.replace(self._piece, usage=_usage(self.usage)))
        yield b"data: [DONE]\n\n"

    def render(self, failure: GatewayError) -> bytes:
        """Neither a finish_reason nor [DONE] follows it."""
        return b"data: " + render(failure) + b"\n\n"

    def _choice(self, text: str, reason: str | None) -> bytes:
        choice = completions.Choice(text=text, finish_reason=reason)
        return _event(msgspec.structs.replace(self._piece, choices=[choice]))


def _event(piece: completions.Completion) -> bytes:
    return b"data: " + _encode(piece) + b"\n\n"


def _finish_reason(stop_reason: str | None) -> str:
    require_sound(stop_reason)
    return FINISH_REASONS.get(stop_reason or "", "stop")


def _usage(usage: Usage) -> completions.Usage:
    return completions.Usage(
        prompt_tokens=usage.input_tokens, completion_tokens=usage.output_tokens, total_tokens=usage.total_tokens
    )
