"""Tests for aigw_extproc.wire."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc import wire
from aigw_extproc.errors import InvalidRequest, RequestTooLarge


class Inner(msgspec.Struct):
    size: int
    raw: msgspec.Raw = msgspec.Raw()


class Outer(msgspec.Struct):
    parts: list[Inner] = []
    by_name: dict[str, int] = {}


DECODER = msgspec.json.Decoder(Outer)


def refused(body: bytes) -> tuple[str, str | None]:
    with pytest.raises(InvalidRequest) as raised:
        wire.decode(DECODER, body)
    return raised.value.message, raised.value.param


def test_a_body_is_decoded() -> None:
    assert wire.decode(DECODER, b'{"parts":[{"size":1}]}') == Outer(parts=[Inner(size=1)])


def test_a_wrong_type_is_reported_with_its_path() -> None:
    assert refused(b'{"parts":[{"size":1},{"size":"x"}]}') == (
        "parts[1].size: Expected `int`, got `str`",
        "parts[1].size",
    )


def test_a_missing_field_is_reported_with_the_path_of_its_object() -> None:
    assert refused(b'{"parts":[{}]}') == ("parts[0]: Object missing required field `size`", "parts[0]")


def test_the_root_has_no_path() -> None:
    assert refused(b"[]") == ("Expected `object`, got `array`", None)


def test_a_value_of_a_dictionary() -> None:
    assert refused(b'{"by_name":{"a":"x"}}') == ("by_name[...]: Expected `int`, got `str`", "by_name[...]")


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_an_empty_body(body: bytes) -> None:
    assert refused(body) == ("the request body is not valid JSON: the body is empty", None)


def test_invalid_json() -> None:
    assert refused(b"{") == ("the request body is not valid JSON: Input data was truncated", None)


def test_invalid_utf_8() -> None:
    message, param = refused(b'{"by_name":{"\xff":1}}')
    assert message.startswith("the request body is not valid JSON: ")
    assert param is None


@pytest.mark.parametrize("raw", [b"", b"null"])
def test_absent_and_null_are_none(raw: bytes) -> None:
    assert wire.given(msgspec.Raw(raw)) is None


def test_other_members_are_unchanged() -> None:
    given = wire.given(msgspec.Raw(b' {"a": 1}'))
    assert given is not None
    assert bytes(given) == b' {"a": 1}'


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Expected `int`, got `str` - at `$.a[0]`", ("Expected `int`, got `str`", "a[0]")),
        ("Expected `int` - at `key in $.a`", ("Expected `int`", "a")),
        ("Expected `object` - at `$`", ("Expected `object`", None)),
        ("Expected `object`", ("Expected `object`", None)),
    ],
)
def test_a_message_of_msgspec_is_split(text: str, parts: tuple[str, str | None]) -> None:
    assert wire.split_fault(text) == parts


# --- structure --------------------------------------------------------------------------------------------------


def parts(value: object) -> Iterator[tuple[bytes, int]]:
    """Yield every separator of a value's JSON and how many there are."""
    if isinstance(value, dict):
        yield from ((b":", len(value)), (b",", max(len(value) - 1, 0)), (b"{", 1))
        for member in value.values():
            yield from parts(member)
    elif isinstance(value, list):
        yield from ((b",", max(len(value) - 1, 0)), (b"[", 1))
        for element in value:
            yield from parts(element)


TEXTS = st.text(st.sampled_from('\\",:[]{}aé\n\u2028'), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=30,
)


@given(VALUES, st.booleans())
def test_separators_are_counted_as_a_parser_sees_them(value: object, ascii_only: bool) -> None:
    outside = wire.outside_strings(json.dumps(value, ensure_ascii=ascii_only).encode())
    counted = dict.fromkeys((b":", b",", b"[", b"{"), 0)
    for separator, count in parts(value):
        counted[separator] += count
    assert {separator: outside.count(separator) for separator in counted} == counted


