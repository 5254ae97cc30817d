"""Smoke tests of the benchmark: every figure is reported, and failed requests are detected. Times are not checked."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from aigw_extproc.extproc.transport import TRANSPORTS
from benchmarks.load import Request, run
from benchmarks.measure import Measurement
from benchmarks.report import Report
from benchmarks.scenarios import CHAT, CHAT_LATENCY, SCENARIOS, STREAM
from benchmarks.stacks import ALONE, STACKS
from benchmarks.traffic import chat_request, converse_frames

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, str]:
    """The report of a quick run, and its output."""
    file = tmp_path_factory.mktemp("bench") / "results.json"
    command = (sys.executable, "-m", "benchmarks", "--only", "gateway", "--quick", "--json", str(file))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(file.read_bytes(), type=Report), done.stdout


def _messages(report: Report, stack: str, scenario: str) -> float:
    return next(one.messages for one in report.measurements if (one.stack, one.scenario) == (stack, scenario))


def test_every_scenario_runs_on_every_stack(results: tuple[Report, str]) -> None:
    ran = [(one.scenario, one.stack) for one in results[0].measurements]
    assert ran == [(scenario.name, stack.name) for scenario in SCENARIOS for stack in STACKS]


def test_figures_are_measured_for_every_process(results: tuple[Report, str]) -> None:
    def roles(one: Measurement) -> set[str]:
        return set(one.cpu_us) & set(one.resident_mb)

    reported = {one.stack: roles(one) for one in results[0].measurements}
    with_processor = {"envoy", "processor", "upstream"}
    others = {stack.name: with_processor for stack in STACKS if stack is not ALONE}
    assert reported == {ALONE.name: {"envoy", "upstream"}, **others}


def test_chat_takes_four_messages_and_none_without_a_processor(results: tuple[Report, str]) -> None:
    counts = {
        (stack.name, scenario.name): _messages(results[0], stack.name, scenario.name)
        for stack in STACKS
        for scenario in (CHAT, CHAT_LATENCY)
    }
    assert counts == {(stack, scenario): 0 if stack == ALONE.name else 4 for stack, scenario in counts}


@pytest.mark.parametrize("stack", [stack.name for stack in STACKS if stack is not ALONE])
def test_frames_reach_the_processor_one_by_one(results: tuple[Report, str], stack: str) -> None:
    messages, pieces = _messages(results[0], stack, STREAM.name), len(converse_frames())
    # The headers in both directions, the request's body, the frames and the end; a busy machine joins a few of them.
    assert pieces * 0.5 < messages <= 3 + pieces + 1


def test_the_table_names_every_scenario_and_stack(results: tuple[Report, str]) -> None:
    printed = results[1]
    assert [name for name in (*SCENARIOS, *STACKS) if name.name not in printed] == []


def test_each_bound_is_reported(results: tuple[Report, str]) -> None:
    budgets = [
        f"{transport}: ours beyond the no-op, CPU per {what}"
        for transport in TRANSPORTS
        for what in ("exchange", "chunk")
    ]
    ratios = [f"{who}: CPU per exchange on grpc over that on http2" for who in ("no-op", "ours")]
    assert [bound.what for bound in results[0].bounds] == [*budgets, *ratios]


def test_the_request_has_200_bytes() -> None:
    assert len(chat_request(stream=False)) == 200


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[int]:
    """Run a server that handles every connection with `answer`; yields its port."""
    running = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with running:
        yield running.sockets[0].getsockname()[1]


async def test_another_status_is_a_failure() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await reader.readuntil(b"{}")
            writer.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno")

    request = Request(path="/", body=b"{}", expected=b"")
    async with server(refuse) as port:
        load = await run(port, request, connections=1, count=2, limit=10)
    assert load.failures == [b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno"] * 2


async def test_a_response_without_the_expected_bytes_is_a_failure() -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n")

    request = Request(path="/", body=b"{}", expected=b"yes")
    async with server(other) as port:
        load = await run(port, request, connections=1, count=1, limit=10)
    assert load.failures == [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"]


async def test_a_lost_connection_fails_its_request_and_the_remaining_ones() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.close()

    request = Request(path="/", body=b"{}", expected=b"")
    async with server(hang_up) as port:
        load = await run(port, request, connections=1, count=3, limit=10)
    assert load.failures == [b"the connection was lost: "] + [b"not sent: every connection was lost"] * 2
