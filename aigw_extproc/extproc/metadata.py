"""The dynamic metadata of an answer: what Envoy's access log and filters learn of an exchange.

In one answer Envoy takes the last value of a namespace, so the outcome has one of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from google.protobuf.struct_pb2 import Struct, Value

from aigw_extproc.exchange.names import METADATA_NAMESPACE, OUTCOME_NAMESPACE
from aigw_extproc.exchange.results import INCOMPLETE
from aigw_extproc.exchange.spending import SpentTokens
from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.extproc.protobuf import nested, prefix


@lru_cache(maxsize=1024)
def route(backend: str, model: str, original_model: str, client: str, stream: bool | None = None) -> bytes:
    """Serialise what Envoy's access log says of a request that is sent on, until it is known how it ends."""
    names = {"backend_name": backend, "model_name_override": model, "model": original_model, "client": client}
    return _metadata(INCOMPLETE, {**names, "stream": stream})


def _metadata(outcome: str, fields: Mapping[str, str | bool | None]) -> bytes:
    """Serialise dynamic metadata, without empty and unknown values."""
    answer = pb.ProcessingResponse()
    known = {name: value for name, value in fields.items() if value not in ("", None)}
    if known:
        answer.dynamic_metadata.get_or_create_struct(METADATA_NAMESPACE).update(known)
    answer.dynamic_metadata.get_or_create_struct(OUTCOME_NAMESPACE)["outcome"] = outcome
    return answer.SerializeToString()


@lru_cache(maxsize=1024)
def ending(outcome: str, client: str = "", backend: str = "") -> bytes:
    """Return a part of the last answer: what Envoy's access log says of the end; empty values are left as they are."""
    return _metadata(outcome, {"client": client, "backend_name": backend})


def spending(spent: SpentTokens, seconds: Mapping[str, float]) -> bytes:
    """Return the dynamic metadata at the end of an exchange, to be appended to its last answer.

    It has the names of `route` again: of a namespace that comes twice in one answer Envoy sees the last. `seconds` are
    durations by their keys, which are written in milliseconds.
    """
    counts, names = spent.counts, (spent.name, spent.backend, spent.route, spent.model, spent.client)
    fields = [
        _names(*names, counts.invoked_model or spent.model, estimated=spent.estimated),
        *(_INPUT, _DOUBLE(counts.input_tokens)),
        *(_OUTPUT, _DOUBLE(counts.output_tokens)),
        *(_TOTAL, _DOUBLE(counts.total_tokens)),
    ]
    for key, count in (
        (_CACHED, counts.cached_input_tokens),
        (_CREATED, counts.cache_creation_input_tokens),
        (_CREATED_LONG, counts.long_cache_creation_input_tokens),
        (_REASONING, counts.reasoning_tokens),
        (_IMAGES, counts.images),
        (_SEARCHES, counts.searches),
    ):
        if count:
            fields += (key, _DOUBLE(count))
    if spent.cost is not None:
        fields += (_COST, _DOUBLE(spent.cost))
    for name, duration in seconds.items():
        fields += (_before_number(name), _DOUBLE(round(duration * 1000)))
    for name, value in spent.values.items():
        fields += (_before_number(name), _DOUBLE(value))
    written = nested(b"".join(fields), _STRUCT_VALUE, _ENTRY_VALUE)
    return nested(_NAMESPACE_KEY + written, _FIELDS, _DYNAMIC_METADATA)


_DYNAMIC_METADATA: Final = pb.ProcessingResponse.DYNAMIC_METADATA_FIELD_NUMBER
_FIELDS: Final = Struct.FIELDS_FIELD_NUMBER
_STRUCT_VALUE: Final = Value.STRUCT_VALUE_FIELD_NUMBER
_ENTRY_KEY, _ENTRY_VALUE = 1, 2  # of an entry of a map
_NAMESPACE_KEY: Final = nested(METADATA_NAMESPACE.encode(), _ENTRY_KEY)
_DOUBLE: Final = struct.Struct("<d").pack


@lru_cache(maxsize=1024)
def _before_number(key: str) -> bytes:
    """Serialise what precedes the eight bytes of a number in a Struct."""
    tag = bytes((Value.NUMBER_VALUE_FIELD_NUMBER << 3 | 1,))
    name = nested(key.encode(), _ENTRY_KEY)
    before = name + prefix(_ENTRY_VALUE, len(tag) + 8) + tag
    return prefix(_FIELDS, len(before) + 8) + before


_INPUT, _OUTPUT, _TOTAL, _CACHED, _CREATED, _CREATED_LONG, _REASONING, _IMAGES, _SEARCHES = (
    _before_number(f"usage_{name}")
    for name in (
        *("input_tokens", "output_tokens", "total_tokens", "cached_input_tokens", "cache_creation_input_tokens"),
        *("long_cache_creation_input_tokens", "reasoning_tokens", "images", "searches"),
    )
)
_COST: Final = _before_number("cost_microdollars")


@lru_cache(maxsize=1024)
def _names(
    name: str, backend: str, route: str, model: str, client: str, response_model: str, *, estimated: bool
) -> bytes:
    """Serialise the texts of a Struct."""
    fields = Struct()
    texts = {
        "backend_name": name,
        "ai_service_backend_name": backend,
        "route_name": route,
        "model_name_override": model,
        "response_model": response_model,
        "client": client,
    }
    fields.update({key: text for key, text in texts.items() if text})
    if estimated:
        fields["usage_estimated"] = True
    return fields.SerializeToString()
