"""Tests for aigw_extproc.config.compile.settings: the annotation that restricts the hosts of images."""

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
