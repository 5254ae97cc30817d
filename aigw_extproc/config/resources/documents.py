"""Strict parsing of YAML (many documents) or JSON into plain values, with the place of each document.

Of YAML 1.1's implicit types only true/false, null and decimal integers are recognised: a date, `1.0`, `on`, `0x10` or
`1:30` stays text, since no field of the formats needs another type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import yaml

from aigw_extproc.config.resources.findings import Findings, Place

_MAX_DEPTH: Final = 100  # the deepest known resource, a pod template, has 12 levels
_TOO_DEEP: Final = f"nested more than {_MAX_DEPTH} levels deep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One resource, before its kind is known."""

    place: Place
    """Of the resource, by its kind and name where these can be read."""
    value: Mapping[str, object]


def parse(file: str, text: str, findings: Findings) -> Iterator[Document]:
    """Yield the resources in a file's text and the items of a `kind: List`, and record what cannot be parsed."""
    values = _json if file.endswith(".json") else _yaml
    for number, value in enumerate(values(file, text, findings), start=1):
        yield from _resources(value, Place(findings=findings, file=file, resource=f"document {number}"))


def _resources(value: object, place: Place) -> Iterator[Document]:
    if isinstance(value, dict) and isinstance(value.get("items"), list) and str(value.get("kind")).endswith("List"):
        for index, item in enumerate(value["items"]):
            yield from _resource(item, _named(place, f"{place.resource}, item {index + 1}"))
    elif value is not None:  # `---` twice, or comments only
        yield from _resource(value, place)


def _resource(value: object, place: Place) -> Iterator[Document]:
    if isinstance(value, dict):
        yield Document(place=_named(place, _title(value) or place.resource), value=value)
    else:
        place.problem(f"expected a resource with apiVersion, kind and metadata, got {place.show(value)}")


def _named(place: Place, resource: str) -> Place:
    return Place(findings=place.findings, file=place.file, resource=resource)


def _title(value: Mapping[str, object]) -> str | None:
    kind, metadata = value.get("kind"), value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not (isinstance(kind, str) and isinstance(metadata, dict) and isinstance(name, str)):
        return None
    return f"{kind} {metadata.get('namespace') or 'default'}/{name}"


def _unreadable(file: str, findings: Findings, document: int, message: str) -> None:
    findings.complete = False
    Place(findings=findings, file=file, resource=f"document {document}").problem(message)


# --- YAML -------------------------------------------------------------------------------------------------------


class _Loader(yaml.CSafeLoader):
    """The safe loader with fewer implicit types, which collects duplicate keys."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.duplicates: list[tuple[str, yaml.Mark]] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        seen: set[str] = set()
        for key in keys:
            if key.value in seen:
                self.duplicates.append((key.value, key.start_mark))
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_IMPLICIT: Final = (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("merge", r"^<<$", "<"),
)
for _tag, _pattern, _first in _IMPLICIT:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def _yaml(file: str, text: str, findings: Findings) -> Iterator[object]:
    deep = _too_deep(text)
    if deep is not None:
        _unreadable(file, findings, 1, f"{deep}{_TOO_DEEP}")
        return
    number = 0
    loader = _Loader(text)
    try:
        while loader.check_data():  # type: ignore[no-untyped-call]  # missing in the stubs
            number += 1
            value = loader.get_data()
            for key, mark in loader.duplicates:
                _unreadable(file, findings, number, f"{_position(mark)}duplicate key '{key}'")
            if not loader.duplicates:
                yield value
            loader.duplicates.clear()
    except yaml.MarkedYAMLError as error:
        where = _position(error.problem_mark or error.context_mark)
        _unreadable(file, findings, max(number, 1), f"{where}not valid YAML: {error.problem or error.context}")
    except yaml.YAMLError as error:  # a character that YAML does not allow
        reason = getattr(error, "reason", "it cannot be read")
        _unreadable(file, findings, max(number, 1), f"not valid YAML: {reason}")
    finally:
        loader.dispose()


def _too_deep(text: str) -> str | None:
    """Return where a text is nested too deeply: the C loader recurses without a limit and would crash the process."""
    depth = 0
    with suppress(yaml.YAMLError):  # the loader reports it
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:
                return _position(event.start_mark)
    return None


def _position(mark: Any) -> str:  # the C parser has a mark class of its own
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""


# --- JSON -------------------------------------------------------------------------------------------------------


class _Duplicate(ValueError):
    pass


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    built = dict(pairs)
    if len(built) == len(pairs):
        return built
    names = [name for name, _ in pairs]
    raise _Duplicate(next(name for name in names if names.count(name) > 1))


def _json(file: str, text: str, findings: Findings) -> Iterator[object]:
    try:
        yield json.loads(text, object_pairs_hook=_unique, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        _unreadable(file, findings, 1, f"{where}: not valid JSON: {error.msg}")
    except _Duplicate as error:
        _unreadable(file, findings, 1, f"not valid JSON: duplicate key '{error}'")
    except RecursionError:
        _unreadable(file, findings, 1, _TOO_DEEP)
