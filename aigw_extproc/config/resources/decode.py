"""Decoding of plain values into `msgspec` Structs, which reports every fault.

`msgspec.convert` stops at the first error. This walks the same type descriptions and continues.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Final, TypeVar, cast

import msgspec
from msgspec import inspect

from aigw_extproc.config.resources.findings import Place

T = TypeVar("T", bound=msgspec.Struct)

Discarded = Annotated[Any, msgspec.Meta(extra={"kept": False})]
"""A field that has no influence anywhere (labels, status): accepted, not kept, not reported."""


def unused(reason: str) -> msgspec.Meta:
    """Return the metadata of a field without effect here: accepted, not kept, reported with `reason`."""
    return msgspec.Meta(extra={"kept": False, "reason": reason})


def refused(reason: str) -> msgspec.Meta:
    """Return the metadata of a known field that is not supported: its presence is a problem, with `reason`."""
    return msgspec.Meta(extra={"kept": False, "problem": reason})


INVALID: Final = object()
"""The result for a value with a recorded problem."""

_type_info = cache(inspect.type_info)


def _invalid(message: str, place: Place) -> object:
    place.problem(message)
    return INVALID


def decode(value: object, struct: type[T], place: Place) -> T | None:
    """Build a `struct` from `value`; None if that is impossible, with every problem recorded at `place`."""
    built = _build(value, _type_info(struct), place)
    return None if built is INVALID else cast("T", built)


def _build(value: object, info: inspect.Type, place: Place) -> object:
    return _BUILDERS[type(info)](value, info, place)


def _metadata(value: object, info: inspect.Metadata, place: Place) -> object:
    return _build(value, info.type, place)


def _any(value: object, info: inspect.AnyType, place: Place) -> object:
    return value


def _struct(value: object, info: inspect.StructType, place: Place) -> object:
    if not isinstance(value, Mapping):
        return _invalid(f"expected a mapping, got {place.show(value)}", place)
    # Kubernetes treats null as absent.
    present = {name: item for name, item in value.items() if item is not None}
    known = {field.encode_name: field for field in info.fields}
    built: dict[str, object] = {}
    unusable = _report_unknown(value, known, place)
    for name, field in known.items():
        if name in present:
            built |= _field(present[name], field, place.field(name))
        elif field.required:
            place.field(name).problem("required, but missing")
            unusable = True
    faulty = [field for field in info.fields if built.get(field.name) is INVALID]
    if unusable or any(map(_essential, faulty)):
        return INVALID
    return info.cls(**{name: item for name, item in built.items() if item is not INVALID})


def _report_unknown(value: Mapping[str, object], known: Mapping[str, inspect.Field], place: Place) -> bool:
    """Record unknown fields, and return whether one seems to be a misspelt essential field."""
    unknown = [str(name) for name in value if name not in known]
    for index, name in enumerate(value):
        if name not in known:
            place.member(str(name), index).problem(f"unknown field{suggestion(str(name), known)}")
    meant = [nearest(name, known) for name in unknown]
    return any(name is not None and _essential(known[name]) for name in meant)


def _essential(field: inspect.Field) -> bool:
    """Return whether a resource cannot be checked further without this field: all but optional scalars."""
    inner = field.type.type if isinstance(field.type, inspect.Metadata) else field.type
    choices = inner.types if isinstance(inner, inspect.UnionType) else (inner,)
    optional_scalar = all(isinstance(choice, _SCALARS) for choice in choices) and "problem" not in _extra(field)
    return field.required or not optional_scalar


_SCALARS: Final = (
    inspect.StrType,
    inspect.IntType,
    inspect.BoolType,
    inspect.LiteralType,
    inspect.NoneType,
    inspect.AnyType,
)


def suggestion(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return `; did you mean 'x'?` for the nearest of the known names, or an empty text."""
    near = nearest(name, known, cutoff)
    return f"; did you mean '{near}'?" if near else ""


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the most similar of the known names, or None if none is similar."""
    lowered = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=cutoff)
    return lowered[near[0]] if near else None


def _field(value: object, field: inspect.Field, place: Place) -> dict[str, object]:
    extra = _extra(field)
    if "problem" in extra:
        place.refuse(extra["problem"])
        return {field.name: INVALID}
    if "reason" in extra:
        place.ignore(extra["reason"])
    return {field.name: _build(value, field.type, place)} if extra.get("kept", True) else {}


def _extra(field: inspect.Field) -> Mapping[str, str]:
    return (field.type.extra or {}) if isinstance(field.type, inspect.Metadata) else {}


def _list(value: object, info: inspect.ListType | inspect.VarTupleType, place: Place) -> object:
    if not isinstance(value, list):
        return _invalid(f"expected a list, got {place.show(value)}", place)
    if info.max_length is not None and len(value) > info.max_length:
        return _invalid(f"expected at most {info.max_length} entries, got {len(value)}", place)
    built = [_build(item, info.item_type, place.item(index)) for index, item in enumerate(value)]
    return INVALID if any(item is INVALID for item in built) else tuple(built)


def _dict(value: object, info: inspect.DictType, place: Place) -> object:
    if not isinstance(value, Mapping):
        return _invalid(f"expected a mapping, got {place.show(value)}", place)
    built = {
        str(name): _build(item, info.value_type, place.member(str(name), index))
        for index, (name, item) in enumerate(value.items())
    }
    return INVALID if any(item is INVALID for item in built.values()) else built


def _union(value: object, info: inspect.UnionType, place: Place) -> object:
    choices = [choice for choice in info.types if not isinstance(choice, inspect.NoneType)]
    if len(choices) == 1:
        return _build(value, choices[0], place)
    # The only union of scalars in these formats is a quantity: a number or text.
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    return _invalid(f"expected a number or text, got {place.show(value)}", place)


def _text(value: object, info: inspect.StrType, place: Place) -> object:
    if not isinstance(value, str):
        quote = "" if isinstance(value, Mapping | list) or value is None else "; put it in quotes"
        return _invalid(f"expected text, got {place.show(value)}{quote}", place)
    if info.min_length is not None and len(value) < info.min_length:
        return _invalid("must not be empty", place)
    return value


def _number(value: object, info: inspect.IntType, place: Place) -> object:
    if not isinstance(value, int) or isinstance(value, bool):
        return _invalid(f"expected a whole number, got {place.show(value)}", place)
    if not (info.ge is None or value >= info.ge) or not (info.le is None or value <= info.le):
        limits = f"{info.ge} or more" if info.le is None else f"between {info.ge} and {info.le}"
        return _invalid(f"must be {limits}, got {value}", place)
    return value


def _flag(value: object, info: inspect.BoolType, place: Place) -> object:
    if isinstance(value, bool):
        return value
    return _invalid(f"expected true or false, got {place.show(value)}", place)


def _literal(value: object, info: inspect.LiteralType, place: Place) -> object:
    if value in info.values:
        return value
    near = suggestion(value, map(str, info.values)) if isinstance(value, str) else ""
    choices = f"{'one of ' if len(info.values) > 1 else ''}{', '.join(map(repr, info.values))}"
    return _invalid(f"must be {choices}, got {place.show(value)}{near}", place)


_BUILDERS: Final[dict[type[inspect.Type], Callable[[object, Any, Place], object]]] = {
    inspect.Metadata: _metadata,
    inspect.AnyType: _any,
    inspect.StructType: _struct,
    inspect.ListType: _list,
    inspect.VarTupleType: _list,
    inspect.DictType: _dict,
    inspect.UnionType: _union,
    inspect.StrType: _text,
    inspect.IntType: _number,
    inspect.BoolType: _flag,
    inspect.LiteralType: _literal,
}
