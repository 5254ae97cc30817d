"""The fuzz targets: functions of bytes that raise an AssertionError, or another exception, for a bug.

`tests/fuzz/corpus` has a folder of inputs for each target.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from aigw_extproc.bedrock.eventstream import EventStreamDecoder
from aigw_extproc.config.snapshot import Rule, Snapshot
from aigw_extproc.errors import InvalidUpstreamResponse
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import ForwardRequest, MediaReady, NeedMedia, Reply, RequestBody, RequestHeaders
from aigw_extproc.extproc.http2.connection import Connection
from aigw_extproc.extproc.http2.events import Data, Request
from aigw_extproc.routing import Router
from aigw_extproc.translate.carriers import converse
from aigw_extproc.translate.clients.chat.stream import ChatWriter
from aigw_extproc.translate.contract import Fetched, FetchFailed, Media, ResponseContext
from aigw_extproc.translate.converse.tool_names import ToolNames
from tests.test_exchange import BACKEND, NOW, POST
from tests.translate.goldens import conversed

CORPUS = Path(__file__).parent / "corpus"
CONTEXT = ResponseContext(request_id="R", created=123)
ANSWERS = [
    converse.answer(conversed(ChatWriter(model="m", names=ToolNames(), include_usage=True, answer_tool=tool)))
    for tool in (None, "answer", "f")
]
MODELS = (
    "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.amazon.nova-2-lite-v1:0",
    "mistral.mistral-large-2407-v1:0",
    "unknown.model",
)
"""One for each variant of reasoning, structured output and tool results."""
FETCHED = (Media(media_type="image/png", base64="iVBORw0KGgo="), FetchFailed(reason="is gone"))
PATH = re.compile(r"/model/[A-Za-z0-9._~%-]*/converse(-stream)?")


def seeds(target: str) -> list[Path]:
    """Return the corpus of a target."""
    return sorted((CORPUS / target).iterdir())


def decode(data: bytes) -> None:
    """Decoding does not depend on the cuts: messages, then perhaps an error for the rest."""
    assert _decoded([data]) == _decoded([data[:7], *(data[at : at + 13] for at in range(7, len(data), 13))])


def _decoded(pieces: list[bytes]) -> list[object]:
    decoder = EventStreamDecoder()
    messages: list[object] = []
    try:
        for piece in pieces:
            decoder.feed(piece)
            while (message := decoder.next_frame()) is not None:
                messages.append(message)
        decoder.close()
    except InvalidUpstreamResponse as error:
        return [*messages, type(error)]
    return messages


def stream(data: bytes) -> None:
    """A stream ends with [DONE] or with one error, whatever the cuts; every event before is a chunk."""
    for answer in ANSWERS:
        uncut, cut = answer.translate_stream(CONTEXT), answer.translate_stream(CONTEXT)
        events = uncut.feed(data) + uncut.close()
        assert events == b"".join(cut.feed(data[at : at + 13]) for at in range(0, len(data), 13)) + cut.close()
        *chunks, last, rest = events.split(b"\n\n")
        assert rest == b""
        assert last == b"data: [DONE]" or json.loads(last.removeprefix(b"data: ")).keys() == {"error"}
        for chunk in chunks:
            assert json.loads(chunk.removeprefix(b"data: "))["object"] == "chat.completion.chunk"


def response(data: bytes) -> None:
    """The upstream's body is translated to a completion or refused with a 502."""
    for answer in ANSWERS:
        try:
            completion = json.loads(answer.translate_response(data, CONTEXT).body)
        except InvalidUpstreamResponse as error:
            assert error.status == 502
        else:
            assert completion["object"] == "chat.completion"


def request(data: bytes) -> None:
    """A request is translated deterministically, or refused with a 400, for every family."""
    _request(data, "/v1/chat/completions")


def responses_request(data: bytes) -> None:
    """A Responses request is translated or refused likewise."""
    _request(data, "/v1/responses")


def _request(data: bytes, path: str) -> None:
    for model in (*MODELS, None):
        first, second = _sent(data, path, model), _sent(data, path, model)
        assert first == second
        for action in first:
            if isinstance(action, Reply):
                assert action.status == 400
            else:
                headers = dict(action.set_headers)
                assert PATH.fullmatch(headers[":path"])
                assert msgspec.json.decode(action.body, type=dict[str, msgspec.Raw]).keys() >= {"messages"}


def _sent(data: bytes, path: str, model: str | None) -> list[ForwardRequest | Reply]:
    """Return what is sent for a request, or for both ways in which fetching its images may end."""
    return [_action(data, path, model, fetched) for fetched in FETCHED]


def _action(data: bytes, path: str, model: str | None, fetched: Fetched) -> ForwardRequest | Reply:
    rule = Rule(name="any", backends=(replace(BACKEND, model_override=model),), owned_by="us", created=0)
    exchange = Exchange(Router(Snapshot(rules=(rule,))), pick=0.0)
    exchange.receive(RequestHeaders(POST | {":path": path}, end_of_stream=False), now=NOW)
    action = exchange.receive(RequestBody(data), now=NOW)
    if isinstance(action, NeedMedia):
        action = exchange.receive(MediaReady(dict.fromkeys(action.urls, fetched)), now=NOW)
    assert isinstance(action, ForwardRequest | Reply)
    return action


def http2(data: bytes) -> None:
    """What a client of HTTP/2 sends gives the same events and bytes however it is cut, also while it is answered."""
    cut = [data[:7], *(data[at : at + 13] for at in range(7, len(data), 13))]
    assert _http2([data], lambda *_: None) == _http2(cut, lambda *_: None)
    _http2(cut, _answer_http2)


def _http2(pieces: list[bytes], answer: Callable[[Connection, int], None]) -> tuple[object, ...]:
    connection = Connection()
    contents: dict[int, bytes] = {}
    others: list[object] = []
    for piece in pieces:
        for event in connection.receive(piece, 0):
            if isinstance(event, Data):
                contents[event.stream_id] = contents.get(event.stream_id, b"") + event.data
            else:
                others.append(event)
            if isinstance(event, Request):
                answer(connection, event.stream_id)
    return contents, others, connection.data_to_send(2**20), connection.take_sent(), connection.open_streams


def _answer_http2(connection: Connection, stream_id: int) -> None:
    connection.send_headers(stream_id, b"\x88")
    if not connection.send_data(stream_id, bytes(stream_id % 3 * 50_000)):
        connection.pause(stream_id)
    if stream_id % 5 == 0:
        connection.send_trailers(stream_id, b"\x88")


TARGETS: dict[str, tuple[Callable[[bytes], None], ...]] = {
    "eventstream": (decode, stream),
    "request": (request,),
    "responses": (responses_request,),
    "response": (response,),
    "http2": (http2,),
}
"""Checks by folder of the corpus."""
