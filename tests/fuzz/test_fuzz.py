"""Bounded fuzzing: the corpus and mutations of it. `FUZZ_EXAMPLES=20000 pytest tests/fuzz` runs more of them."""

from __future__ import annotations

import os
import struct
import time
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aigw_extproc.bedrock.eventstream import MAX_FRAME_LENGTH, MAX_HEADERS_LENGTH, EventStreamDecoder
from aigw_extproc.errors import ChecksumMismatch
from aigw_extproc.openai import chat
from tests.fuzz import mutations, targets
from tests.translate import goldens

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES") or 1.5 * settings().max_examples)
REQUESTS = ("request", "responses")
INPUTS = [(target, path) for target in targets.TARGETS for path in targets.seeds(target)]

pytestmark = pytest.mark.timeout(120 + EXAMPLES)
fuzzing = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def run(target: str, data: bytes) -> None:
    for check in targets.TARGETS[target]:
        check(data)


@pytest.mark.parametrize(("target", "path"), INPUTS, ids=[f"{target}-{path.stem}" for target, path in INPUTS])
def test_inputs_of_the_corpus(target: str, path: Path) -> None:
    run(target, path.read_bytes())


# Hypothesis draws the choices, so that it can replay them and shorten an input that fails.
choices = st.randoms(use_true_random=False)


@fuzzing
@given(choices)
def test_streams_with_mutated_bytes(random: Random) -> None:
    run("eventstream", mutations.bytewise("eventstream", random))


@fuzzing
@given(choices)
def test_streams_of_valid_frames_with_mutated_payloads(random: Random) -> None:
    run("eventstream", mutations.frames(random))


@pytest.mark.parametrize("target", REQUESTS)
@fuzzing
@given(random=choices)
def test_requests_with_mutated_bytes(target: str, random: Random) -> None:
    run(target, mutations.bytewise(target, random))


@pytest.mark.parametrize("target", REQUESTS)
@fuzzing
@given(random=choices)
def test_requests_with_mutated_values(target: str, random: Random) -> None:
    run(target, mutations.valuewise(target, random))


@fuzzing
@given(choices)
def test_responses_with_mutated_values(random: Random) -> None:
    run("response", mutations.valuewise("response", random))


@fuzzing
@given(choices)
def test_connections_with_mutated_bytes(random: Random) -> None:
    run("http2", mutations.bytewise("http2", random))


def peak_bytes(action: Callable[[], object]) -> int:
    """Return the peak of Python's memory during an action, beyond the memory before it."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        action()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def feed_all(pieces: Iterable[bytes]) -> None:
    decoder = EventStreamDecoder()
    for piece in pieces:
        decoder.feed(piece)
        while decoder.next_frame() is not None:
            pass


def prelude(total_length: int, headers_length: int) -> bytes:
    lengths = struct.pack("!II", total_length, headers_length)
    return lengths + struct.pack("!I", crc32(lengths))


MEGABYTE = 1024 * 1024


def test_an_endless_frame_takes_no_more_memory_than_a_frame_may() -> None:
    endless = [prelude(MAX_FRAME_LENGTH, 0), *[bytes(MEGABYTE)] * 1000]

    def read() -> None:
        with pytest.raises(ChecksumMismatch):
            feed_all(endless)

    assert peak_bytes(read) < 4 * MAX_FRAME_LENGTH


def test_a_long_stream_takes_no_more_memory_than_one_frame() -> None:
    frame = goldens.frame("contentBlockDelta", b'{"delta":{"text":"' + b"x" * 50_000 + b'"}}')
    assert peak_bytes(lambda: feed_all(frame for _ in range(1000))) < MEGABYTE


def test_headers_that_always_differ_are_not_all_cached() -> None:
    def frame(number: int) -> bytes:
        value = b"%06d" % number * 9_000
        headers = b"\x01a\x07" + struct.pack("!H", len(value)) + value
        message = prelude(16 + len(headers), len(headers)) + headers
        return message + struct.pack("!I", crc32(message))

    assert peak_bytes(lambda: feed_all(map(frame, range(600)))) < 64 * 2 * MAX_HEADERS_LENGTH


def test_a_frame_in_single_bytes_is_not_read_again_for_each() -> None:
    data = goldens.frame("contentBlockDelta", b'{"delta":{"text":"' + b"x" * 300_000 + b'"}}')
    began = time.process_time()
    feed_all(data[at : at + 1] for at in range(len(data)))
    assert time.process_time() - began < 5  # 0.3 s; ten times as much if the frame were copied for every byte


def test_memory_grows_linearly_with_the_request() -> None:
    hello = b'{"model":"m","messages":[%b]}'
    message = b'{"role":"user","content":"Hello!"}'
    small, large = (hello % b",".join([message] * count) for count in (1_000, 10_000))
    assert peak_bytes(lambda: chat.parse(large)) < 12 * peak_bytes(lambda: chat.parse(small))
