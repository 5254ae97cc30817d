"""Delivery of responses over real sockets."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import httpx
import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer

from aigw_extproc.simulator.journal import MAX_ENTRIES
from tests.simulator.running import RunningSimulator
from tests.simulator.signing import HELLO, signed

NO_TLS = ssl.create_default_context()
"""Shared: httpx would load the system's certificates for every client."""

ALL_EVENTS = ["messageStart", *["contentBlockDelta"] * 4, "contentBlockStop", "messageStop", "metadata"]


@contextmanager
def opened(simulator: RunningSimulator, path: str, **headers: str) -> Iterator[httpx.Response]:
    """Open a response; the caller reads its body."""
    now = datetime.fromtimestamp(time.time(), UTC)
    host = f"127.0.0.1:{simulator.port}"
    request = signed(HELLO, path=path, at=now, headers={"host": host, **headers})
    with (
        httpx.Client(timeout=10, verify=NO_TLS) as client,
        client.stream("POST", simulator.url + path, headers=list(request.headers), content=request.body) as response,
    ):
        yield response


def stream(fault: str) -> str:
    return f"/model/simulator.{fault}/converse-stream"


def event_types(chunks: Iterator[bytes]) -> Iterator[str]:
    buffer = EventStreamBuffer()
    for chunk in chunks:
        buffer.add_data(chunk)
        for message in buffer:
            yield message.headers.get(":event-type") or message.headers[":exception-type"]


def all_types(simulator: RunningSimulator, path: str) -> list[str]:
    with opened(simulator, path) as response:
        return list(event_types(response.iter_raw()))


def report_of(simulator: RunningSimulator, request_id: str) -> dict[str, Any]:
    return next(request for request in simulator.requests() if request["id"] == request_id)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if condition():
            return True
    return False


def test_a_stream_has_all_events(simulator: RunningSimulator) -> None:
    assert all_types(simulator, "/model/anthropic.claude-v2/converse-stream") == ALL_EVENTS


@pytest.mark.parametrize(
    ("fault", "types"),
    [
        ("stream-exception", [*ALL_EVENTS[:4], "modelStreamErrorException"]),
        ("stream-exception-2", [*ALL_EVENTS[:2], "modelStreamErrorException"]),
        ("stream-throttling", [*ALL_EVENTS[:4], "throttlingException"]),
        ("stream-exception-first", ["throttlingException"]),
        ("truncated", ALL_EVENTS[:4]),
        ("split", ALL_EVENTS),
        ("split-1", ALL_EVENTS),
        ("slow-1", ALL_EVENTS),
        ("long-200", ["messageStart", *["contentBlockDelta"] * 200, *ALL_EVENTS[-3:]]),
    ],
)
def test_faults_of_streams(simulator: RunningSimulator, fault: str, types: list[str]) -> None:
    assert all_types(simulator, stream(fault)) == types


def test_split_frames_arrive_in_pieces(simulator: RunningSimulator) -> None:
    with opened(simulator, stream("split-7")) as response:
        sizes = [len(chunk) for chunk in response.iter_raw()]
    assert sizes[:-1].count(7) > len(sizes) // 2


def test_a_corrupt_frame_has_a_wrong_checksum(simulator: RunningSimulator) -> None:
    with opened(simulator, stream("corrupt-crc")) as response:
        types = event_types(response.iter_raw())
        assert [next(types), next(types)] == ALL_EVENTS[:2]
        with pytest.raises(ChecksumMismatch):
            next(types)


def test_a_reset_breaks_the_connection_after_some_frames(simulator: RunningSimulator) -> None:
    with opened(simulator, stream("reset-2")) as response:
        types = event_types(response.iter_raw())
        assert [next(types), next(types)] == ALL_EVENTS[:2]
        with pytest.raises(httpx.ReadError):
            next(types)


def test_a_reset_breaks_a_buffered_response(simulator: RunningSimulator) -> None:
    with opened(simulator, "/model/simulator.reset/converse") as response, pytest.raises(httpx.ReadError):
        response.read()


def test_an_early_close_comes_before_the_headers(simulator: RunningSimulator) -> None:
    with pytest.raises(httpx.ReadError), opened(simulator, stream("early-close")):
        pass


def test_a_fault_can_be_named_by_a_header(simulator: RunningSimulator) -> None:
    path = "/model/anthropic.claude-v2/converse-stream"
    with opened(simulator, path, **{"x-simulator-fault": "truncated-1"}) as response:
        assert list(event_types(response.iter_raw())) == ["messageStart"]


