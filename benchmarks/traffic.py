"""Messages of the benchmarks: a chat request, and Bedrock's buffered and streamed response."""

from __future__ import annotations

import msgspec

from aigw_extproc.bedrock.families import family_of
from aigw_extproc.openai import chat
from aigw_extproc.simulator.frames import event
from aigw_extproc.translate.clients.chat import translate_request
from aigw_extproc.translate.contract import UpstreamRequest

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
    request = chat.parse(chat_request(stream=stream, size=size))
    return translate_request(request, model=MODEL, family=family_of(MODEL))


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
