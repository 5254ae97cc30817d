"""Work beside a block."""

from __future__ import annotations

import asyncio

import pytest

from aigw_extproc.serve.contexts import background


class Failure(Exception):
    """An error of the test."""


async def fail() -> None:
    raise Failure


async def wait(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("cancelled")


async def test_the_work_is_cancelled_at_the_end_of_the_block() -> None:
    ended: list[str] = []
    async with background(wait(ended)):
        await asyncio.sleep(0)
    assert ended == ["cancelled"]


async def test_work_that_fails_ends_the_block_with_its_error() -> None:
    ended: list[str] = []
    with pytest.raises(Failure):
        async with background(fail()):
            await wait(ended)
    assert ended == ["cancelled"]


async def test_an_error_of_a_nested_block_is_not_in_a_group() -> None:
    with pytest.raises(Failure):
        async with background(wait([])), background(wait([])):
            raise Failure
