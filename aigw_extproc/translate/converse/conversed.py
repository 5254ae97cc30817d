"""The seam between clients and carriers: a typed Converse request, and how its response is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Protocol

import msgspec

from aigw_extproc.bedrock.converse import SERVER_TOOL_USE, ConverseRequest, ConverseResponse, ImageBlock
from aigw_extproc.bedrock.converse_stream import (
    BlockDelta,
    ContentBlockDelta,
    ContentBlockStart,
    ContentBlockStop,
    ContentEvent,
    MessageStart,
    MessageStop,
    Metadata,
    StreamEvent,
)
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import GatewayError, UpstreamTruncated
from aigw_extproc.translate.contract import ClientResponse, ResponseContext, StoredResponse, TokenCounts
from aigw_extproc.translate.converse.replay import events_of
from aigw_extproc.translate.converse.response import translate_usage
from aigw_extproc.translate.converse.response_images import OpenImage
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


def may_pause(request: ConverseRequest, family: Family) -> bool:
    """Return whether a model may be silent for long in a stream: it reasons, or writes the input of a tool."""
    return (
        request.tool_config is not None
        or request.additional_model_request_fields is not None
        or bool(family.reasoning_off)
    )


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

    PING: ClassVar[bytes] = b": ping\n\n"
    """A comment: https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes"""

    def __init__(self) -> None:
        self.usage: TokenCounts | None = None
        self.characters = 0
        """What the model has written so far, in text, reasoning and inputs of tools."""
        self.failure: GatewayError | None = None
        self.kept: StoredResponse | None = None
        self.done = False
        """Whether the client's stream has ended."""
        self.metadata = Metadata()
        """Bedrock's last event; empty until it has come."""
        self._stopped = False
        self._hidden: set[int] = set()
        """Open blocks of tools that Bedrock runs itself: the client must not run them."""
        self._images: dict[int, OpenImage] = {}
        """By Bedrock's index."""

    # A chunk costs little, so `write` is no generator: each generator on the way would cost as much again.

    @abstractmethod
    def translate(self, event: ContentEvent) -> Iterable[bytes]:
        """Translate an event. Raises InvalidUpstreamResponse for malformed output."""

    def image(self, image: ImageBlock) -> Iterable[bytes]:
        """Write a complete image. APIs of text alone have no place for one."""
        return ()

    @abstractmethod
    def finish(self) -> Iterable[bytes]:
        """Write the end of the stream; `metadata` and `usage` are final."""

    @abstractmethod
    def render(self, failure: GatewayError) -> bytes:
        """Write a failure as the last event: it is too late for another status."""

    def write(self, event: StreamEvent) -> Iterable[bytes]:
        """Write what an event adds to the client's stream."""
        if isinstance(event, Metadata):
            self.metadata, self.usage = event, translate_usage(event)
            return self._end() if self._stopped else ()
        if isinstance(event, ContentBlockDelta):
            self.characters += _characters(event.delta)
        elif isinstance(event, ContentBlockStart):
            self._set_aside(event)
        if self._hidden and self._hides(event):
            return ()
        self._stopped = self._stopped or isinstance(event, MessageStop)
        return self._with_images(event) if self._images else self.translate(event)

    def _set_aside(self, event: ContentBlockStart) -> None:
        """Note the start of a block whose events do not go to the client as they come."""
        if _is_server_tool(event):
            self._hidden.add(event.content_block_index)
        elif event.start.image is not None:
            self._images[event.content_block_index] = OpenImage(event.start.image.format)

    def _with_images(self, event: ContentEvent) -> Iterable[bytes]:
        """Collect the pieces of images, and write those that are complete."""
        match event:
            case ContentBlockDelta(delta=delta, content_block_index=at) if at in self._images:
                if delta.image is not None:
                    self._images[at].add(delta.image)
            case ContentBlockStop(content_block_index=at) if at in self._images:
                yield from self._close_image(at)
            case MessageStop():
                for at in list(self._images):
                    yield from self._close_image(at)
                yield from self.translate(event)
            case _:
                yield from self.translate(event)

    def _close_image(self, at: int) -> Iterable[bytes]:
        block = self._images.pop(at).block()
        if block.image is not None:
            yield from self.image(block.image)
        else:
            yield from self.translate(ContentBlockDelta(BlockDelta(text=block.text), at))
            yield from self.translate(ContentBlockStop(at))

    @property
    def counted(self) -> bool:
        """Whether `usage` is final. Claude reports a part of it at the beginning."""
        return self._stopped and self.usage is not None

    def _hides(self, event: ContentEvent) -> bool:
        if isinstance(event, MessageStart | MessageStop):
            return False
        hidden = event.content_block_index in self._hidden
        if isinstance(event, ContentBlockStop):
            self._hidden.discard(event.content_block_index)
        return hidden

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


def _characters(delta: BlockDelta) -> int:
    if delta.text is not None:
        return len(delta.text)
    if delta.tool_use is not None:
        return len(delta.tool_use.input)
    return len(delta.reasoning_content.text or "") if delta.reasoning_content is not None else 0


def _is_server_tool(event: ContentBlockStart) -> bool:
    use = event.start.tool_use
    return use is not None and use.type == SERVER_TOOL_USE
