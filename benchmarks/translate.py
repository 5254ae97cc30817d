"""Cost of our own work in an exchange, without gRPC: one JSON line per case, microseconds per call.

Run `python -m benchmarks.translate`. `exchange` and `streamed chunk` are the figures that `make bench` compares with
the no-op processor; the other lines are parts of them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.bedrock.families import family_of
from aigw_extproc.config.builtin import demo_configuration
from aigw_extproc.config.snapshot import Schema
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.extproc import codec
from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.openai import chat
from aigw_extproc.routing import Router
from aigw_extproc.simulator.frames import CONTENT_TYPE
from aigw_extproc.translate.contract import ResponseContext, Target
from aigw_extproc.translate.registry import ENDPOINTS, parse
from benchmarks.timing import microseconds
from benchmarks.traffic import (
    CHAT_PATH,
    MODEL,
    anthropic_frames,
    chat_request,
    converse_frames,
    converse_response,
    translated,
)

CALLS = 2_000
DIFFERENT = 10_000
"""Number of exchanges with different questions and ids, so that not all messages hit the codec's cache."""
NOW = 1_790_000_000.0
CONTEXT = ResponseContext(request_id="2f3a1c9e-7f04-4c1e-9d52-0a3c6b1d8e77", created=int(NOW))
ENVOY_ID = "c1f0a3a4-6a50-4a3b-8a58-7f0a3e0f7a51"
TURNS = 40
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
AGENT_TURNS, AGENT_TOOLS = 100, 40

# Headers that Envoy sends for a client's request and for Bedrock's response.
REQUEST_HEADERS = {
    ":authority": "127.0.0.1:1975",
    ":path": CHAT_PATH,
    ":method": "POST",
    ":scheme": "http",
    "user-agent": "OpenAI/Python 2.8.1",
    "accept": "*/*",
    "content-type": "application/json",
    "authorization": "Bearer unused",
    "content-length": "200",
    "x-forwarded-proto": "http",
    "x-request-id": ENVOY_ID,
}
RESPONSE_HEADERS = {
    ":status": "200",
    "date": "Sun, 22 Nov 2026 09:00:00 GMT",
    "x-amzn-requestid": CONTEXT.request_id,
    "x-request-id": ENVOY_ID,
}


def long_request() -> bytes:
    """Return a chat of many turns, some 10 kB."""
    turn = [{"role": "user", "content": "word " * 50}, {"role": "assistant", "content": "answer " * 30}]
    messages = [*turn * TURNS, {"role": "user", "content": "And now?"}]
    return json.dumps({"model": MODEL, "messages": messages}).encode()


