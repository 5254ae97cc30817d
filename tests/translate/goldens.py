"""Golden files of the translations: one file per case, named after the rule that it shows.

After a change on purpose, run `python -m tests.translate.goldens` to rewrite them, and review the diff.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zlib import crc32

import msgspec

from aigw_extproc.bedrock.converse import ConverseRequest
from aigw_extproc.bedrock.families import family_of
from aigw_extproc.config.snapshot import Schema
from aigw_extproc.errors import GatewayError, InvalidRequest
from aigw_extproc.translate.anthropic_passthrough.answer import AnthropicPassthroughAnswer
from aigw_extproc.translate.carriers import converse
from aigw_extproc.translate.carriers.anthropic import request as anthropic
from aigw_extproc.translate.carriers.response import CarriedAnswer
from aigw_extproc.translate.clients.chat.stream import ChatWriter
from aigw_extproc.translate.clients.messages.stream import MessagesWriter
from aigw_extproc.translate.clients.responses.client_tools import ClientTool
from aigw_extproc.translate.clients.responses.stream import ResponsesWriter
from aigw_extproc.translate.contract import (
    Answer,
    Fetched,
    FetchFailed,
    Media,
    MediaNeeded,
    ResponseContext,
    ResponseStream,
    Target,
    UpstreamRequest,
)
from aigw_extproc.translate.converse.conversed import Conversed, ResponseWriter
from aigw_extproc.translate.converse.tool_names import ToolNames, alias
from aigw_extproc.translate.registry import ENDPOINTS, parse

FOLDER = Path(__file__).parent.parent / "golden"
CONTEXT = ResponseContext(request_id="R", created=123)


def fed(stream: ResponseStream, data: bytes, sizes: list[int]) -> bytes:
    """Return the complete stream for `data` in chunks of these sizes, then the rest."""
    position, received = 0, b""
    for size in sizes:
        received += stream.feed(data[position : position + size])
        position += size
    return received + stream.feed(data[position:]) + stream.close()


def names(golden: dict[str, Any]) -> ToolNames:
    names = ToolNames.of(golden.get("tools", []))
    for tool, parameters in golden.get("parameters", {}).items():
        names = names.with_parameters(tool, {name: alias(name) for name in parameters})
    return names


def chat_writer(golden: dict[str, Any]) -> ChatWriter:
    return ChatWriter(
        model="asked-for",
        names=names(golden),
        include_usage=golden.get("include_usage", False),
        answer_tool=golden.get("answer_tool"),
        custom_tools=frozenset(golden.get("custom_tools", ())),
    )


def messages_writer(golden: dict[str, Any]) -> MessagesWriter:
    return MessagesWriter(model="asked-for", names=names(golden))


def responses_writer(golden: dict[str, Any]) -> ResponsesWriter:
    return ResponsesWriter(
        echo={"model": "asked-for"},
        names=names(golden),
        tools=msgspec.convert(golden.get("client_tools", {}), dict[str, ClientTool]),
        answer_tool=golden.get("answer_tool"),
    )


def conversed(writer: ResponseWriter, golden: dict[str, Any] | None = None, *, replayed: bool = False) -> Conversed:
    request = ConverseRequest(messages=[])
    return Conversed(request=request, dropped=(), names=names(golden or {}), writer=writer, replayed=replayed)


def chat_answer(golden: dict[str, Any]) -> CarriedAnswer:
    return converse.answer(conversed(chat_writer(golden), golden))


def messages_answer(golden: dict[str, Any]) -> CarriedAnswer:
    return converse.answer(conversed(messages_writer(golden), golden))


def responses_answer(golden: dict[str, Any]) -> CarriedAnswer:
    return converse.answer(conversed(responses_writer(golden), golden))


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An endpoint and a schema, and how to make the `Answer` for a golden."""

    name: str
    path: str
    answer: Callable[[dict[str, Any]], Answer]
    schema: str = "AWSBedrock"
    operation: str = "Converse"
    """The API operation by which the simulator checks the upstream's body."""
    result: str = "completion"
    """The member of a golden that has the client's response."""

    def __str__(self) -> str:
        return self.name


CHAT = Pair(name="chat_converse", path="/v1/chat/completions", answer=chat_answer)
MESSAGES = Pair(name="messages_converse", path="/v1/messages", answer=messages_answer, result="message")
PASSED = Pair(
    name="messages_anthropic",
    path="/v1/messages",
    answer=lambda golden: AnthropicPassthroughAnswer(aliases=names(golden).parameters),
    schema="AWSAnthropic",
    operation="InvokeModel",
    result="message",
)
INVOKED = Pair(
    name="chat_anthropic",
    path="/v1/chat/completions",
    answer=lambda golden: anthropic.answer(conversed(chat_writer(golden), golden)),
    schema="AWSAnthropic",
    operation="InvokeModel",
)
RESPONSES = Pair(name="responses_converse", path="/v1/responses", answer=responses_answer, result="result")
PAIRS = (CHAT, MESSAGES, PASSED, INVOKED, RESPONSES)


