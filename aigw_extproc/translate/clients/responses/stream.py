"""Converse's events → the events of a response. The last event has the complete response.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, assert_never

import msgspec

from aigw_extproc.bedrock import converse_stream
from aigw_extproc.bedrock.converse import ConverseResponse, ImageBlock
from aigw_extproc.bedrock.converse_stream import ContentEvent
from aigw_extproc.errors import GatewayError
from aigw_extproc.openai.completion import AwsDetails
from aigw_extproc.openai.errors import details, response_code
from aigw_extproc.translate.clients.responses.calls import Event
from aigw_extproc.translate.clients.responses.client_tools import ClientTool
from aigw_extproc.translate.clients.responses.history import Keeping
from aigw_extproc.translate.clients.responses.output import Output
from aigw_extproc.translate.contract import ClientResponse, ResponseContext, TokenCounts
from aigw_extproc.translate.converse.conversed import EventWriter
from aigw_extproc.translate.converse.response import require_sound
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.wire import given

INCOMPLETE = {
    "max_tokens": "max_output_tokens",
    "model_context_window_exceeded": "max_output_tokens",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
"""The reason why a response is incomplete, by Bedrock's stop reason; with any other it is complete."""

_MAPPED = frozenset({None, "end_turn", "stop_sequence", "tool_use", *INCOMPLETE})

_encode = msgspec.json.Encoder().encode


class ResponsesWriter(msgspec.Struct, frozen=True, kw_only=True):
    """Implements `ResponseWriter` for one request."""

    echo: dict[str, Any]
    """The members of a response that repeat its request, such as `model`."""
    names: ToolNames
    tools: Mapping[str, ClientTool] = {}
    """The client's tools by the names of their functions."""
    keeping: Keeping | None = None
    """Set if the response is stored."""
    answer_tool: str | None = None
    """The tool whose input is the answer, where structured output needs one."""

    def response(self, response: ConverseResponse, context: ResponseContext) -> ClientResponse:
        return self.stream(context).collect(response)

    def stream(self, context: ResponseContext) -> ResponsesStream:
        return ResponsesStream(context, self)


class ResponsesStream(EventWriter):
    """Writes the events of one response."""

    def __init__(self, context: ResponseContext, writer: ResponsesWriter) -> None:
        super().__init__()
        self.response: dict[str, Any] = {}
        """The response in the latest event that has one."""
        self._keeping = writer.keeping
        self._id = writer.keeping.id if writer.keeping is not None else context.request_id
        self._created = context.created
        self._echo = writer.echo
        self._output = Output(self._id, writer.names, writer.answer_tool, writer.tools)
        self._number = -1
        self._incomplete: str | None = None
        self._stopped_by = converse_stream.MessageStop()

    def translate(self, event: ContentEvent) -> Iterator[bytes]:
        match event:
            case converse_stream.ContentBlockDelta(delta=delta, content_block_index=at):
                yield from map(self._event_of, self._output.delta(delta, at))
            case converse_stream.ContentBlockStart(start=start, content_block_index=at):
                yield from map(self._event_of, self._output.start(start, at))
            case converse_stream.ContentBlockStop(content_block_index=at):
                yield from map(self._event_of, self._output.stop(at))
            case converse_stream.MessageStart():
                yield self._lifecycle("created", "in_progress")
                yield self._lifecycle("in_progress", "in_progress")
            case converse_stream.MessageStop(stop_reason=reason):
                require_sound(reason)
                self._stopped_by = event
                self._incomplete = INCOMPLETE.get(reason or "")
                yield from map(self._event_of, self._output.close(self._status()))
            case _:
                assert_never(event)

    def image(self, image: ImageBlock) -> Iterator[bytes]:
        return map(self._event_of, self._output.image(image))

    def finish(self) -> Iterator[bytes]:
        status = self._status()
        last = self._lifecycle(status, status, **self._details())
        if self._keeping is not None:
            self.kept = self._keeping.response(_encode(self.response))
        yield last

    def render(self, failure: GatewayError) -> bytes:
        """Write an error, then a failed response.

        Each of them alone hides the cause in some client: OpenAI's SDKs raise only for an event with a member `error`,
        Codex reads only the response, and the AI SDK needs the error's members in both places. In the other order
        @openai/agents stops at the response, and says nothing of its cause.
        """
        error = details(failure)
        begun = b"" if self.response else self._lifecycle("created", "in_progress")
        ended = self._numbered("error", {**error, "type": "error", "error": error})
        failed = self._lifecycle("failed", "failed", error={"code": response_code(failure), "message": failure.message})
        return begun + ended + failed

    def collect(self, response: ConverseResponse) -> ClientResponse:
        """Translate a complete response.

        Raises:
            InvalidUpstreamResponse: Bedrock reports that the output is malformed.
        """
        usage = self.replay(response).usage
        return ClientResponse(body=_encode(self.response), usage=usage, kept=self.kept)

    def _event_of(self, event: Event) -> bytes:
        name, members = event
        return self._numbered(f"response.{name}", members)

    def _numbered(self, kind: str, members: dict[str, Any]) -> bytes:
        self._number += 1
        data = {"type": kind, "sequence_number": self._number, **members}
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode(data))

    def _status(self) -> str:
        return "incomplete" if self._incomplete else "completed"

    def _details(self) -> dict[str, Any]:
        """Return the service tier, and in `aws` the details that OpenAI's response has no member for."""
        reason, metadata = self._stopped_by.stop_reason, self.metadata
        details = AwsDetails(
            stop_reason=None if reason in _MAPPED else reason,
            citations=self._output.citations or None,
            additional_model_response_fields=given(self._stopped_by.additional_model_response_fields),
            trace=given(metadata.trace),
            performance_config=given(metadata.performance_config),
        )
        members: dict[str, Any] = {"service_tier": metadata.service_tier.type} if metadata.service_tier else {}
        return members if details == AwsDetails() else members | {"aws": details}

    def _lifecycle(self, name: str, status: str, **details: Any) -> bytes:
        self.response = {
            "id": f"resp_{self._id}",
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": self._incomplete} if self._incomplete else None,
            "output": self._output.items,
            **self._echo,
            "usage": response_usage(self.usage) if self.usage else None,
            **details,
        }
        return self._event_of((name, {"response": self.response}))


def response_usage(usage: TokenCounts) -> dict[str, Any]:
    """Translate the usage. Bedrock does not count reasoning tokens separately, so they are 0."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": usage.cache_creation_input_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.total_tokens,
    }
