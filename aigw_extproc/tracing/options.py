"""Where traces go, from the command line and OpenTelemetry's environment variables.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

ENDPOINT_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
SERVICE_NAME: Final = "aigw-extproc"
_TRACES_PATH: Final = "/v1/traces"
_PORTS: Final = {"http": 4318, "https": 443}
_ALWAYS: Final = frozenset({"", "always_on", "parentbased_always_on"})
_RATIO: Final = frozenset({"traceidratio", "parentbased_traceidratio"})
_NEVER: Final = frozenset({"always_off", "parentbased_always_off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceOptions:
    """The collector, and the share of requests that it gets."""

    host: str
    port: int
    tls: bool = False
    path: str = _TRACES_PATH
    service_name: str = SERVICE_NAME
    ratio: float = 1.0
    """Of the requests that do not belong to a client's trace, which has decided already."""

    @property
    def url(self) -> str:
        """Where spans are sent."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{self.path}"


def trace_options(endpoint: str | None, environment: Mapping[str, str]) -> TraceOptions | None:
    """Return the options for a collector's URL, such as `http://collector:4318`; None if there are no traces.

    Raises:
        ValueError: the text names the option or variable that cannot be used.
    """
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if not endpoint or off or environment.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return None
    protocol = environment.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    if protocol != "http/protobuf":
        raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol} is not supported; use http/protobuf")
    url = urlsplit(endpoint)
    if "@" in url.netloc:
        raise ValueError("--otlp: the URL has a user or password, which others could read; leave it out")
    if url.scheme not in _PORTS or not url.hostname or url.query:
        raise ValueError(f"--otlp {endpoint!r} is not the URL of a collector, such as http://127.0.0.1:4318")
    try:
        port = url.port or _PORTS[url.scheme]
    except ValueError:
        raise ValueError(f"--otlp {endpoint!r} has no valid port, such as http://127.0.0.1:4318") from None
    return TraceOptions(
        host=url.hostname,
        port=port,
        tls=url.scheme == "https",
        path=url.path.rstrip("/") + _TRACES_PATH,
        service_name=environment.get("OTEL_SERVICE_NAME") or SERVICE_NAME,
        ratio=_ratio(environment),
    )


def _ratio(environment: Mapping[str, str]) -> float:
    sampler, text = environment.get("OTEL_TRACES_SAMPLER", ""), environment.get("OTEL_TRACES_SAMPLER_ARG", "1")
    if sampler in _ALWAYS:
        return 1.0
    if sampler in _NEVER:
        return 0.0
    if sampler not in _RATIO:
        raise ValueError(f"OTEL_TRACES_SAMPLER={sampler} is not supported; use parentbased_traceidratio")
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise ValueError(f"OTEL_TRACES_SAMPLER_ARG={text} is not a share between 0 and 1, such as 0.1")
    return ratio
