"""Tests for the facts of docs/notes/envoy-ext-proc.md: Envoy's messages to an ext_proc server in each case."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import httpx
import pytest

from tests.envoy_config.conftest import BUFFER_LIMIT, CHAT, Gateway
from tests.envoy_config.processor import PASS, Answer, forward, immediate, mutation, pb, stream_response
from tests.envoy_config.running import Handler

REQUEST = ["request_headers", "request_body eos"]
EXCHANGE = [*REQUEST, "response_headers", "response_body eos"]
MARKER = "x-aigw-local-reply"


def close_early(handler: Handler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


def break_off(until: threading.Event) -> Callable[[Handler], None]:
    """Close the connection in the middle of the body, after `until` is set."""

    def answer(handler: Handler) -> None:
        handler.send_response_only(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        handler.wfile.write(b"half")
        until.wait(10)
        handler.close_connection = True

    return answer


def then(answer: Answer, event: threading.Event) -> Answer:
    """Answer, and set `event`."""

    def answering(request: pb.ProcessingRequest) -> pb.ProcessingResponse:
        event.set()
        return answer(request)

    return answering


def chunks(handler: Handler) -> None:
    """Answer with two chunks and the end."""
    handler.send_response_only(200)
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"3\r\none\r\n")
    handler.wfile.write(b"3\r\ntwo\r\n0\r\n\r\n")


def no_content(handler: Handler) -> None:
    handler.send_response_only(204)
    handler.end_headers()


def never(handler: Handler) -> None:
    """Send no answer before the connection is closed."""
    handler.rfile.read(1)
    handler.close_connection = True


def answer_too_large(after: threading.Event) -> Callable[[Handler], None]:
    """Answer with a body above Envoy's limit, after `after` is set."""

    def answer(handler: Handler) -> None:
        handler.send_response_only(200)
        handler.send_header("content-length", str(3 * BUFFER_LIMIT))
        handler.end_headers()
        after.wait(10)
        handler.wfile.write(b"x" * 3 * BUFFER_LIMIT)

    return answer


def test_a_post_is_four_messages(gateway: Gateway) -> None:
    gateway.chat()
    assert gateway.processor.ended().messages == EXCHANGE


def test_a_get_ends_with_its_headers(gateway: Gateway) -> None:
    to = pb.HeadersResponse(response=mutation(("x-ai-eg-backend", "default/by-address")))
    gateway.processor.reset(request_headers=lambda _: pb.ProcessingResponse(request_headers=to))
    assert gateway.client.get("/v1/models").status_code == 200
    assert gateway.processor.ended().messages == ["request_headers eos", "response_headers", "response_body eos"]


def test_an_answer_without_a_body_ends_with_its_headers(gateway: Gateway) -> None:
    gateway.upstream.reset(no_content)
    assert gateway.chat().status_code == 204
    assert gateway.processor.ended().messages == [*REQUEST, "response_headers eos"]


def test_a_streamed_answer_has_chunks_and_a_last_one(gateway: Gateway) -> None:
    gateway.processor.answers["response_headers"] = stream_response
    gateway.upstream.reset(chunks)
    assert gateway.chat().content == b"onetwo"
    stream = gateway.processor.ended()
    assert stream.messages[-1] == "response_body eos"
    assert b"".join(stream.bodies()) == b"onetwo"


def test_of_a_body_that_is_too_large_only_the_reply_is_sent(gateway: Gateway) -> None:
    assert gateway.chat(b"x" * 2 * BUFFER_LIMIT).status_code == 413
    stream = gateway.processor.ended()
    assert stream.messages == ["request_headers", "response_headers", "response_body eos"]
    assert stream.headers("response_headers")[MARKER] == "- request_too_large"


@pytest.mark.parametrize(
    ("cluster", "flags"), [("default/refused", {"UF", "URX"}), ("default/unknown", {"NC"}), ("", {"NC"})]
)
def test_an_unreachable_upstream_is_a_marked_reply(gateway: Gateway, cluster: str, flags: set[str]) -> None:
    gateway.processor.answers["request_body"] = forward(cluster)
    assert gateway.chat().status_code == 503
    stream = gateway.processor.ended()
    assert stream.messages == EXCHANGE
    marked, _, code = stream.headers("response_headers")[MARKER].partition(" ")
    assert (set(marked.split(",")), code) == (flags, "upstream_unavailable")


def test_without_x_forwarded_proto_no_route_matches(gateway: Gateway) -> None:
    to = pb.BodyResponse(response=mutation(("x-ai-eg-backend", "default/by-address"), remove=("x-forwarded-proto",)))
    gateway.processor.answers["request_body"] = lambda _: pb.ProcessingResponse(request_body=to)
    assert gateway.chat().status_code == 404


