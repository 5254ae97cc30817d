"""Which messages can tell Envoy's access log how an exchange ended: dynamic metadata of ext_proc's answers."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from tests.envoy_config.conftest import Gateway
from tests.envoy_config.processor import PASS, Answer, immediate, mutation, pb, stream_response
from tests.envoy_config.running import Handler
from tests.envoy_config.test_messages import break_off, chunks

PHASES = ("request_headers", "request_body", "response_headers", "response_body")
DUPLEX = pb.ProcessingMode(
    response_header_mode=pb.ProcessingMode.SEND, response_body_mode=pb.ProcessingMode.FULL_DUPLEX_STREAMED
)


def saying(outcome: str, answer: Answer) -> Answer:
    """Answer, with this outcome in the metadata."""

    def answering(request: pb.ProcessingRequest) -> pb.ProcessingResponse:
        response = pb.ProcessingResponse()
        response.CopyFrom(answer(request))
        response.dynamic_metadata.get_or_create_struct("io.envoy.ai_gateway.outcome")["outcome"] = outcome
        return response

    return answering


def at_the_end(outcome: str, answer: Answer) -> Answer:
    """Answer, with this outcome in the answer to the last piece of a body."""
    last = saying(outcome, answer)
    return lambda request: (last if request.response_body.end_of_stream else answer)(request)


def line(gateway: Gateway, response: httpx.Response) -> dict[str, Any]:
    return gateway.envoy.access_log(response.headers["x-request-id"])


@pytest.mark.parametrize("phase", PHASES)
def test_every_answer_to_a_buffered_exchange_can(gateway: Gateway, phase: str) -> None:
    answer = gateway.processor.answers.get(phase, PASS[phase])
    gateway.processor.answers[phase] = saying("known", answer)
    assert line(gateway, gateway.chat())["outcome"] == "known"


@pytest.mark.parametrize("phase", PHASES)
def test_an_immediate_response_can(gateway: Gateway, phase: str) -> None:
    gateway.processor.answers[phase] = saying("refused", immediate())
    assert line(gateway, gateway.chat())["outcome"] == "refused"


def test_the_answer_to_the_last_piece_of_a_stream_can(gateway: Gateway) -> None:
    gateway.upstream.reset(chunks)
    gateway.processor.answers["response_headers"] = saying("begun", stream_response)
    gateway.processor.answers["response_body"] = at_the_end("failed", PASS["response_body"])
    assert line(gateway, gateway.chat())["outcome"] == "failed"


def test_the_last_piece_of_a_stream_in_full_duplex_can(gateway: Gateway) -> None:
    def begin(_: pb.ProcessingRequest) -> pb.ProcessingResponse:
        headers = pb.HeadersResponse(response=mutation(remove=("content-length",)))
        return pb.ProcessingResponse(response_headers=headers, mode_override=DUPLEX)

    def piece(request: pb.ProcessingRequest) -> pb.ProcessingResponse:
        body = request.response_body
        sent = pb.StreamedBodyResponse(body=body.body, end_of_stream=body.end_of_stream)
        return pb.ProcessingResponse(
            response_body=pb.BodyResponse(
                response=pb.CommonResponse(body_mutation=pb.BodyMutation(streamed_response=sent))
            )
        )

    gateway.upstream.reset(chunks)
    gateway.processor.answers["response_headers"] = saying("begun", begin)
    gateway.processor.answers["response_body"] = at_the_end("failed", piece)
    response = gateway.chat()
    assert (response.content, line(gateway, response)["outcome"]) == (b"onetwo", "failed")


def test_what_was_said_last_remains_if_the_upstream_breaks_off(gateway: Gateway) -> None:
    arrived = threading.Event()
    gateway.upstream.reset(break_off(until=arrived))
    gateway.processor.answers["response_headers"] = saying("begun", stream_response)
    with gateway.client.stream("POST", "/v1/chat/completions", content=b"{}") as response:
        arrived.set()
        with pytest.raises(httpx.RemoteProtocolError):
            response.read()
    assert (line(gateway, response)["outcome"], line(gateway, response)["status"]) == ("begun", 200)


def test_what_was_said_last_remains_if_the_client_leaves(gateway: Gateway) -> None:
    gone = threading.Event()

    def endless(handler: Handler) -> None:
        handler.send_response_only(200)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"3\r\none\r\n")
        gone.wait(10)

    gateway.upstream.reset(endless)
    gateway.processor.answers["response_headers"] = saying("begun", stream_response)
    with gateway.client.stream("POST", "/v1/chat/completions", content=b"{}") as response:
        next(response.iter_raw())
    entry = line(gateway, response)
    gone.set()
    assert (entry["outcome"], entry["flags"]) == ("begun", "DC")


def test_it_is_null_if_the_processor_says_nothing(gateway: Gateway) -> None:
    assert line(gateway, gateway.chat())["outcome"] is None
