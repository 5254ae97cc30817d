"""Settings of a backend that the format has no fields for: annotations of its AIServiceBackend.

Kubernetes accepts any annotation, so a file with these settings can still be applied to a cluster.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import yaml

from aigw_extproc.bedrock.families import Families, builtin
from aigw_extproc.bedrock.prices import InvalidPrice, Price, PriceRow, Prices, price
from aigw_extproc.bedrock.prices import builtin as builtin_prices
from aigw_extproc.config.resources.decode import suggestion
from aigw_extproc.config.resources.documents import NOT_YAML
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.snapshot import BackendSettings
from aigw_extproc.wire import split_fault

PREFIX: Final = "aigw-extproc/"
CACHE_POINTS: Final = ("tools", "system", "turns")

_HOSTS = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, requestMetadata
_METADATA_KEY = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}", re.ASCII)


class _InvalidSetting(Exception):
    """The value of an annotation is invalid, for the reason in the text."""


def compile_settings(annotations: Mapping[str, Any], place: Place) -> BackendSettings:
    """Return the settings in a backend's annotations, and record problems at `place`."""
    settings: dict[str, Any] = {}
    for name, value in annotations.items():
        setting = name.removeprefix(PREFIX)
        if setting == name:
            continue
        annotation = place.field(name)
        if setting not in _SETTINGS:
            known = (PREFIX + setting for setting in _SETTINGS)
            annotation.problem(f"unknown annotation{suggestion(name, known, cutoff=0.8)}")
            continue
        field, parse = _SETTINGS[setting]
        try:
            settings[field] = parse(value)
        except _InvalidSetting as fault:
            annotation.problem(str(fault))
    return BackendSettings(**settings)


def compile_route_prices(annotations: Mapping[str, Any] | None, place: Place) -> Mapping[str, Price]:
    """Return the prices in a route's annotation, and record problems at `place`."""
    value = (annotations or {}).get(PREFIX + _PRICES)
    if value is None:
        return {}
    try:
        return _price_rows(value)
    except _InvalidSetting as fault:
        place.field(PREFIX + _PRICES).problem(str(fault))
        return {}


def _one_of(*choices: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in choices:
            raise _InvalidSetting(f"must be {' or '.join(map(repr, choices))}, got {value!r}")
        return str(value)

    return parse


def _flag(value: Any) -> bool:
    return _one_of("true", "false")(value) == "true"


def _seconds(least: float) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            seconds = math.nan
        if not least <= seconds < math.inf:
            raise _InvalidSetting(f"must be a number of seconds, {least:g} or more, got {value!r}")
        return seconds

    return parse


def _cache_points(value: Any) -> tuple[str, ...]:
    """Parse a list of places: `tools, system, turns`."""
    places = tuple(place.strip() for place in str(value).split(","))
    for place in places:
        if place not in CACHE_POINTS:
            raise _InvalidSetting(f"must be a list of {', '.join(CACHE_POINTS)}, got {place!r}")
    return places


def _hosts(value: Any) -> tuple[str, ...]:
    """Parse a list of host patterns: `images.example.com, *.cdn.example.com`."""
    hosts = tuple(host.strip().lower() for host in str(value).split(","))
    for host in hosts:
        if not _HOSTS.fullmatch(host):
            raise _InvalidSetting(f"must be hosts such as 'a.example.com' or '*.example.com', got {host!r}")
    return hosts


def _metadata_key(value: Any) -> str:
    if not isinstance(value, str) or _METADATA_KEY.fullmatch(value) is None:
        raise _InvalidSetting(f"must be a key of Bedrock's requestMetadata, such as 'client', got {value!r}")
    return value


def _families(value: Any) -> Families:
    """Parse rows of `families.toml`, in YAML: `{"anthropic.claude-x": {"prefill": false}}`."""
    try:
        rows = yaml.safe_load(value) if isinstance(value, str) else value
        return builtin().overridden(msgspec.convert(rows, dict[str, dict[str, Any]]))
    except msgspec.ValidationError as error:
        fault, path = split_fault(str(error))
        raise _InvalidSetting(
            f"{fault}{f' at {path}' if path else ''}; `aigw-extproc models` lists the facts"
        ) from None
    except NOT_YAML:
        raise _InvalidSetting("must be YAML: facts by the prefix of a model id") from None


def _prices(value: Any) -> Prices:
    return builtin_prices().overridden(_price_rows(value))


def _price_rows(value: Any) -> Mapping[str, Price]:
    """Parse prices in YAML: `{us.amazon.nova-micro-v1:0: {input: 0.035, output: 0.14}}`. All scalars are texts."""
    if not isinstance(value, str):
        raise _InvalidSetting("must be a text, in YAML: prices by the id of a model")
    try:
        plain = yaml.load(value, yaml.CBaseLoader)  # noqa: S506 - makes texts, lists and mappings
        rows = msgspec.convert(plain, dict[str, PriceRow], strict=False)
    except msgspec.ValidationError as error:
        fault, path = split_fault(str(error))
        raise _InvalidSetting(f"{fault}{f' at {path}' if path else ''}; docs/costs.md lists the fields") from None
    except NOT_YAML:
        raise _InvalidSetting("must be YAML: prices by the id of a model") from None
    found: dict[str, Price] = {}
    for model, row in rows.items():
        try:
            found[model] = price(row, "annotation")
        except InvalidPrice as fault:
            raise _InvalidSetting(f"{model}: {fault}") from None
    return found


_PRICES: Final = "prices"
_SETTINGS: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "backend-header": ("backend_header", _flag),
    "cache-points": ("cache_points", _cache_points),
    "client-metadata": ("client_metadata", _metadata_key),
    "dropped-parameters": ("dropped_parameters", _one_of("report", "refuse")),
    "fetch-images": ("fetch_images", _flag),
    "fetch-images-from": ("fetch_images_from", _hosts),
    "anthropic-names": ("anthropic_names", _flag),
    "model-families": ("families", _families),
    "ping-seconds": ("ping_seconds", _seconds(0)),
    _PRICES: ("prices", _prices),
    "silence-seconds": ("silence_seconds", _seconds(0.1)),
}
"""By the annotation's name without the prefix: the field, and the function that parses its value."""
