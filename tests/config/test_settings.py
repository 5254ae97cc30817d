"""Tests for aigw_extproc.config.compile.settings: annotations."""

from __future__ import annotations

import pytest

from tests.config.sample import compiled, problems, sample

NAME = "aigw-extproc/fetch-images-from"
NAMES = "aigw-extproc/anthropic-names"
ANNOTATED = "metadata: {{name: service, annotations: {{{name}: {value!r}}}}}"


def annotated(value: str, name: str = NAME) -> str:
    return sample(("metadata: {name: service}", ANNOTATED.format(name=name, value=value)))


@pytest.mark.parametrize(("value", "known"), [("true", True), ("false", False)])
def test_anthropics_names(value: str, known: bool) -> None:
    assert compiled(annotated(value, NAMES)).snapshot.rules[0].backends[0].settings.anthropic_names is known


def test_invalid_setting_of_anthropics_names() -> None:
    [problem] = problems(annotated("yes", NAMES))
    assert problem.endswith(f"metadata.annotations.{NAMES}: must be 'true' or 'false', got 'yes'")


@pytest.mark.parametrize(
    ("value", "hosts"),
    [
        ("images.example.com", ("images.example.com",)),
        ("*.Example.com , 192.0.2.1,localhost", ("*.example.com", "192.0.2.1", "localhost")),
    ],
)
def test_hosts_of_images(value: str, hosts: tuple[str, ...]) -> None:
    assert compiled(annotated(value)).snapshot.rules[0].backends[0].settings.fetch_images_from == hosts


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("", ""),
        ("a.example.com,", ""),
        ("*", "*"),
        ("a.*.com", "a.*.com"),
        ("https://a.example.com", "https://a.example.com"),
        ("a.example.com:443", "a.example.com:443"),
        ("a.example.com.", "a.example.com."),
        ("-a.example.com", "-a.example.com"),
    ],
)
def test_invalid_hosts_of_images(value: str, host: str) -> None:
    at = f"AIServiceBackend default/service: metadata.annotations.{NAME}"
    [problem] = problems(annotated(value))
    assert problem.endswith(f"{at}: must be hosts such as 'a.example.com' or '*.example.com', got {host!r}")


def test_places_of_cache_points() -> None:
    [rule] = compiled(annotated("tools, turns").replace(NAME, "aigw-extproc/cache-points")).snapshot.rules
    assert rule.backends[0].settings.cache_points == ("tools", "turns")


@pytest.mark.parametrize(("value", "place"), [("", ""), ("system,messages", "messages"), ("true", "true")])
def test_invalid_places_of_cache_points(value: str, place: str) -> None:
    [problem] = problems(annotated(value).replace(NAME, "aigw-extproc/cache-points"))
    assert problem.endswith(f"aigw-extproc/cache-points: must be a list of tools, system, turns, got {place!r}")


@pytest.mark.parametrize("value", ["", "a|b", "x" * 257])
def test_invalid_keys_of_metadata(value: str) -> None:
    [problem] = problems(annotated(value).replace(NAME, "aigw-extproc/client-metadata"))
    assert problem.endswith(f"must be a key of Bedrock's requestMetadata, such as 'client', got {value!r}")


@pytest.mark.parametrize(("value", "seconds"), [("0", 0.0), ("2.5", 2.5)])
def test_seconds_between_pings(value: str, seconds: float) -> None:
    [rule] = compiled(annotated(value).replace(NAME, "aigw-extproc/ping-seconds")).snapshot.rules
    assert rule.backends[0].settings.ping_seconds == seconds


@pytest.mark.parametrize(
    ("setting", "value", "least"),
    [
        ("ping-seconds", "soon", "0"),
        ("ping-seconds", "-1", "0"),
        ("silence-seconds", "0", "0.1"),
        ("ping-seconds", "inf", "0"),
    ],
)
def test_invalid_seconds(setting: str, value: str, least: str) -> None:
    [problem] = problems(annotated(value).replace(NAME, f"aigw-extproc/{setting}"))
    assert problem.endswith(f"aigw-extproc/{setting}: must be a number of seconds, {least} or more, got {value!r}")
