"""Strict parsing of YAML (many documents) or JSON into plain values, with the place of each document.

Of YAML 1.1's implicit types only true/false, null and decimal integers are recognised: a date, `1.0`, `on`, `0x10` or
`1:30` stays text, since no field of the formats needs another type.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import yaml

from aigw_extproc.config.resources.findings import Findings, Place
from aigw_extproc.config.resources.kinds import OPEN_KINDS
from aigw_extproc.config.resources.names import is_resource_name

_MAX_DEPTH: Final = 100  # the deepest known resource, a pod template, has 12 levels
_KIND: Final = re.compile(r"[A-Z][A-Za-z]*")
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
        yield from _resources(value, Place(findings=findings, file=file, resource=f"document {number}", secret=True))


def _resources(value: object, place: Place) -> Iterator[Document]:
    if isinstance(value, dict) and isinstance(value.get("items"), list) and str(value.get("kind")).endswith("List"):
        for index, item in enumerate(value["items"]):
            yield from _resource(item, replace(place, resource=f"{place.resource}, item {index + 1}"))
    elif value is not None:  # `---` twice, or comments only
        yield from _resource(value, place)


def _resource(value: object, place: Place) -> Iterator[Document]:
    if isinstance(value, dict):
        title = _title(value) or place.resource
        yield Document(place=replace(place, resource=title, secret=_may_hold_secrets(value)), value=value)
    else:
        place.problem(f"expected a resource with apiVersion, kind and metadata, got {place.show(value)}")


def _may_hold_secrets(value: object) -> bool:
    kind = value.get("kind") if isinstance(value, dict) else None
    return not isinstance(kind, str) or kind not in OPEN_KINDS


def _title(value: Mapping[str, object]) -> str | None:
    kind, metadata = value.get("kind"), value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not (isinstance(kind, str) and isinstance(metadata, dict) and isinstance(name, str)):
        return None
    namespace = metadata.get("namespace") or "default"
    if _may_hold_secrets(value) and not (_KIND.fullmatch(kind) and all(map(_is_name, (namespace, name)))):
        return None
    return f"{kind} {namespace}/{name}"


def _is_name(value: object) -> bool:
    return isinstance(value, str) and is_resource_name(value)


def _unreadable(file: str, findings: Findings, document: int, message: str) -> None:
    findings.complete = False
    Place(findings=findings, file=file, resource=f"document {document}").problem(message)


# --- YAML -------------------------------------------------------------------------------------------------------


NOT_YAML = (yaml.YAMLError, ValueError, LookupError, AttributeError)
"""What PyYAML raises for text that is not YAML, or has an explicit tag that does not fit its value."""


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


_UNSUPPORTED: Final = "a tag that is not supported, or a value that does not fit its tag"
_TAGS: Final = ("bool", "int", "map", "null", "seq", "str")
_Loader.yaml_constructors = {
    tag: construct
    for tag, construct in yaml.CSafeLoader.yaml_constructors.items()
    if tag is None or tag.rpartition(":")[2] in _TAGS
}
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
                _unreadable(file, findings, number, f"{_position(mark)}duplicate key{_shown(key, value)}")
            if not loader.duplicates:
                yield value
            loader.duplicates.clear()
    except (yaml.constructor.ConstructorError, KeyError, ValueError) as error:  # its text quotes the tag or the value
        where = _position(getattr(error, "problem_mark", None))
        _unreadable(file, findings, number, f"{where}not valid YAML: {_UNSUPPORTED}")
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


def _shown(key: str, value: object) -> str:
    return "" if _may_hold_secrets(value) else f" '{key}'"


def _position(mark: Any) -> str:  # the C parser has a mark class of its own
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""


# --- JSON -------------------------------------------------------------------------------------------------------


def _json(file: str, text: str, findings: Findings) -> Iterator[object]:
    duplicates: list[str] = []

    def built(pairs: list[tuple[str, object]]) -> dict[str, object]:
        counts = Counter(name for name, _ in pairs)
        duplicates.extend(name for name, count in counts.items() if count > 1)
        return dict(pairs)

    try:
        value = json.loads(text, object_pairs_hook=built, parse_float=str, parse_constant=str)
        for key in duplicates:
            _unreadable(file, findings, 1, f"not valid JSON: duplicate key{_shown(key, value)}")
        if not duplicates:
            yield value
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        _unreadable(file, findings, 1, f"{where}: not valid JSON: {error.msg}")
    except ValueError:
        _unreadable(file, findings, 1, "not valid JSON: a number has too many digits")
    except RecursionError:
        _unreadable(file, findings, 1, _TOO_DEEP)
