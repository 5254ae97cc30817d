"""The schema of a tool's input.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolInputSchema.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec

from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.converse.schemas.fold import folded, is_folded
from aigw_extproc.translate.converse.schemas.inline import MAX_BYTES, TooLarge, inlined
from aigw_extproc.translate.converse.schemas.keys import Names, aliased
from aigw_extproc.translate.converse.schemas.mend import mended
from aigw_extproc.translate.converse.schemas.native import bound

MAX_CACHED_BYTES = 16_384
"""Of a schema. Agents send the same tools with every request, so that their repair is remembered."""

_NO_ARGUMENTS = {"type": "object", "properties": {}}
_IDENTIFYING = frozenset({"$schema", "$id"})
_encode = msgspec.json.Encoder().encode


class InputSchema(msgspec.Struct, frozen=True, kw_only=True):
    """A tool's schema as the family takes it."""

    json: msgspec.Raw
    is_bound: bool
    """Whether the model can be bound to it: `strict`."""
    aliases: Names = {}  # msgspec copies mutable defaults
    """Aliases of properties, by the client's name."""


class _NotAnObject(Exception):
    """`member` is the faulty member of the schema, `fault` what is wrong with it."""

    def __init__(self, member: str, fault: str) -> None:
        super().__init__(fault)
        self.member = member
        self.fault = fault


def input_schema(parameters: msgspec.Raw, place: str, family: Family, *, strict: bool = False) -> InputSchema:
    """Return a function's parameters as the schema of an object. A valid one is returned unchanged.

    With `strict` the schema is one to which the model can be bound, if there is one.

    Raises:
        InvalidRequest: it is not the schema of an object, or has a number that nothing can hold.
    """
    text = bytes(parameters)
    repair = _cached if len(text) <= MAX_CACHED_BYTES else _repaired
    try:
        return repair(text, family.narrow_tool_schemas, family.tool_schema_references, strict and family.strict_tools)
    except _NotAnObject as error:
        raise InvalidRequest.at(f"{place}{error.member}", error.fault) from None
    except msgspec.DecodeError as error:
        raise InvalidRequest.at(place, f"the JSON cannot be read: {error}") from None
    except TooLarge:
        fault = f"the model takes no references, and written out they exceed {MAX_BYTES} bytes"
        raise InvalidRequest.at(place, fault) from None
    except RecursionError:
        raise InvalidRequest.at(place, "its references are nested too deeply") from None


def _repaired(text: bytes, narrow: bool, references: bool, strict: bool) -> InputSchema:
    given = _decoded(text)
    schema = mended({name: value for name, value in given.items() if name not in _IDENTIFYING}) or _NO_ARGUMENTS
    if not references:
        schema = inlined(schema)
    if narrow and not is_folded(schema):
        schema = folded(schema)
    _require_object(schema)
    if schema.get("type") != "object":
        schema = {"type": "object", **{name: value for name, value in schema.items() if name != "type"}}
    binding = bound(schema) if strict else None
    aliases: dict[str, str] = {}
    result = aliased(binding or schema, aliases) if narrow else binding or schema
    changed = _encode(result) != _encode(given)
    json = msgspec.Raw(_encode(result) if changed else text)
    return InputSchema(json=json, is_bound=binding is not None, aliases=aliases)


_cached = lru_cache(maxsize=512)(_repaired)


def _decoded(text: bytes) -> Mapping[str, object]:
    schema = msgspec.json.decode(text.strip() or b"{}") or {}
    if not isinstance(schema, dict):
        raise _NotAnObject("", "expected a JSON schema of an object")
    return schema


def _require_object(schema: Mapping[str, object]) -> None:
    kind = schema.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        raise _NotAnObject(".type", f"the arguments of a function are an object, got {_encode(kind).decode()}")
