"""Messages of the benchmarks: a chat request, and Bedrock's buffered and streamed response."""

from __future__ import annotations

from base64 import b64encode

import msgspec

from aigw_extproc.bedrock.families import family_of
from aigw_extproc.config.snapshot import Schema
from aigw_extproc.simulator.frames import event
from aigw_extproc.translate.contract import Target, UpstreamRequest
from aigw_extproc.translate.registry import ENDPOINTS, parse

MODEL = "us.amazon.nova-micro-v1:0"
CHAT_PATH = "/v1/chat/completions"
DELTAS = 48
"""Pieces of text in a stream, with the events before and after them as from Bedrock."""

_TEXT = "Envoy carries the request, the processor translates it, and Bedrock's answer comes back the same way."


def chat_request(*, stream: bool, model: str = MODEL, size: int = 0) -> bytes:
    """Return a chat completion request of 200 bytes, a few more for a stream, or `size` bytes if that is more."""
    messages = [
        {"role": "system", "content": "You answer in one sentence."},
        {"role": "user", "content": "What does an API gateway do?"},
    ]
    request = {"model": model, "messages": messages, "max_tokens": 256, "temperature": 0.5}
    request |= {"stream": True} if stream else {}
    messages[1]["content"] += " why" * ((size - len(msgspec.json.encode(request))) // 4)
    return msgspec.json.encode(request)


def converse_request(*, stream: bool, size: int = 0) -> UpstreamRequest:
    """Return the same request to Converse, for stacks that do not translate."""
    return translated(chat_request(stream=stream, size=size))


def translated(
    body: bytes, *, path: str = CHAT_PATH, schema: str = "AWSBedrock", model: str = MODEL
) -> UpstreamRequest:
    """Translate a client's request."""
    parsed = parse(ENDPOINTS[path], schema, body, {})
    return parsed(Target(model=model, family=family_of(model), schema=Schema(name=schema)))


def converse_response() -> bytes:
    """Return the body of a Converse response."""
    return msgspec.json.encode(
        {
            "output": {"message": {"role": "assistant", "content": [{"text": _TEXT}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 21, "outputTokens": 25, "totalTokens": 46},
            "metrics": {"latencyMs": 300},
        }
    )


def converse_frames(deltas: int = DELTAS) -> list[bytes]:
    """Return the frames of a ConverseStream response, padded and with checksums."""
    words = _TEXT.split()
    pieces = [{"contentBlockIndex": 0, "delta": {"text": f"{words[i % len(words)]} "}} for i in range(deltas)]
    return [
        event("messageStart", {"role": "assistant"}),
        *(event("contentBlockDelta", piece) for piece in pieces),
        event("contentBlockStop", {"contentBlockIndex": 0}),
        event("messageStop", {"stopReason": "end_turn"}),
        event("metadata", {"usage": {"inputTokens": 21, "outputTokens": deltas, "totalTokens": 21 + deltas}}),
    ]


def anthropic_frames() -> list[bytes]:
    """The first frames of an InvokeModelWithResponseStream answer of Claude's."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "usage": {"input_tokens": 21}}
    events = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Envoy "}},
    ]
    return [event("chunk", {"bytes": b64encode(msgspec.json.encode(one)).decode()}) for one in events]
