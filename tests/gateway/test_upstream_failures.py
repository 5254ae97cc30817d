"""Bedrock, or something in its place, answers wrongly, not at all, or only in part."""

from __future__ import annotations

import os
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest

from aigw_extproc.simulator import frames
from tests.envoy_config.running import Handler, Upstream
from tests.gateway.conftest import SDK_OPTIONS
from tests.gateway.running import CHAT, Gateway, error, events, question

UNAVAILABLE = error("the gateway got no answer from the upstream", "api_error", "upstream_unavailable")
TRUNCATED = error("the response stream from Bedrock ended before it was complete", "api_error", "upstream_truncated")

CASES = [
    # 400, 403, 404, 429, 500 and 503 are in test_sdk_errors
    ("timeout", 504, "Model has timed out in processing the request. Try your request again.", "timeout_error", None),
    ("model-error", 502, "The model encountered an error while processing the request.", "api_error", None),
    (
        "not-ready",
        429,
        "Model is not ready for inference. Try your request again.",
        "rate_limit_error",
        "model_not_ready_exception",
    ),
    (
        "quota",
        429,
        "Your request exceeds the service quota for your account.",
        "rate_limit_error",
        "service_quota_exceeded_exception",
    ),
    ("html", 502, "the upstream answered 502 with a body that is not JSON", "api_error", "upstream_error"),
    ("empty", 500, "the upstream answered 500 with a body that is not JSON", "api_error", "upstream_error"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("fault", "status", "message", "type_", "code"), CASES, ids=[case[0] for case in CASES])
def test_an_error_of_bedrocks(
    gateway: Gateway, fault: str, status: int, message: str, type_: str, code: str | None, stream: bool
) -> None:
    response = gateway.chat(f"simulator.{fault}", stream=stream)
    assert (response.status_code, response.json()) == (status, error(message, type_, code))


WRONG = [
    ("no-output", False, "Bedrock answered without an output (stop reason end_turn)"),
    ("not-json", False, "the upstream answered 200 with a body that is not a Converse response"),
    ("truncated", False, "the upstream answered 200 with a body that is not a Converse response"),
    ("no-output", True, "the upstream answered a streaming request with application/json"),
    ("not-json", True, "the upstream answered a streaming request with text/plain"),
]


@pytest.mark.parametrize(("fault", "stream", "message"), WRONG)
def test_a_wrong_answer(gateway: Gateway, fault: str, stream: bool, message: str) -> None:
    response = gateway.chat(f"simulator.{fault}", stream=stream)
    assert (response.status_code, response.json()) == (502, error(message, "api_error", "upstream_error"))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", [201, 204, 302, 304])
def test_a_status_that_is_neither_success_nor_error(
    gateway: Gateway, elsewhere: Upstream, status: int, stream: bool
) -> None:
    """Some of these have no body by definition: under such a status an error's body would garble the connection."""
    elsewhere.answer = with_status(status)
    response = gateway.chat("elsewhere", stream=stream)
    message = f"the upstream answered {status}; Bedrock answers 200 or an error"
    assert (response.status_code, response.json()) == (502, error(message, "api_error", "upstream_error"))


def with_status(status: int) -> Callable[[Handler], None]:
    """Answers with a status and nothing else."""

    def answer(handler: Handler) -> None:
        handler.send_response_only(status)
        handler.send_header("location", "http://127.0.0.1/")
        if status not in {204, 304}:
            handler.send_header("content-length", "0")
        handler.end_headers()

    return answer


def test_a_wrong_answer_can_be_asked_about(gateway: Gateway) -> None:
    response = gateway.chat("simulator.no-output")
    assert gateway.received(response)["path"] == "/model/simulator.no-output/converse"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_refused_connection(gateway: Gateway, stream: bool) -> None:
    response = gateway.chat("refused", stream=stream)
    assert (response.status_code, response.json()) == (503, UNAVAILABLE)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_connection_that_is_closed_before_the_answer(gateway: Gateway, stream: bool) -> None:
    response = gateway.chat("simulator.early-close", stream=stream)
    assert (response.status_code, response.json()) == (503, UNAVAILABLE)


def test_a_connection_that_breaks_in_the_middle_of_a_whole_answer(gateway: Gateway) -> None:
    response = gateway.chat("simulator.reset")
    expected = error("the upstream broke off its answer or did not speak HTTP", "api_error", "upstream_error")
    assert (response.status_code, response.json()) == (502, expected)


def test_a_stream_that_ends_too_early(gateway: Gateway) -> None:
    told = events(gateway.chat("simulator.truncated-3", stream=True).text)
    assert told[-1] == TRUNCATED
    assert [event["choices"][0]["delta"].get("content") for event in told[:-1]] == [None, "Hello! ", "You "]


def test_a_stream_that_breaks(gateway: Gateway, elsewhere: Upstream) -> None:
    """The error can no longer be told: the client must see that the answer is incomplete."""
    told = threading.Event()
    elsewhere.answer = one_frame_then_reset(told)
    with gateway.client.stream("POST", CHAT, json=question("elsewhere", stream=True)) as response:
        lines = response.iter_lines()
        assert events(next(lines))[0]["choices"][0]["delta"] == {"role": "assistant"}
        told.set()
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            list(lines)


def chat_stream(gateway: Gateway) -> Iterator[object]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", **SDK_OPTIONS) as client:
        yield from client.chat.completions.create(model="elsewhere", messages=[HELLO], stream=True)


def response_stream(gateway: Gateway) -> Iterator[object]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", **SDK_OPTIONS) as client:
        yield from client.responses.create(model="elsewhere", input="Hello!", stream=True)


def message_stream(gateway: Gateway) -> Iterator[object]:
    with anthropic.Anthropic(base_url=gateway.url, **SDK_OPTIONS) as client:
        yield from client.messages.create(model="elsewhere", max_tokens=9, messages=[HELLO], stream=True)


HELLO: Any = {"role": "user", "content": "Hello!"}


@pytest.mark.parametrize(
    ("stream", "raised"),
    [
        (chat_stream, "APIConnectionError"),
        (response_stream, "APIConnectionError"),
        (message_stream, "RemoteProtocolError"),  # that of its HTTP library
    ],
)
def test_what_the_sdks_raise_for_a_stream_that_breaks(
    gateway: Gateway, elsewhere: Upstream, stream: Callable[[Gateway], Iterator[object]], raised: str
) -> None:
    told = threading.Event()
    elsewhere.answer = one_frame_then_reset(told)
    events = stream(gateway)
    next(events)
    told.set()
    with pytest.raises(Exception, match=r"Connection error|incomplete chunked read") as caught:
        list(events)
    assert type(caught.value).__name__ == raised


def one_frame_then_reset(told: threading.Event) -> Callable[[Handler], None]:
    """Answers with the first frame of a stream, and resets the connection once the client has been told of it."""

    def answer(handler: Handler) -> None:
        handler.send_response_only(200)
        handler.send_header("content-type", "application/vnd.amazon.eventstream")
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        frame = frames.event("messageStart", {"role": "assistant"})
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(frame), frame))
        told.wait(10)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True
        os.close(handler.connection.detach())  # its own close() would wait for the files that read and write it

    return answer