def cases(kind: str, pair: Pair = CHAT) -> list[Path]:
    return sorted((FOLDER / pair.name / kind).glob("*.json"))


def read(case: Path) -> dict[str, Any]:
    golden: dict[str, Any] = json.loads(case.read_text())
    return golden


def translate_request(golden: dict[str, Any], pair: Pair = CHAT) -> dict[str, Any]:
    """Translate the client's request to the upstream's, or the error."""
    headers = golden.get("headers", {})
    try:
        upstream = upstream_for(pair.path, golden["request"], pair.schema, headers=headers, fetched=fetched(golden))
    except InvalidRequest as error:
        return {"error": {"param": error.param, "message": error.message}}
    except MediaNeeded as needed:
        return {"media_needed": list(needed.urls)}
    translated: dict[str, Any] = {"upstream": {"path": upstream.path, "body": json.loads(upstream.body)}}
    if upstream.headers:
        translated["upstream"]["headers"] = dict(upstream.headers)
    if upstream.dropped:
        translated["dropped"] = list(upstream.dropped)
    return translated


def upstream_for(
    path: str,
    request: Any,
    schema: str = "AWSBedrock",
    *,
    headers: Mapping[str, str] = MappingProxyType({}),
    fetched: Mapping[str, Fetched] = MappingProxyType({}),
) -> UpstreamRequest:
    """Translate a client's request. Raises InvalidRequest and MediaNeeded."""
    parsed = parse(ENDPOINTS[path], schema, json.dumps(request).encode(), headers)
    return parsed(target(request["model"], schema, fetched))


def target(model: str, schema: str = "AWSBedrock", fetched: Mapping[str, Fetched] = MappingProxyType({})) -> Target:
    return Target(model=model, family=family_of(model), schema=Schema(name=schema), fetched=fetched)


def fetched(golden: dict[str, Any]) -> dict[str, Fetched]:
    values = golden.get("fetched", {})
    return {url: msgspec.convert(value, FetchFailed if "reason" in value else Media) for url, value in values.items()}


def translate_response(golden: dict[str, Any], pair: Pair = CHAT) -> dict[str, Any]:
    """Translate a complete response of Bedrock to the client's, or the error."""
    try:
        response = pair.answer(golden).translate_response(json.dumps(golden["response"]).encode(), CONTEXT)
    except GatewayError as error:
        return {"error": {"status": error.status, "code": error.code, "message": error.message}}
    return {pair.result: json.loads(response.body)}


def translate_stream(golden: dict[str, Any], pair: Pair = CHAT) -> dict[str, Any]:
    """Translate Bedrock's events to the data of server-sent events, in which `[DONE]` is a string."""
    stream = pair.answer(golden).translate_stream(CONTEXT)
    text = (stream.feed(frames(golden["events"])) + stream.close()).decode()
    return {"data": [event_data(event) for event in text.split("\n\n")[:-1]]}


def event_data(event: str) -> Any:
    """Return the data of an event. The name of a named event is the type in its data."""
    named, _, data = event.rpartition("data: ")
    value = data if data == "[DONE]" else json.loads(data)
    assert named == "" or named == f"event: {value['type']}\n"
    return value


def frames(events: list[list[Any]]) -> bytes:
    """Encode `[event type, payload]` as frames; a type that ends in `Exception` is an exception's."""
    return b"".join(frame(kind, json.dumps(payload).encode()) for kind, payload in events)


def frame(kind: str, payload: bytes) -> bytes:
    if kind.endswith("Exception"):
        headers = header(":message-type", "exception") + header(":exception-type", kind)
    else:
        headers = header(":message-type", "event") + header(":event-type", kind)
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
    return message + struct.pack("!I", crc32(message))


def header(name: str, value: str) -> bytes:
    encoded = value.encode()
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(encoded)) + encoded


TRANSLATIONS = {"requests": translate_request, "responses": translate_response, "streams": translate_stream}
INPUTS = (
    "request",
    "headers",
    "response",
    "events",
    "tools",
    "parameters",
    "include_usage",
    "fetched",
    "answer_tool",
    "client_tools",
    "custom_tools",
)


def main() -> None:
    for pair in PAIRS:
        for kind, translate in TRANSLATIONS.items():
            for case in cases(kind, pair):
                golden = {key: value for key, value in read(case).items() if key in INPUTS}
                case.write_text(json.dumps(golden | translate(golden, pair), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
