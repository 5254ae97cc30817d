"""Tests for aigw_extproc.config.compile.settings: annotations with lists."""

from __future__ import annotations

import pytest

from tests.config.sample import compiled, problems, sample

NAME = "aigw-extproc/fetch-images-from"
ANNOTATED = "metadata: {{name: service, annotations: {{" + NAME + ": {value!r}}}}}"


def annotated(value: str) -> str:
    return sample(("metadata: {name: service}", ANNOTATED.format(value=value)))


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
