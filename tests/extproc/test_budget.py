"""Tests for aigw_extproc.extproc.budget, in streams of a processor."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from aigw_extproc.aws.identity import Identity
from aigw_extproc.config.snapshot import AwsAuth, Snapshot, Upstream
from aigw_extproc.errors import Overloaded
from aigw_extproc.exchange.messages import UpstreamCall
from aigw_extproc.extproc.budget import SMALL, Budget
from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.extproc.processor import ExchangeStream, Processor
from aigw_extproc.routing import Router
from aigw_extproc.translate.contract import Fetched, UpstreamResponse

LIMIT = 1000


async def no_credentials(auth: AwsAuth) -> Identity:
    raise AssertionError(auth)


async def no_upstream(upstream: Upstream, calls: Sequence[UpstreamCall]) -> tuple[UpstreamResponse, ...]:
    raise AssertionError(calls)


async def no_media(urls: tuple[str, ...], hosts: tuple[str, ...]) -> Mapping[str, Fetched]:
    raise AssertionError(urls)


async def no_message(message: bytes) -> None:
    raise AssertionError(message)


@pytest.fixture
def processor() -> Processor:
    router = Router(Snapshot(rules=()))
    return Processor(lambda: router, no_credentials, no_media, no_upstream, budget=Budget(LIMIT))


async def opened(processor: Processor, length: int | str | None) -> tuple[ExchangeStream, pb.ProcessingResponse]:
    """Open a stream with the headers of a request, and return the answer to them."""
    headers = {":method": "POST", ":path": "/v1/chat/completions", "content-type": "application/json"}
    if length is not None:
        headers["content-length"] = str(length)
    pairs = [pb.HeaderValue(key=name, raw_value=value.encode()).SerializeToString() for name, value in headers.items()]
    stream = processor.open(no_message)
    message = pb.ProcessingRequest(request_headers=pb.HttpHeaders(headers=pb.HeaderMap(headers=pairs)))
    return stream, pb.ProcessingResponse.FromString(await stream.answer(message.SerializeToString()))


async def body(stream: ExchangeStream, size: int) -> int:
    """Send a body for a model that no rule has, and return the status of the answer."""
    content = b'{"model":"m","messages":[]}'.ljust(size)
    message = pb.ProcessingRequest(request_body=pb.HttpBody(body=content, end_of_stream=True))
    answer = pb.ProcessingResponse.FromString(await stream.answer(message.SerializeToString()))
    return answer.immediate_response.status.code


def refused(answer: pb.ProcessingResponse) -> bool:
    return answer.WhichOneof("response") == "immediate_response"


async def test_a_request_that_does_not_fit_is_refused_by_its_headers(processor: Processor) -> None:
    await opened(processor, 600)
    stream, answer = await opened(processor, 401)
    reply = answer.immediate_response
    headers = {each.header.key: each.header.raw_value for each in reply.headers.set_headers}
    assert (reply.status.code, headers["retry-after"], stream.over) == (503, b"1", True)
    assert json.loads(reply.body)["error"] == {
        "message": "the gateway holds too many large requests at the moment; try again",
        "type": "overloaded_error",
        "param": None,
        "code": "gateway_overloaded",
    }


def test_large_requests_leave_room_for_small_ones() -> None:
    budget = Budget(100 * SMALL)
    for _ in range(8):
        budget.take(10 * SMALL)
    with pytest.raises(Overloaded):
        budget.take(8 * SMALL)
    budget.take(2 * SMALL)
    for _ in range(18):
        budget.take(SMALL)
    with pytest.raises(Overloaded):
        budget.take(1)


async def test_requests_that_fit_are_served(processor: Processor) -> None:
    await opened(processor, 600)
    assert not refused((await opened(processor, 400))[1])


async def test_a_request_that_is_alone_is_served_at_any_size(processor: Processor) -> None:
    assert not refused((await opened(processor, LIMIT * 10))[1])


async def test_an_answer_gives_the_budget_back(processor: Processor) -> None:
    first, _ = await opened(processor, 900)
    assert await body(first, 900) == 404
    assert not refused((await opened(processor, 900))[1])


async def test_the_end_of_a_stream_gives_the_budget_back_once(processor: Processor) -> None:
    first, _ = await opened(processor, 900)
    assert await body(first, 900) == 404
    first.close()
    second, _ = await opened(processor, 900)
    second.close()
    await opened(processor, 900)
    assert refused((await opened(processor, 101))[1])


@pytest.mark.parametrize("length", [None, "", "-5", "many", "²", "9" * 5000])
async def test_a_body_of_unknown_size_counts_when_it_is_here(processor: Processor, length: str | None) -> None:
    await opened(processor, 600)
    stream, answer = await opened(processor, length)
    assert not refused(answer)
    assert await body(stream, 401) == 503
