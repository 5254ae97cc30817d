"""JSON Schema of msgspec's types.

`msgspec.json.schema` does the same, but cannot write the default of a member that stays undecoded (`msgspec.Raw`).
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import inspect

Schema = dict[str, Any]

_SIMPLE: dict[type, Schema] = {
    inspect.StrType: {"type": "string"},
    inspect.IntType: {"type": "integer"},
    inspect.FloatType: {"type": "number"},
    inspect.BoolType: {"type": "boolean"},
    inspect.NoneType: {"type": "null"},
    inspect.RawType: {},
    inspect.AnyType: {},
}
_NUMBERS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_LISTS = {"min_length": "minItems", "max_length": "maxItems"}
_STRINGS = {"min_length": "minLength", "max_length": "maxLength", "pattern": "pattern"}
_OBJECTS = {"min_length": "minProperties", "max_length": "maxProperties"}
_UNDECLARED = "(others)"
"""The member of `wire.Open` for undeclared fields, which clients do not send."""


class Schemas:
    """Schemas of structs by module and name, for `components.schemas`."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def of(self, *types: object) -> Schema:
        """Return the schema of a value of one of the types; structs are references.

        Raises:
            TypeError: there is none for a part of a type.
        """
        schemas = [self._schema(info) for info in inspect.multi_type_info(types)]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def _schema(self, info: inspect.Type) -> Schema:
        if isinstance(info, inspect.StructType):
            return {"$ref": f"#/components/schemas/{self._component(info)}"}
        if isinstance(info, inspect.UnionType):
            return self._union(info)
        if isinstance(info, (inspect.ListType, inspect.CollectionType, inspect.VarTupleType)):
            return {"type": "array", "items": self._schema(info.item_type), **_limits(info, _LISTS)}
        if isinstance(info, inspect.DictType):
            return {"type": "object", "additionalProperties": self._schema(info.value_type), **_limits(info, _OBJECTS)}
        if isinstance(info, inspect.LiteralType):
            return {"enum": list(info.values)}
        return _simple(info)

    def _union(self, info: inspect.UnionType) -> Schema:
        members = info.types
        tagged = [each for each in members if isinstance(each, inspect.StructType) and each.tag_field is not None]
        schemas = [self._schema(each) for each in members]
        if len(schemas) == 1:
            return schemas[0]
        if len(tagged) == len(members):
            mapping = {str(each.tag): schema["$ref"] for each, schema in zip(tagged, schemas, strict=True)}
            return {"oneOf": schemas, "discriminator": {"propertyName": tagged[0].tag_field, "mapping": mapping}}
        return {"anyOf": schemas}

    def _component(self, info: inspect.StructType) -> str:
        module = info.cls.__module__.partition(".")[2]
        name = f"{module}.{info.cls.__name__}"
        if name not in self.components:
            self.components[name] = {}  # a type may contain itself
            self.components[name] = self._object(info)
        return name

    def _object(self, info: inspect.StructType) -> Schema:
        fields = [field for field in info.fields if field.encode_name != _UNDECLARED]
        properties = {field.encode_name: self._schema(field.type) for field in fields}
        required = [field.encode_name for field in fields if field.required]
        if info.tag_field is not None:
            properties = {info.tag_field: {"const": info.tag}, **properties}
            required.insert(0, info.tag_field)
        schema: Schema = {"type": "object", "properties": properties}
        if text := _description(info.cls):
            schema["description"] = text
        if required:
            schema["required"] = required
        if info.forbid_unknown_fields:
            schema["additionalProperties"] = False
        return schema


def _simple(info: inspect.Type) -> Schema:
    if isinstance(info, inspect.CustomType) and info.cls is object:
        return {}
    if type(info) not in _SIMPLE:
        raise TypeError(f"no schema for {info}")
    return _SIMPLE[type(info)] | _limits(info, _NUMBERS | _STRINGS)


def _limits(info: inspect.Type, names: dict[str, str]) -> Schema:
    return {name: value for member, name in names.items() if (value := getattr(info, member, None)) is not None}


def _description(cls: type) -> str | None:
    """Return the docstring without its markup. Structs inherit none of their own."""
    text = cls.__dict__.get("__doc__")
    return re.sub(r"\s+", " ", text.replace("`", "")).strip() if text else None
