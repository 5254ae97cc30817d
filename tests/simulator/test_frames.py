"""Frames, decoded by botocore."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer

from aigw_extproc.simulator.frames import encode_frame, event, exception


def decode(data: bytes) -> list[tuple[dict[str, Any], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers, message.payload) for message in buffer]


def test_botocore_decodes_our_frames() -> None:
    assert decode(encode_frame({":a": "b", "ü": "€" * 300}, b"payload") + encode_frame({}, b"")) == [
        ({":a": "b", "ü": "€" * 300}, b"payload"),
        ({}, b""),
    ]


def test_an_event_has_bedrocks_headers_and_padding() -> None:
    ((headers, payload),) = decode(event("messageStart", {"role": "assistant"}))
    assert headers == {
        ":event-type": "messageStart",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    assert json.loads(payload) == {"role": "assistant", "p": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"}


@pytest.mark.parametrize("size", range(60, 70))
def test_padding_hides_the_size(size: int) -> None:
    assert len(event("e", {"text": "x" * size})) == len(event("e", {"text": "x" * 60}))


def test_an_exception_has_its_own_headers() -> None:
    assert decode(exception("throttlingException", "slow down")) == [
        (
            {
                ":exception-type": "throttlingException",
                ":content-type": "application/json",
                ":message-type": "exception",
            },
            b'{"message":"slow down"}',
        )
    ]


@pytest.mark.parametrize("position", [0, 9, 20, -1])
def test_botocore_detects_every_flipped_byte(position: int) -> None:
    frame = bytearray(event("messageStart", {"role": "assistant"}))
    frame[position] ^= 1
    with pytest.raises(ChecksumMismatch):
        decode(bytes(frame))
