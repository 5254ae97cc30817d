"""What is kept of exchanges, and what of an exchange with attempts."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import msgspec

from aigw_extproc.config.traffic import Failover, Retry
from aigw_extproc.errors import CredentialsUnavailable
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import AttemptHeaders, Delegate, RequestBody, RequestHeaders, ResponseBody
from aigw_extproc.exchange.spending import spent
from aigw_extproc.metrics import Timeline
from aigw_extproc.page.traffic import MAX_NAME, MAX_RECORDS, Record, Recorder, exchanges
from tests.test_exchange import NOW, POST, exchange, request, response, send

ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "secret of the model"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
}


def served(**fields: Any) -> Exchange:
    body = {"model": "m", "messages": [{"role": "user", "content": "secret of the client"}], **fields}
    one = exchange()
    send(one, *request(json.dumps(body).encode()))
    send(one, response(), ResponseBody(json.dumps(ANSWER).encode(), end_of_stream=True))
    return one


def timeline(**times: float) -> Timeline:
    return Timeline(started=100.0, ended=100.5, **times)


def recorded(*ones: Exchange) -> tuple[Record, ...]:
    recorder = Recorder(clock=lambda: NOW)
    for one in ones:
        recorder.record(one, timeline(), spent(one.outcome))
    assert recorder.count == len(ones)
    return recorder.records


def test_an_exchange_that_was_served() -> None:
    assert recorded(served(seed=7)) == (
        Record(
            started=NOW - 0.5,
            seconds=0.5,
            first_piece=None,
            request_id="our-id",
            attempt=False,
            operation="chat",
            client="",
            model="m",
            request_model="m",
            backend="default/b",
            stream=False,
            status=200,
            code="",
            input_tokens=3,
            output_tokens=2,
            cached_tokens=0,
            dropped=("seed",),
        ),
    )


def test_what_it_has_cost() -> None:
    one = served()
    found = spent(one.outcome)
    assert found is not None
    recorder = Recorder()
    recorder.record(one, timeline(), msgspec.structs.replace(found, cost=1234, estimated=True))
    (record,) = recorder.records
    assert (record.cost, record.estimated) == (1234, True)


def test_how_an_exchange_ends() -> None:
    refused, gone = exchange(), exchange()
    send(refused, *request(b'{"model": "unknown", "messages": []}'))
    send(gone, *request())
    assert [(each.status, each.outcome, each.failed) for each in recorded(served(), refused, gone)] == [
        (200, "ok", False),
        (404, "model_not_found", True),
        (0, "disconnected", True),
    ]


def test_no_content_is_kept() -> None:
    assert b"secret" not in msgspec.json.encode(recorded(served()))


def test_long_names_are_cut() -> None:
    long = "x" * 2000
    one = exchange()
    send(one, *request(json.dumps({"model": long, "messages": []}).encode(), **{"x-request-id": long}))
    (record,) = recorded(one)
    assert len(record.request_id) == MAX_NAME


def test_the_last_ones_take_little_memory() -> None:
    one = served(**{f"field{number}-{'x' * 300}": 1 for number in range(500)})
    recorder = Recorder()
    tracemalloc.start()
    try:
        for _ in range(3 * MAX_RECORDS):
            recorder.record(one, timeline(), spent(one.outcome))
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(recorder.records) == MAX_RECORDS
    assert recorder.count == 3 * MAX_RECORDS
    assert used < 5_000_000


def test_a_request_has_the_tokens_of_its_last_attempt() -> None:
    failover = Failover(cluster="default/r/rule/0", hosts=("a.attempt",), retry=Retry(retries=1))
    whole = exchange(failover=failover)
    delegated = send(whole, *request())
    assert isinstance(delegated, Delegate)
    headers = {**POST, **dict(delegated.set_headers)}
    first, second = exchange(failover=failover), exchange(failover=failover)
    send(first, AttemptHeaders(headers, "a.attempt"))
    first.fail(CredentialsUnavailable("none"))
    send(second, AttemptHeaders(headers, "a.attempt"), RequestBody(request()[1].body))
    send(second, response(), ResponseBody(json.dumps(ANSWER).encode(), end_of_stream=True))
    send(whole, response())
    recorder = Recorder(clock=iter([NOW, NOW + 1, NOW + 2]).__next__)
    for one in (first, second, whole):
        recorder.record(one, timeline(), spent(one.outcome))
    (found,) = exchanges(recorder.records)
    assert [(each.status, each.outcome) for each in found.attempts] == [(503, "upstream_credentials"), (200, "ok")]
    request_ = found.request
    assert (request_.attempt, request_.outcome, request_.model) == (False, "ok", "m")
    assert (request_.backend, request_.input_tokens, request_.output_tokens) == ("default/b", 3, 2)


def test_the_newest_are_first_and_not_too_many() -> None:
    (record,) = recorded(served())
    records = [msgspec.structs.replace(record, started=float(number)) for number in range(2 * MAX_RECORDS)]
    found = exchanges(reversed(records))
    assert [each.request.started for each in found] == [
        float(n) for n in range(2 * MAX_RECORDS - 1, MAX_RECORDS - 1, -1)
    ]


def test_a_stream_has_the_time_of_its_first_piece() -> None:
    one = exchange()
    headers, _ = request()
    send(one, RequestHeaders(headers.headers, end_of_stream=False))
    send(one, RequestBody(b'{"model":"m","messages":[{"role":"user","content":"Hi."}],"stream":true}'))
    recorder = Recorder(clock=lambda: NOW)
    recorder.record(one, timeline(first_piece=100.25), None)
    (record,) = recorder.records
    assert (record.stream, record.first_piece) == (True, 0.25)
