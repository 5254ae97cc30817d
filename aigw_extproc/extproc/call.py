"""A gRPC call on a stream of HTTP/2: messages in, answers out, and a status at the end.

Most answers are ready at once: their coroutine is run where the message comes in, and becomes a task only if it waits.
https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator
from enum import IntEnum
from functools import lru_cache, partial
from types import coroutine as as_coroutine
from typing import Any, Final
from urllib.parse import quote

from google.protobuf.message import DecodeError

from aigw_extproc.extproc.framing import FramingError, MessageDecoder, MessageTooLong, frame, prefix
from aigw_extproc.extproc.http2.connection import Connection
from aigw_extproc.extproc.http2.frames import MAX_FRAME_SIZE, ErrorCode
from aigw_extproc.extproc.http2.headers import encode
from aigw_extproc.extproc.transport import MAX_MESSAGE_BYTES, Send, Stream

log = logging.getLogger(__name__)


class Status(IntEnum):
    """https://grpc.io/docs/guides/status-codes/"""

    OK = 0
    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class NotFound(Exception):
    """A message asks for something that does not exist."""


_STATUS: Final = {
    DecodeError: Status.INVALID_ARGUMENT,
    MessageTooLong: Status.RESOURCE_EXHAUSTED,
    FramingError: Status.UNIMPLEMENTED,
    NotFound: Status.NOT_FOUND,
}
"""The status of a call whose messages raise an error."""

_RESPONSE: Final = ((":status", "200"), ("content-type", "application/grpc"))
HEADERS: Final = encode(_RESPONSE)
_PRINTABLE: Final = "".join(chr(code) for code in range(0x20, 0x7F) if code != ord("%"))


@lru_cache(maxsize=64)
def trailers(status: Status, message: str = "", *, alone: bool = False) -> bytes:
    """Return the header block that ends a call; `alone` if nothing was sent before."""
    text = (("grpc-message", quote(message, safe=_PRINTABLE)),) if message else ()
    return encode((*(_RESPONSE if alone else ()), ("grpc-status", str(int(status))), *text))


class Call:
    """A call whose messages a `Stream` answers."""

    __slots__ = (
        "_answered",
        "_calls",
        "_decoder",
        "_ended",
        "_flush",
        "_http2",
        "_id",
        "_open",
        "_stream",
        "_task",
        "_waits",
    )

    def __init__(
        self,
        http2: Connection,
        calls: dict[int, Call],
        stream_id: int,
        open_stream: Callable[[Send], Stream],
        flush: Callable[[], None],
    ) -> None:
        """Begin a call. When it is over, it leaves `calls`."""
        self._http2 = http2
        self._calls = calls
        self._id = stream_id
        self._open = open_stream
        self._flush = flush
        self._decoder = MessageDecoder(MAX_MESSAGE_BYTES)
        self._stream: Stream | None = None
        """None until there is a message, so that streams without one cost little."""
        self._task: asyncio.Task[bytes] | None = None
        self._waits = False
        """An answer waits for the client to read."""
        self._answered = False
        self._ended = False

    def receive(self, data: bytes, ended: bool) -> None:
        """Take the next bytes of the client's, and answer the messages that are complete."""
        self._decoder.feed(data)
        self._ended = ended
        if self._task is None and not self._waits:
            self._go_on()

    def go_on(self) -> None:
        """Go on when the answer that waited is sent."""
        self._waits = False
        self._http2.resume(self._id)
        self._go_on()

    def abandon(self) -> None:
        """End the call for a client that has gone."""
        if self._task is not None:
            self._task.cancel()  # and close the stream after its end
        else:
            self._close()

    def fail(self, status: Status, message: str) -> None:
        """End the call with an error."""
        self.abandon()
        self._http2.send_trailers(self._id, trailers(status, message, alone=not self._answered))
        # The client need send no more. https://www.rfc-editor.org/rfc/rfc9113#section-8.1-10
        self._http2.reset(self._id, ErrorCode.NO_ERROR)

    def _go_on(self) -> None:
        try:
            while (message := self._decoder.next_message()) is not None:
                if not self._answer(message):
                    return
        except Exception as error:
            self._fail(error)
            return
        if self._ended:
            self._finish()

    def _answer(self, message: bytes) -> bool:
        """Answer a message. Return False if the next one has to wait, or there is none."""
        if self._stream is None:
            self._stream = self._open(self._send_now)
        answering = self._stream.answer(message)
        try:
            waited_for = answering.send(None)
        except StopIteration as done:
            return self._send(done.value)
        self._http2.pause(self._id)
        self._task = asyncio.ensure_future(_resumed(answering, waited_for))
        self._task.add_done_callback(partial(self._on_answer, answering))
        return False

    def _on_answer(self, answering: Coroutine[Any, Any, bytes], task: asyncio.Task[bytes]) -> None:
        answering.close()  # if the task was cancelled before it began
        self._task = None
        if task.cancelled():
            self._close()
            return
        self._http2.resume(self._id)
        error = task.exception()
        if error is not None:
            self._fail(error)
        elif self._send(task.result()):
            self._go_on()
        self._flush()

    def _send(self, answer: bytes) -> bool:
        """Send an answer, and the status after the last one. Return whether the next message can be answered."""
        if answer:
            self._send_message(answer)
        if self._stream is None or self._stream.over:
            self._finish()
            return False
        if self._waits:
            self._http2.pause(self._id)
        return not self._waits

    async def _send_now(self, message: bytes) -> None:
        self._send_message(message)
        self._flush()

    def _send_message(self, message: bytes) -> None:
        http2, stream_id = self._http2, self._id
        if not self._answered:
            self._answered = True
            http2.send_headers(stream_id, HEADERS)
        if len(message) < MAX_FRAME_SIZE // 2:
            sent = http2.send_data(stream_id, frame(message))
        else:  # it is not copied
            http2.send_data(stream_id, prefix(len(message)))
            sent = http2.send_data(stream_id, message)
        self._waits = not sent

    def _finish(self) -> None:
        self._close()
        self._http2.send_trailers(self._id, trailers(Status.OK, alone=not self._answered))

    def _fail(self, error: BaseException) -> None:
        for kind, status in _STATUS.items():
            if isinstance(error, kind):
                log.warning("call refused: %s", error)
                self.fail(status, str(error))
                return
        log.error("call failed", exc_info=error)
        self.fail(Status.INTERNAL, "the processor has a defect; its log says more")

    def _close(self) -> None:
        self._calls.pop(self._id, None)
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


@as_coroutine
def _resumed(coroutine: Coroutine[Any, Any, bytes], waited_for: Any) -> Generator[Any, Any, bytes]:
    """Go on with a coroutine that was begun outside of a task, and waits."""
    while True:
        try:
            value = yield waited_for
        except BaseException as error:
            step = partial(coroutine.throw, error)
        else:
            step = partial(coroutine.send, value)
        try:
            waited_for = step()
        except StopIteration as done:
            answer: bytes = done.value
            return answer
