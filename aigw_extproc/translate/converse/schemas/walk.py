"""Where a JSON schema holds further schemas, and how text is added to it.

https://json-schema.org/draft/2020-12/json-schema-core
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import unquote

import msgspec

Schema = Mapping[str, object]

ONE = frozenset(
    {"items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
"""Keywords whose value is a schema."""
MANY = frozenset({"anyOf", "allOf", "oneOf", "prefixItems"})
"""Keywords whose value is a list of schemas."""
NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
"""Keywords whose value is an object of schemas."""


_HOLDS = ONE | MANY | NAMED


def with_subschemas(schema: Schema, change: Callable[[object], object]) -> dict[str, object]:
    """Return the schema with `change` applied to the schemas in it; not to those within them."""
    return {name: _changed(name, value, change) if name in _HOLDS else value for name, value in schema.items()}


def _changed(name: str, value: object, change: Callable[[object], object]) -> object:
    if name in ONE:
        return change(value)
    if name in MANY and isinstance(value, list):
        return [change(item) for item in value]
    if name in NAMED and isinstance(value, dict):
        return {key: change(item) for key, item in value.items()}
    return value


def subschemas(schema: Schema) -> Iterator[object]:
    """Yield the schemas in a schema; not those within them."""
    for name, value in schema.items():
        if name in ONE:
            yield value
        elif name in MANY and isinstance(value, list):
            yield from value
        elif name in NAMED and isinstance(value, dict):
            yield from value.values()


def target(root: Schema, ref: str) -> object:
    """Return the schema that a reference within the document points to; None if there is none.

    https://www.rfc-editor.org/rfc/rfc6901
    """
    value: object = root
    for part in unquote(ref).split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        value = value.get(name) if isinstance(value, dict) else None
    return value if ref.startswith("#") else None


def noted(schema: Schema, keywords: Schema) -> dict[str, object]:
    """Return the schema with keywords as text in its description, for the model to read."""
    if not keywords:
        return dict(schema)
    text = ", ".join(f"{name}: {msgspec.json.encode(value).decode()}" for name, value in keywords.items())
    return {**schema, "description": f"{schema.get('description', '')} ({text})".strip()}
