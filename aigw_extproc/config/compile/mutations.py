"""Header and body mutations: validation, and merging of a rule's with a backend's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from aigw_extproc.config import snapshot
from aigw_extproc.config.resources import ai_gateway as resources
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.names import is_header_name, is_header_value

V = TypeVar("V")


# https://www.rfc-editor.org/rfc/rfc9110#name-connection; Envoy frames the request and manages the connection
_FRAMING: Final = ("connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
_SIGNATURE: Final = ("authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token")


def check_mutations(
    owner: resources.RouteBackendRef | resources.ServiceBackendSpec, place: Place, *, signed: bool
) -> None:
    """Record every header or field that cannot be set or removed, or is set twice.

    `signed` tells whether requests to the backend are signed for AWS.
    """
    _check_headers(owner.header_mutation, place.field("headerMutation"), signed=signed)
    _check_body(owner.body_mutation, place.field("bodyMutation"))


def _check_headers(mutation: resources.HeaderMutationSpec, place: Place, *, signed: bool) -> None:
    for index, header in enumerate(mutation.set):
        entry = place.field("set").item(index)
        _check_name(header.name, entry.field("name"), signed=signed)
        if not is_header_value(header.value):
            entry.field("value").problem("must not contain line breaks or other control characters")
    for index, name in enumerate(mutation.remove):
        _check_name(name, place.field("remove").item(index), signed=signed)
    check_unique((header.name.lower() for header in mutation.set), place.field("set"), "name")


def check_unique(names: Iterable[str | None], place: Place, field: str) -> None:
    """Record every duplicate name in a list."""
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if name is not None and first.setdefault(name, index) != index:
            place.item(index).field(field).problem(f"'{name}' is already the name of entry {first[name]}")


def _check_body(mutation: resources.BodyMutationSpec, place: Place) -> None:
    for index, field in enumerate(mutation.set):
        _check_field(field.path, place.field("set").item(index).field("path"))
    for index, path in enumerate(mutation.remove):
        _check_field(path, place.field("remove").item(index))
    check_unique((field.path for field in mutation.set), place.field("set"), "path")


def _check_field(path: str, place: Place) -> None:
    if "." in path:
        top = path.partition(".")[0]
        place.problem(f"{place.show(path)} is not a top-level field, and no other can be changed; set all of '{top}'")


def _check_name(name: str, place: Place, *, signed: bool) -> None:
    lowered = name.lower()
    if not is_header_name(name):
        place.problem(f"{place.show(name)} is not a valid header name")
    elif lowered == "host":
        place.problem("the host is that of the Backend and cannot be changed")
    elif lowered in _FRAMING or lowered.startswith("proxy-"):
        place.problem(f"'{lowered}' concerns the connection, which Envoy manages, and cannot be changed")
    elif signed and lowered in _SIGNATURE:
        place.problem(f"'{lowered}' belongs to AWS's signature and cannot be changed")


def merge_headers(base: resources.HeaderMutationSpec, over: resources.HeaderMutationSpec) -> snapshot.HeaderMutation:
    """Merge the mutation of a backend with that of a rule's backendRef, which wins for each header."""
    base_set, over_set = ({header.name.lower(): header.value for header in part.set} for part in (base, over))
    base_remove, over_remove = ([name.lower() for name in part.remove] for part in (base, over))
    return snapshot.HeaderMutation(
        set=tuple(_merged_set(base_set, over_set, over_remove).items()),
        remove=_merged_remove(base_remove, over_set, over_remove),
    )


def merge_bodies(base: resources.BodyMutationSpec, over: resources.BodyMutationSpec) -> snapshot.BodyMutation:
    """Merge mutations of top-level fields of the body likewise."""
    base_set, over_set = ({field.path: json_value(field.value) for field in part.set} for part in (base, over))
    return snapshot.BodyMutation(
        set=tuple(_merged_set(base_set, over_set, over.remove).items()),
        remove=_merged_remove(base.remove, over_set, over.remove),
    )


def json_value(text: str) -> msgspec.Raw:
    """Return a body mutation's `value` if it is JSON, otherwise as a JSON string."""
    try:
        return msgspec.Raw(msgspec.json.encode(msgspec.json.decode(text, type=msgspec.Raw)))
    except msgspec.DecodeError:
        return msgspec.Raw(msgspec.json.encode(text))


def _merged_set(base: Mapping[str, V], over: Mapping[str, V], removed: Iterable[str]) -> dict[str, V]:
    return {name: value for name, value in base.items() if name not in set(removed)} | dict(over)


def _merged_remove(base: Iterable[str], over: Mapping[str, object], removed: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(name for name in base if name not in over), *removed]))
