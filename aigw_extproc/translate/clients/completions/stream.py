"""Converse's response → the completion, as one body or as server-sent events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

import msgspec

from aigw_extproc.bedrock import converse_stream
from aigw_extproc.bedrock.converse import ConverseResponse
from aigw_extproc.bedrock.converse_stream import ContentEvent
from aigw_extproc.errors import GatewayError
from aigw_extproc.openai import completions
from aigw_extproc.openai.completion import CompletionUsage
from aigw_extproc.openai.errors import render
from aigw_extproc.translate.contract import ClientResponse, ResponseContext, TokenCounts
from aigw_extproc.translate.converse.conversed import EventWriter
from aigw_extproc.translate.converse.response import output_blocks, require_sound, translate_usage

FINISH_REASONS = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
"""By Bedrock's stop reason; any other is a `stop`."""

_encode = msgspec.json.Encoder().encode


class CompletionWriter(msgspec.Struct, frozen=True, kw_only=True):
    """Implements `ResponseWriter` for one request."""

    model: str
    """The client's name for the model, which responses repeat."""
    include_usage: bool

    def response(self, response: ConverseResponse, context: ResponseContext) -> ClientResponse:
        reason, usage = _finish_reason(response.stop_reason), translate_usage(response)
        # Reasoning is not part of a completion's text.
        text = "".join(block.text for block in output_blocks(response) if block.text is not None)
        answer = completions.Completion(
            id=f"cmpl-{context.request_id}",
            created=context.created,
            model=self.model,
            choices=[completions.CompletionChoice(text=text, finish_reason=reason)],
            usage=_usage(usage),
        )
        return ClientResponse(body=_encode(answer), usage=usage)

    def stream(self, context: ResponseContext) -> CompletionStream:
        return CompletionStream(context, self)


class CompletionStream(EventWriter):
    """Writes the chunks of one completion."""

    def __init__(self, context: ResponseContext, writer: CompletionWriter) -> None:
        super().__init__()
        self._include_usage = writer.include_usage
        self._chunk = completions.Completion(
            id=f"cmpl-{context.request_id}",
            created=context.created,
            model=writer.model,
            choices=[],
            usage=None if writer.include_usage else msgspec.UNSET,
        )

    def translate(self, event: ContentEvent) -> Iterator[bytes]:
        match event:
            case converse_stream.ContentBlockDelta(delta=delta):
                if delta.text:
                    yield self._choice(delta.text, None)
            case converse_stream.MessageStop(stop_reason=reason):
                yield self._choice("", _finish_reason(reason))
            case (
                converse_stream.MessageStart()
                | converse_stream.ContentBlockStart()
                | converse_stream.ContentBlockStop()
            ):
                pass
            case _:
                assert_never(event)

    def finish(self) -> Iterator[bytes]:
        if self._include_usage and self.usage is not None:
            yield _event(msgspec.structs.replace(self._chunk, usage=_usage(self.usage)))
        yield b"data: [DONE]\n\n"

    def render(self, failure: GatewayError) -> bytes:
        """Write an error, which neither a finish_reason nor [DONE] follows."""
        return b"data: " + render(failure) + b"\n\n"

    def _choice(self, text: str, reason: str | None) -> bytes:
        choice = completions.CompletionChoice(text=text, finish_reason=reason)
        return _event(msgspec.structs.replace(self._chunk, choices=[choice]))


def _event(chunk: completions.Completion) -> bytes:
    return b"data: " + _encode(chunk) + b"\n\n"


def _finish_reason(stop_reason: str | None) -> str:
    require_sound(stop_reason)
    return FINISH_REASONS.get(stop_reason or "", "stop")


def _usage(usage: TokenCounts) -> CompletionUsage:
    return CompletionUsage(
        prompt_tokens=usage.input_tokens, completion_tokens=usage.output_tokens, total_tokens=usage.total_tokens
    )