def message(text: str) -> dict[str, object]:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


SCHEMA = {"type": "object", "properties": {f"p{n}": {"type": "string", "description": "a, b: c"} for n in range(40)}}
TOOLS = [{"type": "function", "function": {"name": f"f{n}", "parameters": SCHEMA}} for n in range(500)]
PROSE = 'He said: "yes, [no], {maybe}", and: so on. \\'
ACCEPTED = {
    "an agent with 500 tools and 5,000 messages": {"tools": TOOLS, "messages": [message("Go on.")] * 5_000},
    "5 MB of prose": {"messages": [message(PROSE * 20_000)] * 6},
    "tool results that are JSON": {"messages": [message(json.dumps(TOOLS[:100]))] * 10},
    "300,000 tokens": {"input": [list(range(100_000, 101_000))] * 300},
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_agents_send_is_accepted(case: str) -> None:
    body = json.dumps(ACCEPTED[case]).encode()
    assert len(body) > 900_000
    wire.check_structure(body)


EXCESSIVE = {
    "unknown fields": b"{" + b",".join(b'"%d":0' % n for n in range(wire.MAX_MEMBERS + 1)) + b"}",
    "objects": b'{"a":[' + b",".join([b'{"":0}'] * (wire.MAX_MEMBERS + 1)) + b"]}",
    "numbers": b"[" + b"0," * wire.MAX_ELEMENTS + b"0]",
    "lists": b"[" * (wire.MAX_ELEMENTS + 1) + b"]" * wire.MAX_ELEMENTS,
    "texts": b"[" + b'"",' * wire.MAX_ELEMENTS + b'""]',
    "many texts": b"[" + b'"",' * (2 * wire.MAX_ELEMENTS) + b'""]',
    "objects, cut off": b'{"a":[' + b'{"":0},' * (2 * wire.MAX_MEMBERS),
}


@pytest.mark.parametrize("case", EXCESSIVE)
def test_a_body_of_too_many_parts_is_refused(case: str) -> None:
    with pytest.raises(RequestTooLarge) as raised:
        wire.check_structure(EXCESSIVE[case])
    what = "100,000 members of objects" if "object" in case or "field" in case else "500,000 elements of arrays"
    message = f"the request body has more than {what}; send fewer or shorter messages and tools"
    assert (raised.value.message, raised.value.status, raised.value.code) == (message, 400, "request_too_large")


@pytest.mark.parametrize("prefix", ['{"a":"', '{"a":"\\"', '{"a":"\\\\",', '{"a":"\\\\\\"', '{"a":"b",'])
@pytest.mark.parametrize("flood", EXCESSIVE)
def test_no_beginning_hides_what_follows(prefix: str, flood: str) -> None:
    text = prefix.encode() + EXCESSIVE[flood].replace(b'"', b"") + b'"' + EXCESSIVE[flood] + b'"}'
    with pytest.raises(RequestTooLarge):
        wire.check_structure(text)


def test_a_long_string_hides_separators_but_not_those_after_it() -> None:
    text = b'{"a":"\\"' + b"[0,:" * wire.MAX_ELEMENTS + b'"'
    wire.check_structure(text + b"}")
    with pytest.raises(RequestTooLarge):
        wire.check_structure(text + b',"b":[' + b"0," * wire.MAX_ELEMENTS + b"0]}")


def test_parts_up_to_the_limit_are_accepted() -> None:
    wire.check_structure(b"{" + b",".join(b'"%6d":0' % n for n in range(wire.MAX_MEMBERS)) + b"}")
    wire.check_structure(b"[" + b'"",' * (wire.MAX_ELEMENTS - 2) + b'""]')
    members = b"{" + b",".join(b'"%6d":""' % n for n in range(wire.MAX_MEMBERS)) + b"}"
    wire.check_structure(b"[" + members + b',""' * (wire.MAX_ELEMENTS - wire.MAX_MEMBERS - 2) + b"]")
