"""Tests for aigw_extproc.wire."""

from __future__ import annotations

import msgspec
import pytest

from aigw_extproc import wire
from aigw_extproc.errors import InvalidRequest


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


def test_nested_too_deeply() -> None:
    with pytest.raises(InvalidRequest) as raised:
        wire.decode(msgspec.json.Decoder(list), b"[" * 100_000)
    assert raised.value.message == "the request body is nested too deeply"


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
