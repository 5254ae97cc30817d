"""JSON schemas as Bedrock takes them: of tools, and of structured output."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.errors import InvalidRequest

_NO_ARGUMENTS = msgspec.Raw(b'{"type":"object","properties":{}}')
_SCHEMA = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULLABLE = ("properties", "required")
_IDENTIFYING = ("$schema", "$id")


def input_schema(parameters: msgspec.Raw, place: str) -> msgspec.Raw:
    """Return a function's parameters as the schema of an object. A valid one is returned unchanged.

    Raises:
        InvalidRequest: it is not the schema of an object.
    """
    if bytes(parameters).strip() in {b"", b"null", b"{}"}:
        return _NO_ARGUMENTS
    try:
        schema = _SCHEMA.decode(parameters)
    except msgspec.ValidationError:
        raise InvalidRequest.at(place, "expected a JSON schema of an object") from None
    if not schema:
        return _NO_ARGUMENTS
    root = bytes(schema.get("type", msgspec.Raw(b"null")))
    if root not in {b'"object"', b"null"}:
        raise InvalidRequest.at(f"{place}.type", f"the arguments of a function are an object, got {root.decode()}")
    unwanted = [name for name in _IDENTIFYING if name in schema]
    unwanted += [name for name in _NULLABLE if bytes(schema.get(name, msgspec.Raw(b""))) == b"null"]
    if root == b'"object"' and not unwanted:
        return parameters
    kept = {name: value for name, value in schema.items() if name not in {*unwanted, "type"}}
    return msgspec.Raw(msgspec.json.encode({"type": "object", **kept}))


# Keywords that native output does not enforce, and refuses; they are moved to the description for the model to read.
# https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs, "JSON Schema limitations"
_UNENFORCED = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
)


def closed(schema: object) -> object:
    """Return the schema as native output takes it: objects closed, bounds as text in the description.

    Only schemas are rewritten; a property called `minimum` stays.
    """
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    bounds = {name: schema[name] for name in _UNENFORCED if name in schema}
    members = {name: _closed_member(name, value) for name, value in schema.items() if name not in bounds}
    if bounds:
        text = ", ".join(f"{name}: {msgspec.json.encode(value).decode()}" for name, value in bounds.items())
        members["description"] = f"{schema.get('description', '')} ({text})".strip()
    if schema.get("type") == "object" or "properties" in schema:
        members.setdefault("additionalProperties", False)
    return members


def _closed_member(name: str, value: object) -> object:
    if name in {"properties", "$defs", "definitions"} and isinstance(value, Mapping):
        return {key: closed(schema) for key, schema in value.items()}
    return closed(value) if name in {"items", "anyOf", "allOf", "oneOf", "additionalProperties"} else value
