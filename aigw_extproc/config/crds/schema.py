"""Structural schemas of the types of resources.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema

The API server keeps fields that a schema does not have: other programs may read them.
"""

from __future__ import annotations

import inspect as python
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import inspect

from aigw_extproc.config.crds.rules import DESCRIPTIONS, LONGEST_LIST, RULES
from aigw_extproc.config.resources.ai_gateway import Resource

Schema = dict[str, Any]

ANY: Final[Schema] = {"x-kubernetes-preserve-unknown-fields": True}
_OPEN: Final[Schema] = {"type": "object", **ANY}


def of_resource(kind: type[Resource]) -> Schema:
    """Return the schema of a kind: its spec by its type, and a status that anybody may extend."""
    (spec,) = (field for field in inspect.type_info(kind).fields if field.name == "spec")  # type: ignore[attr-defined] # a Struct's
    return _resource(_text(kind), _schema(spec.type), required=spec.required)


def of_unread(description: str) -> Schema:
    """Return the schema of a kind of which only the existence matters here."""
    return _resource(description, dict(_OPEN), required=False)


def _resource(description: str, spec: Schema, *, required: bool) -> Schema:
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": spec,
        "status": {"description": "What became of the resource.", **_OPEN},
    }
    schema: Schema = {"type": "object", "description": description, "properties": properties}
    return schema | ({"required": ["spec"]} if required else {})


def _schema(info: inspect.Type) -> Schema:
    return _BUILDERS[type(info)](info)


def _struct(info: inspect.StructType) -> Schema:
    properties = {field.encode_name: _property(info.cls, field) for field in info.fields}
    required = [field.encode_name for field in info.fields if field.required]
    schema: Schema = {"description": _text(info.cls), **_OPEN, "properties": properties}
    if required:
        schema["required"] = required
    if rules := RULES.get(info.cls):
        schema["x-kubernetes-validations"] = [{"rule": rule, "message": text} for text, rule in rules.items()]
    return schema


def _property(struct: type, field: inspect.Field) -> Schema:
    schema = _schema(field.type)
    own = DESCRIPTIONS.get(struct, {}).get(field.encode_name)
    description = own or schema.get("description") or _reason(field.type)
    return {"description": description, **_without_description(schema)} if description else schema


def _reason(info: inspect.Type) -> str | None:
    """Return what the gateway does with a field that it does not use."""
    extra: Mapping[str, str] = (info.extra or {}) if isinstance(info, inspect.Metadata) else {}
    if "problem" in extra:
        return f"Refused by aigw-extproc: {extra['problem']}."
    return f"Not used by aigw-extproc: {extra.get('reason', 'it has no influence')}." if extra else None


def _without_description(schema: Schema) -> Schema:
    return {name: value for name, value in schema.items() if name != "description"}


def _text(struct: type) -> str:
    """Return a type's docstring in one line."""
    return re.sub(r"\s+", " ", python.getdoc(struct) or "")


def _union(info: inspect.UnionType) -> Schema:
    choices = [choice for choice in info.types if not isinstance(choice, inspect.NoneType)]
    # The only union of scalars in these formats is a quantity: a number or text.
    return _schema(choices[0]) if len(choices) == 1 else {"x-kubernetes-int-or-string": True}


def _list(info: inspect.ListType | inspect.VarTupleType) -> Schema:
    items = _schema(info.item_type)
    # The API server estimates the cost of rules by the longest list, which it has to know.
    longest = info.max_length or (LONGEST_LIST if "x-kubernetes-validations" in items else None)
    return {"type": "array", "items": items} | ({"maxItems": longest} if longest else {})


def _string(info: inspect.StrType) -> Schema:
    return {"type": "string"} | ({"minLength": info.min_length} if info.min_length else {})


def _integer(info: inspect.IntType) -> Schema:
    limits = {"minimum": info.ge, "maximum": info.le}
    return {"type": "integer"} | {name: limit for name, limit in limits.items() if limit is not None}


_BUILDERS: Final[dict[type[inspect.Type], Callable[[Any], Schema]]] = {
    inspect.Metadata: lambda info: _schema(info.type),
    inspect.AnyType: lambda _: dict(ANY),
    inspect.StructType: _struct,
    inspect.ListType: _list,
    inspect.VarTupleType: _list,
    inspect.DictType: lambda info: {"type": "object", "additionalProperties": _schema(info.value_type)},
    inspect.UnionType: _union,
    inspect.StrType: _string,
    inspect.IntType: _integer,
    inspect.BoolType: lambda _: {"type": "boolean"},
    inspect.LiteralType: lambda info: {"type": "string", "enum": sorted(info.values)},
}
