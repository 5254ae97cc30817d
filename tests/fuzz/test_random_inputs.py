"""A small share of the random inputs that `make soak` tries: complete exchanges, and files."""

from __future__ import annotations

from tests.soak.inputs import try_inputs

INPUTS = 5_000


def test_no_random_input_has_an_unforeseen_end() -> None:
    assert try_inputs(INPUTS, seed="test") == []