@pytest.mark.parametrize(
    ("fault", "before", "failure"),
    [
        ("stream-exception-2", 2, error("The model failed while it was streaming.", "api_error")),
        (
            "stream-exception-first",
            0,
            error("Too many tokens, please wait before trying again.", "rate_limit_error", "throttling_exception"),
        ),
        ("truncated-2", 2, TRUNCATED),
    ],
)
def test_a_failure_is_the_last_event_of_a_stream(
    gateway: Gateway, fault: str, before: int, failure: dict[str, Any]
) -> None:
    told = events(gateway.chat(f"simulator.{fault}", stream=True).text)
    assert (told[-1], len(told)) == (failure, before + 1)


def test_a_corrupt_frame_ends_the_stream(gateway: Gateway) -> None:
    *before, failure = events(gateway.chat("simulator.corrupt-crc-3", stream=True).text)
    message = failure["error"].pop("message")
    assert failure == {"error": {"type": "api_error", "param": None, "code": "upstream_error"}}
    assert re.fullmatch("message checksum: expected 0x[0-9a-f]{8}, calculated 0x[0-9a-f]{8}", message)
    assert [event["choices"][0]["delta"].get("content") for event in before] == [None, "Hello! "]


def test_a_failed_stream_is_counted_by_its_error(gateway: Gateway) -> None:
    counted = {"operation": "chat", "status": "200", "code": "upstream_truncated"}
    before = gateway.processor.metric("aigw_exchanges_total", **counted)
    gateway.chat("simulator.truncated", stream=True)
    gateway.wait_until_idle()
    assert gateway.processor.metric("aigw_exchanges_total", **counted) == before + 1
