"""Annotations of an AIServiceBackend: what this gateway can be told of a backend that the format has no field for.

An annotation is where Kubernetes keeps what only one program understands, so a file that carries these still applies
to a cluster.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import yaml

from aigw_extproc.bedrock.families import Families, builtin
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.snapshot import BackendSettings
from aigw_extproc.wire import split_fault

PREFIX: Final = "aigw-extproc/"


class _Faulty(Exception):
    """The annotation's value is wrong; the text says how."""


def compile_settings(annotations: Mapping[str, Any], place: Place) -> BackendSettings:
    """The settings in a backend's annotations; what is wrong with them is recorded at `place`."""
    found: dict[str, Any] = {}
    for name, value in annotations.items():
        setting = name.removeprefix(PREFIX)
        if setting == name:
            continue
        where = place.field(name)
        if setting not in _SETTINGS:
            near = difflib.get_close_matches(setting, _SETTINGS, n=1)
            where.problem("unknown annotation" + (f"; did you mean '{PREFIX}{near[0]}'?" if near else ""))
            continue
        field, parse = _SETTINGS[setting]
        try:
            found[field] = parse(value)
        except _Faulty as fault:
            where.problem(str(fault))
    return BackendSettings(**found)


def _word(*words: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in words:
            raise _Faulty(f"must be {' or '.join(map(repr, words))}, got {value!r}")
        return str(value)

    return parse


def _flag(value: Any) -> bool:
    return _word("true", "false")(value) == "true"


def _families(value: Any) -> Families:
    """Rows as in `families.toml`, written in YAML: `{"anthropic.claude-x": {"prefill": false}}`."""
    try:
        rows = yaml.safe_load(value) if isinstance(value, str) else value
        return builtin().overridden(msgspec.convert(rows, dict[str, dict[str, Any]]))
    except yaml.YAMLError:
        raise _Faulty("must hold YAML: facts by the beginning of a model id") from None
    except msgspec.ValidationError as error:
        fault, path = split_fault(str(error))
        raise _Faulty(
            f"{fault}{f' at {path}' if path else ''}; `aigw-extproc models` shows which facts there are"
        ) from None


_SETTINGS: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "dropped-parameters": ("dropped_parameters", _word("report", "refuse")),
    "fetch-images": ("fetch_images", _flag),
    "model-families": ("families", _families),
}
"""By the annotation's name without the prefix: the field, and what makes its value."""
