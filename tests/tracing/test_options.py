"""Tests for aigw_extproc.tracing.options."""

from __future__ import annotations

import pytest

from aigw_extproc.tracing.options import TraceOptions, trace_options


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("http://collector", "http://collector:4318/v1/traces"),
        ("https://collector.example/otlp/", "https://collector.example:443/otlp/v1/traces"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
    ],
)
def test_the_url_of_a_collector(endpoint: str, url: str) -> None:
    options = trace_options(endpoint, {})
    assert options is not None
    assert options.url == url


@pytest.mark.parametrize(
    ("endpoint", "environment"),
    [
        (None, {}),
        ("", {}),
        ("http://a", {"OTEL_SDK_DISABLED": "true"}),
        ("http://a", {"OTEL_TRACES_EXPORTER": "none"}),
    ],
)
def test_there_are_no_traces(endpoint: str | None, environment: dict[str, str]) -> None:
    assert trace_options(endpoint, environment) is None


def test_opentelemetrys_variables_are_obeyed() -> None:
    environment = {
        "OTEL_SERVICE_NAME": "gateway",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.1",
    }
    expected = TraceOptions(host="a", port=4318, service_name="gateway", ratio=0.1)
    assert trace_options("http://a", environment) == expected


def test_a_sampler_can_be_off() -> None:
    options = trace_options("http://a", {"OTEL_TRACES_SAMPLER": "always_off"})
    assert options is not None
    assert options.ratio == 0


@pytest.mark.parametrize(
    ("endpoint", "environment", "message"),
    [
        ("collector:4318", {}, "is not the URL of a collector"),
        ("grpc://a", {}, "is not the URL of a collector"),
        ("http://key:secret@a", {}, "the URL has a user or password"),
        ("http://a:99999", {}, "has no valid port"),
        ("http://a", {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "grpc is not supported; use http/protobuf"),
        ("http://a", {"OTEL_TRACES_SAMPLER": "xray"}, "OTEL_TRACES_SAMPLER=xray is not supported"),
        ("http://a", {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"}, "between 0 and 1"),
        ("http://a", {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "x"}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_used_is_named(endpoint: str, environment: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        trace_options(endpoint, environment)
    assert "secret" not in str(caught.value)
