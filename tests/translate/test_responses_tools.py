"""Calls of the client's tools in a response: valid by the types of OpenAI's SDK, and the input decoded as it comes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseOutputItem, ResponseStreamEvent
from pydantic import TypeAdapter

from aigw_extproc.translate.clients.chat import text_input
from aigw_extproc.translate.clients.chat.text_input import TextInput
from tests.translate import goldens
from tests.translate.goldens import RESPONSES

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
ITEM: TypeAdapter[Any] = TypeAdapter(ResponseOutputItem)
CASES = [case for case in goldens.cases("streams", RESPONSES) if "client_tools" in goldens.read(case)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_items_and_events_are_valid(case: Any) -> None:
    events = goldens.read(case)["data"]
    for event in events[2:-1]:
        EVENT.validate_python(event, strict=True)
    for item in events[-1]["response"]["output"]:
        ITEM.validate_python(item, strict=True)


def decoded(fragments: list[str]) -> str:
    decoder = TextInput()
    return "".join([*map(decoder.feed, fragments), decoder.close()])


def cut(text: str, positions: list[int]) -> list[str]:
    ends = sorted({position % (len(text) + 1) for position in positions})
    return [text[begin:end] for begin, end in zip([0, *ends], [*ends, len(text)], strict=True)]


@given(text=st.text(), positions=st.lists(st.integers(0, 400)), ascii_only=st.booleans())
def test_the_input_is_decoded_wherever_it_is_cut(text: str, positions: list[int], ascii_only: bool) -> None:
    for arguments in (text_input.encode(text), json.dumps({"input": text}, ensure_ascii=ascii_only)):
        assert decoded(cut(arguments, positions)) == text


@given(st.lists(st.text(alphabet='\\"u0dD8cn{}:input ')))
def test_any_text_is_decoded(fragments: list[str]) -> None:
    decoded(['{"input":"', *fragments])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"input": "a\\qb"}', "a\\qb"),
        ('{"input": "a\\u12"}', "a\\u12"),
        ('{"input": "a\\ud800b\\udc00"}', "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"),
        ('{"other": 1, "input": "a"}', "a"),
        ('{"input": 1}', '{"input": 1}'),
        ("", ""),
    ],
)
def test_input_that_is_not_as_asked_for_is_kept(arguments: str, text: str) -> None:
    assert decoded([arguments]) == text
    assert decoded(list(arguments)) == text
