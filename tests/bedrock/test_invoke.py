"""Tests for aigw_extproc.bedrock.invoke."""

from __future__ import annotations

import pytest

from aigw_extproc.bedrock.invoke import INPUT_TOKENS_HEADER, input_tokens


@pytest.mark.parametrize(("value", "tokens"), [("7", 7), ("", 0), ("-1", 0), ("x", 0), ("9" * 5000, 0)])
def test_the_header_of_an_upstream_may_be_anything(value: str, tokens: int) -> None:
    assert input_tokens({INPUT_TOKENS_HEADER: value}) == tokens
