"""Converse and ConverseStream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

import msgspec

from aigw_extproc.bedrock import converse, converse_stream, eventstream
from aigw_extproc.bedrock.converse import ConverseResponse
from aigw_extproc.bedrock.converse_stream import StreamEvent
from aigw_extproc.errors import InvalidUpstreamResponse
from aigw_extproc.translate.carriers.response import CarriedAnswer, DecodeFrame
from aigw_extproc.translate.contract import Target, UpstreamRequest
from aigw_extproc.translate.converse.conversed import Conversed, may_pause
from aigw_extproc.wire import as_utf8

_encode = msgspec.json.Encoder().encode


def carry(conversed: Conversed, target: Target) -> UpstreamRequest:
    """Send a request to Converse as it is."""
    return UpstreamRequest(
        path=converse.converse_path(target.model, stream=conversed.stream),
        body=_encode(conversed.request),
        accept=eventstream.CONTENT_TYPE if conversed.stream else "application/json",
        stream=conversed.stream,
        may_pause=may_pause(conversed.request, target.family),
        dropped=conversed.dropped,
        answer=answer(conversed),
    )


def answer(conversed: Conversed) -> CarriedAnswer:
    """Return the way back from Converse."""
    return CarriedAnswer(
        writer=conversed.writer,
        replayed=conversed.replayed,
        aliases=conversed.names.parameters,
        decode_response=decode_response,
        frame_decoder=_frame_decoder,
    )


def decode_response(body: bytes) -> ConverseResponse:
    """Decode the body of a 200.

    Raises:
        InvalidUpstreamResponse: it is not a Converse response, or has no output.
    """
    try:
        response = converse.RESPONSE.decode(as_utf8(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InvalidUpstreamResponse("the upstream answered 200 with a body that is not a Converse response") from None
    if response.output is None or response.output.message is None:
        raise InvalidUpstreamResponse(
            f"Bedrock answered without an output (stop reason {response.stop_reason or 'unknown'})"
        )
    return response


def _decode_frame(frame: eventstream.Frame) -> tuple[StreamEvent, ...]:
    """Decode the event in a frame; types that are newer than this program are skipped."""
    decoder = converse_stream.STREAM_EVENTS.get(str(frame.headers.get(":event-type")))
    if decoder is None:
        return ()
    try:
        return (decoder.decode(as_utf8(frame.payload)),)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InvalidUpstreamResponse("an event of the response stream cannot be read") from None


def _frame_decoder() -> DecodeFrame:
    return _decode_frame