def test_a_connection_closed_before_the_answer_is_a_marked_reply(gateway: Gateway) -> None:
    gateway.upstream.reset(close_early)
    assert gateway.chat().status_code == 503
    stream = gateway.processor.ended()
    assert stream.messages == EXCHANGE
    assert stream.headers("response_headers")[MARKER] == "UC upstream_unavailable"


def test_an_idle_upstream_is_a_marked_reply(gateway: Gateway) -> None:
    gateway.upstream.reset(never)
    assert gateway.chat().status_code == 504
    stream = gateway.processor.ended()
    assert stream.messages == EXCHANGE
    assert stream.headers("response_headers")[MARKER] == "SI upstream_timeout"


def test_an_incomplete_buffered_answer_is_not_sent(gateway: Gateway) -> None:
    headers_sent = threading.Event()
    gateway.processor.answers["response_headers"] = then(PASS["response_headers"], headers_sent)
    gateway.upstream.reset(break_off(headers_sent))
    assert gateway.chat().status_code == 502
    assert gateway.processor.ended().messages == [*REQUEST, "response_headers"]


def test_an_incomplete_streamed_answer_has_no_last_chunk(gateway: Gateway) -> None:
    chunk_arrived = threading.Event()
    gateway.processor.answers |= {
        "response_headers": stream_response,
        "response_body": then(PASS["response_body"], chunk_arrived),
    }
    gateway.upstream.reset(break_off(chunk_arrived))
    with pytest.raises(httpx.RemoteProtocolError):
        gateway.chat()
    assert gateway.processor.ended().messages == [*REQUEST, "response_headers", "response_body"]


def test_an_answer_that_is_too_large_is_not_sent(gateway: Gateway) -> None:
    headers_sent = threading.Event()
    gateway.processor.answers["response_headers"] = then(PASS["response_headers"], headers_sent)
    gateway.upstream.reset(answer_too_large(headers_sent))
    assert gateway.chat().status_code == 500
    assert gateway.processor.ended().messages == [*REQUEST, "response_headers"]


@pytest.mark.parametrize(
    ("phase", "messages"),
    [
        ("request_headers", EXCHANGE[:1]),
        ("request_body", EXCHANGE[:2]),
        ("response_headers", EXCHANGE[:3]),
        ("response_body", EXCHANGE),
    ],
)
def test_an_immediate_response_ends_the_exchange_and_reaches_the_client_unchanged(
    gateway: Gateway, phase: str, messages: list[str]
) -> None:
    gateway.processor.answers[phase] = immediate()
    response = gateway.chat()
    assert gateway.processor.ended().messages == messages
    assert (response.status_code, response.content) == (418, b'{"ours":true}')
    assert (response.headers["content-type"], response.headers["x-ours"]) == ("application/json", "1")
    assert MARKER not in response.headers


def test_an_immediate_response_resets_a_stream_that_has_begun(gateway: Gateway) -> None:
    begun = threading.Event()

    def answer(handler: Handler) -> None:
        handler.send_response_only(200)
        handler.send_header("content-length", "4")
        handler.end_headers()
        begun.wait(10)
        handler.wfile.write(b"body")

    gateway.upstream.reset(answer)
    gateway.processor.answers |= {"response_headers": stream_response, "response_body": immediate()}
    with gateway.client.stream("POST", CHAT, content=b"{}") as response:
        assert response.status_code == 200
        begun.set()
        with pytest.raises(httpx.RemoteProtocolError):
            response.read()


def test_a_refused_upgrade_is_a_reply_without_a_request(gateway: Gateway) -> None:
    response = gateway.client.get(CHAT, headers={"connection": "upgrade", "upgrade": "websocket"})
    assert response.status_code == 403
    stream = gateway.processor.ended()
    assert stream.messages == ["response_headers", "response_body eos"]
    assert stream.headers("response_headers")[MARKER] == "- bad_request"


def test_a_client_that_leaves_during_the_upload_ends_the_stream(gateway: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.envoy.port)) as client:
        client.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{{".encode())
        gateway.processor.wait_for_message()
    assert gateway.processor.ended().messages == ["request_headers"]


def test_a_client_that_leaves_while_the_upstream_works_ends_the_stream(gateway: Gateway) -> None:
    gateway.upstream.reset(never)
    with pytest.raises(httpx.ReadTimeout):
        gateway.client.post(CHAT, content=b"{}", timeout=httpx.Timeout(5, read=0.3))
    assert gateway.processor.ended().messages == REQUEST
