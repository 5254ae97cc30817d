"""Compares the subset of Envoy's API in proto/ with Envoy's own descriptors."""

from __future__ import annotations

import envoy.config.core.v3.base_pb2 as core
import envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 as mode
import envoy.service.ext_proc.v3.external_processor_pb2 as service
import envoy.type.v3.http_status_pb2 as status
import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor

from aigw_extproc.extproc.pb import ext_proc_pb2

OURS = ext_proc_pb2.DESCRIPTOR
THEIRS: dict[str, Descriptor] = {
    name: message
    for file in (service.DESCRIPTOR, mode.DESCRIPTOR, core.DESCRIPTOR, status.DESCRIPTOR)
    for name, message in file.message_types_by_name.items()
}
# Messages and bytes are both length-delimited: https://protobuf.dev/programming-guides/encoding/#submessages
KEPT_SERIALISED = {
    ("HeaderMap", "headers"): {"type": FieldDescriptor.TYPE_BYTES, "message": None},
    ("ProcessingRequest", "metadata_context"): {"type": FieldDescriptor.TYPE_BYTES, "message": None},
}
FIELDS = [(name, field) for name, message in OURS.message_types_by_name.items() for field in message.fields]


def shape(field: FieldDescriptor) -> dict[str, object]:
    """Return what matters on the wire, and the names of the types that the field refers to."""
    return {
        "name": field.name,
        "number": field.number,
        "type": field.type,
        "repeated": field.is_repeated,
        "oneof": field.containing_oneof.name if field.containing_oneof else None,
        "message": field.message_type.name if field.message_type else None,
        "enum": field.enum_type.name if field.enum_type else None,
    }


def test_all_messages_are_compared() -> None:
    assert len(FIELDS) > 40
    assert set(OURS.message_types_by_name) <= set(THEIRS)


@pytest.mark.parametrize(("message", "field"), FIELDS, ids=lambda value: getattr(value, "name", value))
def test_every_field_equals_envoys(message: str, field: FieldDescriptor) -> None:
    theirs = THEIRS[message].fields_by_name[field.name]
    assert shape(field) == shape(theirs) | KEPT_SERIALISED.get((message, field.name), {})
    if field.enum_type:
        assert values(field.enum_type).items() <= values(theirs.enum_type).items()


def values(enum: EnumDescriptor) -> dict[str, int]:
    return {value.name: value.number for value in enum.values}


def test_the_service_is_envoys() -> None:
    def methods(file: FileDescriptor) -> list[tuple[str, str, str, bool, bool]]:
        service = file.services_by_name["ExternalProcessor"]
        return [
            (one.name, one.input_type.name, one.output_type.name, one.client_streaming, one.server_streaming)
            for one in service.methods
        ]

    assert methods(OURS) == methods(service.DESCRIPTOR)
