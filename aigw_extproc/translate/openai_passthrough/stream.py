"""Server-sent events that pass unchanged; the tokens and the end that they report are observed.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

import msgspec

from aigw_extproc.errors import GatewayError, InvalidUpstreamResponse, UpstreamError, UpstreamTruncated
from aigw_extproc.openai.errors import details, render, response_code
from aigw_extproc.translate.contract import StoredResponse, TokenCounts
from aigw_extproc.translate.openai_passthrough import usage

MAX_LINE = 24 * 1024 * 1024
"""Bytes of one line; an image is one line."""
LAST_EVENTS = ("response.completed", "response.incomplete", "response.failed")
"""Types of the last event in streams without `[DONE]`."""


_NONE = msgspec.Raw()


class _Delta(msgspec.Struct, frozen=True):
    content: msgspec.Raw = _NONE
    reasoning_content: msgspec.Raw = _NONE
    tool_calls: msgspec.Raw = _NONE


class _Choice(msgspec.Struct, frozen=True):
    finish_reason: str | None = None
    delta: _Delta | None = None
    text: msgspec.Raw = _NONE


class _Response(msgspec.Struct, frozen=True):
    id: str | None = None
    usage: msgspec.Raw = msgspec.Raw()


class _Event(msgspec.Struct, frozen=True):
    type: str = ""
    sequence_number: int = -1
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    choices: list[_Choice] | None = None
    response: _Response | None = None
    delta: msgspec.Raw = _NONE


class _Error(msgspec.Struct, frozen=True):
    message: str
    type: str | None = None
    code: str | int | None = None


_encode = msgspec.json.Encoder().encode
_EVENT = msgspec.json.Decoder(_Event)
_ERROR = msgspec.json.Decoder(_Error | None)


def upstream_error(raw: msgspec.Raw, *, status: int, body: bytes | None = None) -> UpstreamError | None:
    """Decode OpenAI's `error`; None if it is absent or null. Raises msgspec.MsgspecError."""
    error = _ERROR.decode(raw) if bytes(raw) else None
    if error is None:
        return None
    code = None if error.code is None else str(error.code)
    kind = error.type or "api_error"
    return UpstreamError(error.message, status=status, type=kind, code=code, body=body)


class OpenAIPassthroughStream:
    """Implements `contract.ResponseStream`.

    Only complete lines pass, so that an error can still replace the rest of an event.
    """

    def __init__(self, *, hides_usage: bool = False) -> None:
        """`hides_usage` leaves out the event with nothing but the tokens."""
        self.usage: TokenCounts | None = None
        self.characters = 0
        self.kept: StoredResponse | None = None
        self.failure: GatewayError | None = None
        self._held: list[bytes] = []
        self._held_length = 0
        self._complete = False
        self._response: str | None = None
        """The id of the response, if the stream is one of Responses."""
        self._number = -1
        """The sequence number of its last event."""
        self._failed = False
        self._hides_usage = hides_usage
        self._hiding = False
        """Within an event that is left out."""

    @property
    def counted(self) -> bool:
        return self.usage is not None

    def feed(self, data: bytes) -> bytes:
        if self._failed:
            return b""
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        lines = b"".join((*self._held, data[:end])) if end else b""
        if end:
            self._held, self._held_length = [], 0
        self._held.append(data[end:])
        self._held_length += len(data) - end
        received = lines.splitlines(keepends=True)
        passing = [line for line in received if self._passes(line)]
        if len(passing) < len(received):
            lines = b"".join(passing)
        if self._held_length > MAX_LINE:
            return lines + self.fail(InvalidUpstreamResponse(f"an event of the stream is longer than {MAX_LINE} bytes"))
        return lines

    def close(self) -> bytes:
        if self._failed:
            return b""
        if self._complete:
            return b"".join(self._held)
        return self.fail(UpstreamTruncated("the upstream"))

    def ping(self) -> bytes:
        return b""  # an event may be incomplete

    def fail(self, failure: GatewayError) -> bytes:
        # The empty line ends an incomplete event.
        self._failed, self.failure = True, failure
        return b"\n" + (b"data: %b\n\n" % render(failure) if self._response is None else self._failed_response(failure))

    def _failed_response(self, failure: GatewayError) -> bytes:
        """Write an error, then a failed response, as a stream of Responses ends on Bedrock."""
        error, number = details(failure), self._number + 1
        reason = {"code": response_code(failure), "message": failure.message}
        response: dict[str, object] = {
            "id": self._response,
            "object": "response",
            "status": "failed",
            "error": reason,
            "output": [],
        }
        event = {**error, "type": "error", "sequence_number": number, "error": error}
        failed = {"type": "response.failed", "sequence_number": number + 1, "response": response}
        return b"event: error\ndata: %b\n\nevent: response.failed\ndata: %b\n\n" % (_encode(event), _encode(failed))

    def _passes(self, line: bytes) -> bool:
        if line.startswith(b"data:"):
            self._hiding = self._observe(line[5:].strip()) and self._hides_usage
        passes = not self._hiding
        if not line.strip():  # the end of an event
            self._hiding = False
        return passes

    def _observe(self, data: bytes) -> bool:
        """Take the data of an event, and return whether it has nothing but the tokens."""
        if data == b"[DONE]":
            self._complete = True
            return False
        try:
            event = _EVENT.decode(data)
            failure = upstream_error(event.error, status=502)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False  # the client validates it
        self.failure = failure or self.failure
        self._number = max(self._number, event.sequence_number)
        if event.response is not None:
            self._response = event.response.id or self._response
        found = usage.read(event.response.usage if event.response else event.usage)
        self.usage = found or self.usage
        self.characters += _characters(event)
        finished = any(choice.finish_reason for choice in event.choices or ())
        self._complete |= failure is not None or finished or event.type in LAST_EVENTS
        return found is not None and event.choices == []


def _characters(event: _Event) -> int:
    """Return about how much text of the model an event has: the lengths of its JSON, without the quotes."""
    texts = [event.delta]
    for choice in event.choices or ():
        texts.append(choice.text)
        if choice.delta is not None:
            texts += (choice.delta.content, choice.delta.reasoning_content, choice.delta.tool_calls)
    return sum(max(0, len(bytes(text)) - 2) for text in texts if bytes(text) != b"null")
