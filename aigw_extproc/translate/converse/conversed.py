"""The seam between clients and carriers: a typed Converse request, and how its response is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Protocol

import msgspec

from aigw_extproc.bedrock.converse import (
    ContentEvent,
    ConverseRequest,
    ConverseResponse,
    MessageStop,
    Metadata,
    StreamEvent,
)
from aigw_extproc.errors import GatewayError, UpstreamTruncated
from aigw_extproc.translate.contract import ClientResponse, ResponseContext, StoredResponse, TokenCounts
from aigw_extproc.translate.converse.replay import events_of
from aigw_extproc.translate.converse.response import translate_usage
from aigw_extproc.translate.converse.tool_names import ToolNames


class Conversed(msgspec.Struct, frozen=True, kw_only=True):
    """A client's request as a Converse request."""

    request: ConverseRequest
    stream: bool = False
    """Whether the model's response is streamed."""
    replayed: bool = False
    """Whether the client asked for a stream that the model cannot give: its response is replayed as one."""
    dropped: tuple[str, ...]
    """Paths of parameters that were left out, in the client's request."""
    names: ToolNames = ToolNames()
    answer_tool: str | None = None
    """The tool whose input is the answer, where structured output needs one."""
    writer: ResponseWriter


class ResponseWriter(Protocol):
    """Writes the response to one request in the client's format."""

    def response(self, response: ConverseResponse, context: ResponseContext) -> ClientResponse:
        """Translate a complete response.

        Raises:
            InvalidUpstreamResponse: Bedrock reports that the output is malformed.
        """
        ...

    def stream(self, context: ResponseContext) -> EventWriter:
        """Begin a streamed response."""
        ...


class EventWriter(ABC):
    """Writes the events of one streamed response in the client's format.

    Bedrock sends messageStart, the blocks (a contentBlockStart only for tools), messageStop, metadata. The client's
    stream ends when metadata has come, or the body ends after messageStop; a body that ends before that is a failure.
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, "Response Syntax"
    """

    def __init__(self) -> None:
        self.usage: TokenCounts | None = None
        self.failure: GatewayError | None = None
        self.kept: StoredResponse | None = None
        self.done = False
        """Whether the client's stream has ended."""
        self.metadata = Metadata()
        """Bedrock's last event; empty until it has come."""
        self._stopped = False

    # A chunk costs little, so `write` is no generator: each generator on the way would cost as much again.

    @abstractmethod
    def translate(self, event: ContentEvent) -> Iterable[bytes]:
        """Translate an event. Raises InvalidUpstreamResponse for malformed output."""

    @abstractmethod
    def finish(self) -> Iterable[bytes]:
        """Write the end of the stream; `metadata` and `usage` are final."""

    @abstractmethod
    def render(self, failure: GatewayError) -> bytes:
        """Write a failure as the last event: it is too late for another status."""

    def write(self, event: StreamEvent) -> Iterable[bytes]:
        """Write what an event adds to the client's stream."""
        if isinstance(event, Metadata):
            self.metadata, self.usage = event, translate_usage(event.usage)
            return self._end() if self._stopped else ()
        self._stopped = self._stopped or isinstance(event, MessageStop)
        return self.translate(event)

    def close(self) -> bytes:
        """End the stream: the upstream's body has ended."""
        if self.done:
            return b""
        return b"".join(self._end()) if self._stopped else self.fail(UpstreamTruncated())

    def fail(self, failure: GatewayError) -> bytes:
        """End the stream with an error."""
        self.done, self.failure = True, failure
        return self.render(failure)

    def replay(self, response: ConverseResponse) -> ClientResponse:
        """Write a complete response as a stream.

        Raises:
            InvalidUpstreamResponse: Bedrock reports that the output is malformed.
        """
        chunks = [chunk for event in events_of(response) for chunk in self.write(event)]
        return ClientResponse(
            body=b"".join(chunks), usage=self.usage or TokenCounts(), media_type="text/event-stream", kept=self.kept
        )

    def _end(self) -> Iterable[bytes]:
        self.done = True
        return self.finish()