def tool_request() -> bytes:
    """Return a chat with twenty tools, two of which have been called."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools = [{"type": "function", "function": {"name": f"tool_{n}", "parameters": schema}} for n in range(20)]
    function = {"name": "tool_0", "arguments": '{"city":"Oslo"}'}
    calls = [{"id": f"call_{n}", "type": "function", "function": function} for n in range(2)]
    results = [{"role": "tool", "tool_call_id": f"call_{n}", "content": "rain"} for n in range(2)]
    question = {"role": "user", "content": "What is the weather in Oslo?"}
    messages = [question, {"role": "assistant", "content": None, "tool_calls": calls}, *results]
    return json.dumps({"model": MODEL, "messages": messages, "tools": tools}).encode()


def agent_request() -> bytes:
    """Return an agent's request: 200 messages, every second one a tool result, and 40 tools."""
    properties = {name: {"type": "string", "description": f"The {name}."} for name in ("path", "pattern", "text")}
    schema = {"type": "object", "properties": properties, "required": ["path"]}
    tools = [
        {"type": "function", "function": {"name": f"tool_{n}", "description": "Does it. " * 10, "parameters": schema}}
        for n in range(AGENT_TOOLS)
    ]
    arguments = json.dumps({"path": "src/main.py", "pattern": "def main"})
    messages: list[dict[str, object]] = [{"role": "system", "content": "Be exact. " * 50}]
    messages.append({"role": "user", "content": "Find out why the tests fail, and mend it."})
    for n in range(AGENT_TURNS - 1):
        call = {"id": f"call_{n}", "type": "function", "function": {"name": f"tool_{n % 40}", "arguments": arguments}}
        messages.append({"role": "assistant", "content": "Let me look at it.", "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"call_{n}", "content": "line of output\n" * 10})
    return json.dumps({"model": MODEL, "messages": messages, "tools": tools}).encode()


def _headers(values: dict[str, str], *, end: bool = False) -> pb.HttpHeaders:
    pairs = [pb.HeaderValue(key=name, raw_value=value.encode()).SerializeToString() for name, value in values.items()]
    return pb.HttpHeaders(headers=pb.HeaderMap(headers=pairs), end_of_stream=end)


def envoy_messages(*, stream: bool) -> list[bytes]:
    """Return Envoy's messages of an exchange, with only the first frame of a stream."""
    media_type = CONTENT_TYPE if stream else "application/json"
    response_headers = _headers(RESPONSE_HEADERS | {"content-type": media_type})
    body = converse_frames()[0] if stream else converse_response()
    messages = [
        pb.ProcessingRequest(request_headers=_headers(REQUEST_HEADERS)),
        pb.ProcessingRequest(request_body=pb.HttpBody(body=chat_request(stream=stream), end_of_stream=True)),
        pb.ProcessingRequest(response_headers=response_headers),
        pb.ProcessingRequest(response_body=pb.HttpBody(body=body, end_of_stream=not stream)),
    ]
    return [message.SerializeToString() for message in messages]


def different_exchanges() -> list[list[bytes]]:
    """Return the messages of exchanges that differ as those of one client do."""
    messages = envoy_messages(stream=False)

    def changed(message: bytes, number: int) -> bytes:
        for same in (ENVOY_ID.encode(), CONTEXT.request_id.encode(), b"What does an API"):
            message = message.replace(same, b"%0*d" % (len(same), number))
        return message

    return [[changed(message, number) for message in messages] for number in range(DIFFERENT)]


def router() -> Router:
    """Return a router that sends every model to one upstream, signed with a fixed key."""
    credentials = Credentials(access_key_id="AKIDEXAMPLE", secret_access_key="secret")  # noqa: S106 - signs nothing real
    return Router(demo_configuration("127.0.0.1", 8091, credentials).snapshot)


def answer(exchange: Exchange, message: bytes) -> bytes:
    """Process a message like the server, without gRPC."""
    phase, event = codec.decode(message)
    assert event is not None
    return codec.encode(phase, exchange.receive(event, now=NOW))


def exchange_case() -> Callable[[], object]:
    """Return a call that runs a chat exchange of four messages, a different one each time."""
    exchanges, rules = itertools.cycle(different_exchanges()), router()

    def call() -> None:
        exchange = Exchange(rules, pick=0.5)
        for message in next(exchanges):
            answer(exchange, message)
        assert exchange.outcome.status == 200

    return call


def chunk_case() -> Callable[[], object]:
    """Return a call that processes another piece of a stream."""
    exchange = Exchange(router(), pick=0.5)
    for message in envoy_messages(stream=True):
        answer(exchange, message)
    body = pb.HttpBody(body=converse_frames()[1])
    piece = pb.ProcessingRequest(response_body=body).SerializeToString()
    return lambda: answer(exchange, piece)


def request_cases() -> Iterable[tuple[str, Callable[[], object]]]:
    """Yield calls that parse and translate requests."""
    target = Target(model=MODEL, family=family_of(MODEL), schema=Schema(name="AWSBedrock"))
    bodies = {
        "chat": chat_request(stream=False),
        "long": long_request(),
        "tools": tool_request(),
        "agent": agent_request(),
    }
    for name, body in bodies.items():
        parsed = parse(ENDPOINTS[CHAT_PATH], "AWSBedrock", body, {})
        yield f"parse {name}", lambda body=body: chat.parse(body)
        yield f"translate {name}", lambda parsed=parsed: parsed(target)


def response_cases() -> Iterable[tuple[str, Callable[[], object]]]:
    """Yield calls that translate responses."""
    answer = translated(chat_request(stream=True)).answer
    body, frame = converse_response(), converse_frames()[1]
    stream = answer.translate_stream(CONTEXT)
    yield "translate response", lambda: answer.translate_response(body, CONTEXT)
    yield "translate chunk", lambda: stream.feed(frame)


def anthropic_cases() -> Iterable[tuple[str, Callable[[], object]]]:
    """Translating one more chunk of a stream from InvokeModel."""
    chat_body = chat_request(stream=True, model=CLAUDE)
    responses_body = json.dumps({"model": CLAUDE, "input": "What does an API gateway do?", "stream": True}).encode()
    for name, path, body in (("chat", CHAT_PATH, chat_body), ("responses", "/v1/responses", responses_body)):
        answer = translated(body, path=path, schema="AWSAnthropic", model=CLAUDE).answer
        stream = answer.translate_stream(CONTEXT)
        for start in anthropic_frames()[:2]:
            stream.feed(start)
        chunk = anthropic_frames()[2]
        yield f"translate chunk of {name} on AWSAnthropic", lambda stream=stream, chunk=chunk: stream.feed(chunk)


def main() -> None:
    """Print a line for each case."""
    cases = {
        "exchange": exchange_case(),
        "streamed chunk": chunk_case(),
        **dict(request_cases()),
        **dict(response_cases()),
        **dict(anthropic_cases()),
    }
    for name, call in cases.items():
        calls = CALLS // 10 if name.endswith("agent") else CALLS
        print(json.dumps({"case": name, "us": microseconds(call, calls)}), flush=True)


if __name__ == "__main__":
    main()