def test_a_held_stream_goes_on_with_every_acknowledgement(simulator: RunningSimulator) -> None:
    with opened(simulator, stream("hold")) as response:
        seen = []
        for event_type in event_types(response.iter_raw()):
            seen.append(event_type)
            simulator.acknowledge(response.headers["x-amzn-requestid"])
    assert seen == ALL_EVENTS


def acknowledged_types(simulator: RunningSimulator, started: Barrier) -> list[str]:
    """Return the events of a held stream, which are acknowledged once all streams of the barrier have begun."""
    seen = []
    with opened(simulator, stream("hold")) as response:
        for event_type in event_types(response.iter_raw()):
            if not seen:
                started.wait(timeout=30)
            seen.append(event_type)
            if event_type != ALL_EVENTS[-1]:  # after it the entry is complete, and may be dropped
                simulator.acknowledge(response.headers["x-amzn-requestid"])
    return seen


def test_more_held_streams_than_journal_entries_continue(simulator: RunningSimulator) -> None:
    streams = MAX_ENTRIES + 20
    started = Barrier(streams)
    with ThreadPoolExecutor(streams) as pool:
        all_seen = list(pool.map(lambda _: acknowledged_types(simulator, started), range(streams)))
    assert all_seen == [ALL_EVENTS] * streams


def test_a_held_stream_waits(simulator: RunningSimulator) -> None:
    with opened(simulator, stream("hold")) as response:
        frames = response.iter_raw()
        assert list(event_types(iter([next(frames)]))) == ["messageStart"]
        report = report_of(simulator, response.headers["x-amzn-requestid"])
    assert (report["finished"], report["client_disconnected"]) == (False, False)


def test_a_client_that_disconnects_is_recorded(simulator: RunningSimulator) -> None:
    with opened(simulator, stream("hold")) as response:
        request_id = response.headers["x-amzn-requestid"]
    assert eventually(lambda: report_of(simulator, request_id)["client_disconnected"])


def test_a_hanging_request_is_answered_when_it_is_acknowledged(simulator: RunningSimulator) -> None:
    def hanging() -> list[str]:
        return [request["id"] for request in simulator.requests() if "simulator.hang" in request["path"]]

    with ThreadPoolExecutor(1) as pool:
        types = pool.submit(all_types, simulator, stream("hang"))
        assert eventually(lambda: len(hanging()) == 1)
        assert not types.done()
        simulator.acknowledge(hanging()[0])
        assert types.result() == ALL_EVENTS


def test_a_client_that_stays_is_not_recorded_as_disconnected(simulator: RunningSimulator) -> None:
    with opened(simulator, stream("slow-1")) as response:
        response.read()
        report = report_of(simulator, response.headers["x-amzn-requestid"])
    assert (report["finished"], report["client_disconnected"]) == (True, False)


def test_a_reset_is_not_recorded_as_a_disconnect(simulator: RunningSimulator) -> None:
    with opened(simulator, stream("reset-1")) as response:
        request_id = response.headers["x-amzn-requestid"]
        with pytest.raises(httpx.ReadError):
            response.read()
    assert report_of(simulator, request_id)["client_disconnected"] is False


def test_an_acknowledgement_of_an_unknown_request_is_refused(simulator: RunningSimulator) -> None:
    assert simulator.client.post(f"{simulator.url}/simulator/requests/none/acknowledge").status_code == 404


def test_two_hundred_streams_at_once_are_complete(simulator: RunningSimulator) -> None:
    with ThreadPoolExecutor(50) as pool:
        streams = list(pool.map(lambda _: all_types(simulator, stream("slow-1")), range(200)))
    assert streams == [ALL_EVENTS] * 200


def test_health(simulator: RunningSimulator) -> None:
    response = simulator.client.get(f"{simulator.url}/simulator/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_the_faults_are_listed(simulator: RunningSimulator) -> None:
    assert simulator.client.get(f"{simulator.url}/simulator/faults").json()[0] == {
        "name": "throttling",
        "model": "simulator.throttling",
        "description": "429 ThrottlingException; retry-after is the parameter, in seconds",
        "default": 1,
    }


def test_every_answer_has_a_request_id(simulator: RunningSimulator) -> None:
    response = simulator.client.post(f"{simulator.url}/model/x/converse", content=json.dumps(HELLO))
    assert response.headers["x-amzn-requestid"] == simulator.requests()[-1]["id"]
