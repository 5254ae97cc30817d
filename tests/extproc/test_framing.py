"""Tests for aigw_extproc.extproc.framing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.extproc.framing import FramingError, MessageDecoder, frame

LIMIT = 1000


def decoded(data: bytes, cuts: list[int]) -> list[bytes]:
    """Return the messages in `data`, which the decoder gets in pieces cut at `cuts`."""
    decoder = MessageDecoder(LIMIT)
    messages = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        decoder.feed(data[start:end])
        while (message := decoder.next_message()) is not None:
            messages.append(message)
    return messages


def test_a_message_is_prefixed_with_its_length() -> None:
    assert frame(b"abc") == b"\x00\x00\x00\x00\x03abc"


@given(messages=st.lists(st.binary(max_size=300)), data=st.data())
def test_messages_are_decoded_wherever_they_are_cut(messages: list[bytes], data: st.DataObject) -> None:
    sent = b"".join(map(frame, messages))
    cuts = data.draw(st.lists(st.integers(0, len(sent))).map(sorted))
    assert decoded(sent, cuts) == messages
    assert decoded(sent, list(range(len(sent)))) == messages


@pytest.mark.parametrize("sent", [b"\x00\x00", frame(b"abc")[:-1]], ids=["prefix", "message"])
def test_an_incomplete_message_is_not_returned(sent: bytes) -> None:
    assert decoded(sent, []) == []


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"\x01\x00\x00\x00\x03abc", "compressed messages are not supported"),
        (b"\x00\x00\x00\x03\xe9", "a message of 1001 bytes, expected no more than 1000 bytes"),
    ],
    ids=["compressed", "too long"],
)
def test_an_invalid_message_is_refused_at_its_prefix(sent: bytes, error: str) -> None:
    with pytest.raises(FramingError) as raised:
        decoded(sent, [])
    assert str(raised.value) == error
