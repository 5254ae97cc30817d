"""Chat completion chunks as server-sent events.

The members that all chunks of a stream share are encoded once.
https://platform.openai.com/docs/api-reference/chat/streaming
"""

from __future__ import annotations

import msgspec

from aigw_extproc.openai.completion import AwsDetails, CompletionUsage, Delta
from aigw_extproc.translate.contract import ResponseContext

DONE = b"data: [DONE]\n\n"

_encode = msgspec.json.Encoder().encode


class ChunkWriter:
    """Writes the chunks of one stream. With `include_usage` every chunk has `usage`; only the last is not null."""

    def __init__(self, context: ResponseContext, *, model: str, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._head = b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,' % (
            _encode(f"chatcmpl-{context.request_id}"),
            context.created,
            _encode(model),
        )
        self._delta_head = self._head + b'"choices":[{"index":0,"delta":'
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._delta_tail = b',"logprobs":null,"finish_reason":null}]' + self._tail

    def role(self, role: str) -> bytes:
        """Return the first chunk. It has no `content`: a message of tool calls only has none."""
        return self.delta(Delta(role=role))

    def delta(self, delta: Delta) -> bytes:
        """Return a chunk that adds to the message."""
        return b"".join((self._delta_head, _encode(delta), self._delta_tail))

    def finish(self, reason: str, details: AwsDetails | msgspec.UnsetType) -> bytes:
        """Return the chunk with the finish reason."""
        choices = b'"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":%b}]' % _encode(reason)
        return b"".join((self._head, choices, _extension(details), self._tail))

    def last(
        self, usage: CompletionUsage | None, service_tier: str | None, details: AwsDetails | msgspec.UnsetType
    ) -> bytes:
        """Return the chunk without a choice; empty if there is neither usage nor details to report."""
        if not self._include_usage:
            usage = None
        if usage is None and details is msgspec.UNSET:
            return b""
        counts = b"" if usage is None else b',"usage":' + _encode(usage)
        tier = b"" if service_tier is None else b',"service_tier":' + _encode(service_tier)
        return b"".join((self._head, b'"choices":[]', counts, tier, _extension(details), b"}\n\n"))


def _extension(details: AwsDetails | msgspec.UnsetType) -> bytes:
    return b"" if details is msgspec.UNSET else b',"aws":' + _encode(details)
