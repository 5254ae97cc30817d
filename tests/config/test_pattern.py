"""Tests for aigw_extproc.config.pattern."""

import pytest

from aigw_extproc.config.pattern import InvalidPattern, Pattern


@pytest.mark.parametrize(
    ("text", "value", "matches"),
    [
        ("us|eu", "us", True),
        ("us|eu", "use", False),
        ("", "", True),
        ("", "a", False),
        ("m.", "mé", True),
        (".*", "a\nb", False),
        ("(a)(b)", "ab", True),
        ("a*", "a" * 60_000, True),
        ("a*", "a" * 60_000 + "b", False),
    ],
)
def test_a_pattern_matches_the_entire_value(text: str, value: str, matches: bool):
    pattern = Pattern(text)
    assert (pattern.matches(value), pattern.matches(value)) == (matches, matches)


def test_a_pattern_selects_the_values_that_it_matches():
    assert Pattern("us[.].*").select(["us.a", "eu.a", "a.us.b", "us."]) == ["us.a", "us."]


def test_patterns_are_equal_if_their_texts_are():
    """A reload that changes nothing else is noticed by it."""
    assert Pattern("a") == Pattern("a")
    assert Pattern("a") != Pattern("b")
    assert len({Pattern("a"), Pattern("a"), Pattern("b")}) == 2


@pytest.mark.parametrize("text", ["(?=a)", "(?<!a)b", r"(a)\1", "a(", "[", "a{1001}"])
def test_what_re2_refuses_is_refused_with_a_reason(text: str):
    with pytest.raises(InvalidPattern) as raised:
        Pattern(text)
    assert not str(raised.value).startswith("b'")
