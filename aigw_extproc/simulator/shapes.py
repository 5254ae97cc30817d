"""Validation of requests against botocore's service models of bedrock-runtime and bedrock.

botocore checks types, lengths and required members before it sends; a service also checks enums and patterns, and
rejects unknown members. One check is stricter than AWS's: a JSON null is not an absent member, so that clients learn
to leave it out.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel

from aigw_extproc.simulator.errors import Invalid

MAX_QUOTE = 80
"""Characters of an invalid value that an error repeats."""

INTEGER_BITS = MappingProxyType({"integer": 32, "long": 64})

JSON_TYPES: Mapping[type, str] = MappingProxyType(
    {
        bool: "boolean",
        int: "number",
        float: "number",
        str: "string",
        list: "list",
        dict: "structure",
        type(None): "null",
    }
)

Violations = Iterator[str]


RUNTIME, CONTROL_PLANE = "bedrock-runtime", "bedrock"
"""Names of the services."""


@cache
def service_model(service: str = RUNTIME) -> Any:
    """Return botocore's ServiceModel of a service."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def validate(operation: str, members: Mapping[str, Any], *, service: str = RUNTIME) -> None:
    """Check the members of an operation's input, as JSON values (blobs in base64).

    Raises Invalid, which lists every violation in the order of the request.
    """
    problems = violations(service_model(service).operation_model(operation).input_shape, members)
    if problems:
        noun = "validation error" if len(problems) == 1 else "validation errors"
        raise Invalid(f"{len(problems)} {noun} detected: {'; '.join(problems)}")


def violations(shape: Any, value: Any) -> list[str]:
    """Return the differences between a JSON value and a shape of the service model."""
    return list(_check(shape, value, ""))


def _check(shape: Any, value: Any, path: str) -> Violations:
    if getattr(shape, "is_document_type", False):
        return
    types, noun, check = VALIDATORS[shape.type_name]
    if type(value) in types:
        yield from check(shape, value, path)
    else:
        found = JSON_TYPES[type(value)]
        yield f"Value at '{path}' failed to satisfy constraint: Expected {noun}, found {found}"


def _structure(shape: Any, value: dict[str, Any], path: str) -> Violations:
    for name in sorted(set(value) - set(shape.members)):
        yield f"Value at '{_join(path, name)}' failed to satisfy constraint: Member is not known"
    for name in shape.required_members:
        if name not in value:
            yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        members = ", ".join(sorted(value)) or "none"
        yield f"Value at '{path}' failed to satisfy constraint: Exactly one member must be set, found {members}"
    for name, member in shape.members.items():
        if name in value:
            yield from _check(member, value[name], _join(path, name))


def _list(shape: Any, value: list[Any], path: str) -> Violations:
    yield from _size(shape, len(value), value, path)
    for index, item in enumerate(value):
        yield from _check(shape.member, item, _join(path, str(index)))


def _map(shape: Any, value: dict[str, Any], path: str) -> Violations:
    yield from _size(shape, len(value), value, path)
    for key, item in value.items():
        yield from _check(shape.key, key, _join(path, key))
        yield from _check(shape.value, item, _join(path, key))


def _string(shape: Any, value: str, path: str) -> Violations:
    yield from _size(shape, len(value), value, path)
    if shape.enum and value not in shape.enum:
        yield _violation(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    pattern = shape.metadata.get("pattern")
    if pattern is not None and re.fullmatch(pattern, value) is None:
        yield _violation(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _blob(shape: Any, value: str, path: str) -> Violations:
    try:
        size = len(base64.b64decode(value, validate=True))
    except ValueError:
        yield _violation(value, path, "Member must be encoded in base64")
    else:
        yield from _size(shape, size, value, path)


def _integer(shape: Any, value: int, path: str) -> Violations:
    bits = INTEGER_BITS[shape.type_name]
    if -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        yield from _number(shape, value, path)
    else:
        yield _violation(value, path, f"Member must be a {bits}-bit integer")


def _number(shape: Any, value: float, path: str) -> Violations:
    return _limits(shape, "value", value, value, path)


def _size(shape: Any, size: int, value: Any, path: str) -> Violations:
    return _limits(shape, "length", size, value, path)


def _limits(shape: Any, noun: str, amount: float, value: Any, path: str) -> Violations:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and amount < least:
        yield _violation(value, path, f"Member must have {noun} greater than or equal to {least}")
    if most is not None and amount > most:
        yield _violation(value, path, f"Member must have {noun} less than or equal to {most}")


def _violation(value: Any, path: str, constraint: str) -> str:
    text = str(value)
    quoted = text if len(text) <= MAX_QUOTE else f"{text[:MAX_QUOTE]}…"
    return f"Value '{quoted}' at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


VALIDATORS: Mapping[str, tuple[tuple[type, ...], str, Callable[[Any, Any, str], Violations]]] = MappingProxyType(
    {
        "blob": ((str,), "base64 string", _blob),
        "boolean": ((bool,), "boolean", lambda *_: iter(())),
        "float": ((int, float), "float", _number),
        "integer": ((int,), "integer", _integer),
        "list": ((list,), "list", _list),
        "long": ((int,), "integer", _integer),
        "map": ((dict,), "map", _map),
        "string": ((str,), "string", _string),
        "structure": ((dict,), "structure", _structure),
    }
)
"""By type of the shape: the types of its JSON values, the noun for them in errors, and the check of a value."""
