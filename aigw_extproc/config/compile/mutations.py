"""Header and body mutations: what a rule says about a backend, on top of what the backend says itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from aigw_extproc.config import snapshot
from aigw_extproc.config.resources import ai_gateway as resources
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.names import is_header_name, is_header_value

V = TypeVar("V")


def check_headers(mutation: resources.HeaderMutationSpec, place: Place) -> None:
    """Record every header that cannot be set or removed."""
    for index, header in enumerate(mutation.set):
        entry = place.field("set").item(index)
        _check_name(header.name, entry.field("name"))
        if not is_header_value(header.value):
            entry.field("value").problem("must not contain line breaks or other control characters")
    for index, name in enumerate(mutation.remove):
        _check_name(name, place.field("remove").item(index))
    check_unique((header.name.lower() for header in mutation.set), place.field("set"), "name")


def check_body(mutation: resources.BodyMutationSpec, place: Place) -> None:
    """Record every field that is set twice."""
    check_unique((field.path for field in mutation.set), place.field("set"), "path")


def check_unique(names: Iterable[str | None], place: Place, field: str) -> None:
    """Record every name in a list that an earlier entry of the list has."""
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if name is not None and first.setdefault(name, index) != index:
            place.item(index).field(field).problem(f"'{name}' is the name of entry {first[name]} too")


def _check_name(name: str, place: Place) -> None:
    if not is_header_name(name):
        place.problem(f"{place.show(name)} is not the name of a header")
    elif name.lower() == "host":
        place.problem("the host is where the Backend is; it cannot be changed")


def merge_headers(base: resources.HeaderMutationSpec, over: resources.HeaderMutationSpec) -> snapshot.HeaderMutation:
    """The mutation of a backend with that of a rule's backendRef over it: the latter wins, header by header."""
    first, last = ({header.name.lower(): header.value for header in part.set} for part in (base, over))
    gone, dropped = ([name.lower() for name in part.remove] for part in (base, over))
    return snapshot.HeaderMutation(
        set=tuple(_merged_set(first, last, dropped).items()), remove=_merged_remove(gone, last, dropped)
    )


def merge_bodies(base: resources.BodyMutationSpec, over: resources.BodyMutationSpec) -> snapshot.BodyMutation:
    """The same for top-level fields of the body."""
    first, last = ({field.path: json_value(field.value) for field in part.set} for part in (base, over))
    return snapshot.BodyMutation(
        set=tuple(_merged_set(first, last, over.remove).items()),
        remove=_merged_remove(base.remove, last, over.remove),
    )


def json_value(text: str) -> msgspec.Raw:
    """The JSON that a body mutation's `value` stands for: itself if it is JSON, otherwise a string."""
    try:
        return msgspec.Raw(msgspec.json.encode(msgspec.json.decode(text, type=msgspec.Raw)))
    except msgspec.DecodeError:
        return msgspec.Raw(msgspec.json.encode(text))


def _merged_set(base: Mapping[str, V], over: Mapping[str, V], dropped: Iterable[str]) -> dict[str, V]:
    return {name: value for name, value in base.items() if name not in set(dropped)} | dict(over)


def _merged_remove(base: Iterable[str], over: Mapping[str, object], dropped: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(name for name in base if name not in over), *dropped]))
