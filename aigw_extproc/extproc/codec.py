"""Decode Envoy's messages to events, and encode actions as answers. Only this and `metadata` use the protobuf types.

An answer must be of the same phase as its message. Constant answers are serialised once, at import.
https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/ext_proc/v3/external_processor.proto
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct, Value

from aigw_extproc.callers import NOTHING, Verified
from aigw_extproc.exchange.messages import (
    Action,
    AttemptHeaders,
    Chunk,
    Continue,
    Delegate,
    Event,
    ForwardRequest,
    Pairs,
    PassHeaders,
    ReplaceBody,
    Reply,
    RequestBody,
    RequestHeaders,
    ResponseBody,
    ResponseHeaders,
    StreamResponse,
    Wait,
)
from aigw_extproc.exchange.names import (
    ADDRESS_HEADER,
    ADDRESS_MARK,
    ASKED_NAMESPACE,
    ATTEMPT_ATTRIBUTE,
    EXT_AUTH_NAMESPACE,
    TOKENS_NAMESPACE,
)
from aigw_extproc.exchange.response import LOCAL_REPLY_HEADER
from aigw_extproc.extproc import metadata
from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.extproc.protobuf import nested, prefix, prefixes


def _body_mode(mode: pb.ProcessingMode.BodySendMode) -> bytes:
    override = pb.ProcessingMode(response_header_mode=pb.ProcessingMode.SEND, response_body_mode=mode)
    return pb.ProcessingResponse(mode_override=override).SerializeToString()


_STREAMED = _body_mode(pb.ProcessingMode.STREAMED)
_DUPLEX = _body_mode(pb.ProcessingMode.FULL_DUPLEX_STREAMED)
_NO_BODY = _body_mode(pb.ProcessingMode.NONE)
_OVERWRITE = pb.HeaderValueOption(append_action=pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD).SerializeToString()
_CLEAR_ROUTE_CACHE = pb.CommonResponse(clear_route_cache=True).SerializeToString()

_FILTER = "envoy.filters.http.ext_proc"  # has the attributes of a request

_REQUEST_BODY = pb.ProcessingResponse.REQUEST_BODY_FIELD_NUMBER
_RESPONSE_HEADERS = pb.ProcessingResponse.RESPONSE_HEADERS_FIELD_NUMBER
_RESPONSE_BODY = pb.ProcessingResponse.RESPONSE_BODY_FIELD_NUMBER
_COMMON_RESPONSE = pb.BodyResponse.RESPONSE_FIELD_NUMBER  # and of a HeadersResponse
_HEADER_MUTATION = pb.CommonResponse.HEADER_MUTATION_FIELD_NUMBER
_BODY_MUTATION = pb.CommonResponse.BODY_MUTATION_FIELD_NUMBER
_BODY = pb.BodyMutation.BODY_FIELD_NUMBER
_STREAMED_RESPONSE = pb.BodyMutation.STREAMED_RESPONSE_FIELD_NUMBER
_STREAMED_BODY = pb.StreamedBodyResponse.BODY_FIELD_NUMBER
_END_OF_STREAM = pb.StreamedBodyResponse(end_of_stream=True).SerializeToString()
_SET_HEADERS = pb.HeaderMutation.SET_HEADERS_FIELD_NUMBER
_HEADER = pb.HeaderValueOption.HEADER_FIELD_NUMBER
_RAW_VALUE = pb.HeaderValue.RAW_VALUE_FIELD_NUMBER


def decode(data: bytes) -> tuple[str, Event | None]:
    """Return the phase of a message (`request_headers`, `response_body`…) and its event, None for trailers.

    Raises:
        DecodeError: the bytes are not a ProcessingRequest of one of the six phases.
    """
    message = pb.ProcessingRequest.FromString(data)
    phase = message.WhichOneof("request")
    if phase is None:
        raise DecodeError("Envoy's message has none of the six phases")
    if phase == "request_headers":
        return phase, _request_headers(message)
    return phase, _DECODERS[phase](getattr(message, phase))


def _request_headers(message: pb.ProcessingRequest) -> RequestHeaders | AttemptHeaders:
    headers = _headers(message.request_headers)
    attributes = message.attributes[_FILTER].fields if _FILTER in message.attributes else {}
    if ATTEMPT_ATTRIBUTE in attributes:
        return AttemptHeaders(headers, attributes[ATTEMPT_ATTRIBUTE].string_value)
    verified = _verified(message.metadata_context, headers) if message.metadata_context else NOTHING
    return RequestHeaders(headers, message.request_headers.end_of_stream, verified)


def _verified(context: bytes, headers: Mapping[str, str]) -> Verified:
    """Return what Envoy says about the client: a client cannot write metadata."""
    given = pb.Metadata.FromString(context).filter_metadata
    asked = _plain(given[ASKED_NAMESPACE]) if ASKED_NAMESPACE in given else {}
    return Verified(
        tokens=_plain(given[TOKENS_NAMESPACE]) if TOKENS_NAMESPACE in given else {},
        asked=asked,
        answered=_plain(given[EXT_AUTH_NAMESPACE]) if EXT_AUTH_NAMESPACE in given else {},
        address=headers.get(ADDRESS_HEADER, "") if ADDRESS_MARK in asked else "",
    )


def _plain(struct: Struct) -> dict[str, Any]:
    return {name: _value(value) for name, value in struct.fields.items()}


def _value(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _plain(value.struct_value)
    if kind == "list_value":
        return [_value(each) for each in value.list_value.values]
    return None if kind is None or kind == "null_value" else getattr(value, kind)


_DECODERS: dict[str, Callable[[Any], Event | None]] = {
    "request_body": lambda message: RequestBody(message.body),
    "response_headers": lambda message: ResponseHeaders(_headers(message), message.end_of_stream),
    "response_body": lambda message: ResponseBody(message.body, message.end_of_stream),
    "request_trailers": lambda _message: None,
    "response_trailers": lambda _message: None,
}


def encode(phase: str, action: Action, *, duplex: bool = False, ending: bytes = b"") -> bytes:
    """Return the serialised answer to a message of `phase`, empty for none.

    `duplex` says that the response's body is FULL_DUPLEX_STREAMED. The last answer includes what `ending` returns.
    """
    if isinstance(action, Continue):
        return _CONTINUE[phase] + ending
    return (_DUPLEX_ENCODERS if duplex else _ENCODERS)[type(action)](action, ending)


def more_time(seconds: float) -> bytes:
    """Return a message that extends Envoy's timeout for the current message. Envoy accepts one per message.

    The filter's `max_message_timeout` is the upper limit; without it, Envoy ignores the extension.
    """
    answer = pb.ProcessingResponse()
    answer.override_message_timeout.FromMilliseconds(int(seconds * 1000))
    return answer.SerializeToString()


def _headers(message: pb.HttpHeaders) -> dict[str, str]:
    """Return header values by name. Repeated headers are joined with commas, as HTTP allows."""
    pairs = [_known_header(data) if len(data) < _CACHEABLE else _header(data) for data in message.headers.headers]
    headers = dict(pairs)
    return headers if len(headers) == len(pairs) else _joined(pairs)


def _header(data: bytes) -> tuple[str, str]:
    header = pb.HeaderValue.FromString(data)
    return header.key, header.raw_value.decode("utf-8", "replace") or header.value


# Nine of ten headers recur from one exchange to the next, and a lookup costs a tenth. Long ones are not cached.
_CACHEABLE = 256
_known_header = lru_cache(maxsize=2048)(_header)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


@lru_cache(maxsize=2048)
def _before_value(name: str, length: int) -> bytes:
    """Serialise a HeaderMutation's `set_headers` entry up to the value, which comes last and has `length` bytes."""
    key = pb.HeaderValue(key=name).SerializeToString()
    header = key + prefix(_RAW_VALUE, length)
    # Fields may come in any order: the action first, so that the value comes last.
    option = _OVERWRITE + prefix(_HEADER, len(header) + length) + header
    return prefix(_SET_HEADERS, len(option) + length) + option


@lru_cache(maxsize=1024)
def _remove_headers(names: tuple[str, ...]) -> bytes:
    return pb.HeaderMutation(remove_headers=names).SerializeToString()


def _mutation(set_headers: Pairs, remove: tuple[str, ...] = ()) -> bytes:
    """Serialise a HeaderMutation."""
    parts: list[bytes] = []
    for name, value in set_headers:
        raw = value.encode()
        parts += (_before_value(name, len(raw)), raw)
    if remove:
        parts.append(_remove_headers(remove))
    return b"".join(parts)


# An answer is a concatenation of partial answers: protobuf merges them when it decodes.
# https://protobuf.dev/programming-guides/encoding/#last-one-wins


def _forward_request(action: ForwardRequest, _ending: bytes) -> bytes:
    mutation = nested(_mutation(action.set_headers, action.remove_headers), _HEADER_MUTATION)
    return b"".join(
        (
            nested(mutation + _CLEAR_ROUTE_CACHE, _COMMON_RESPONSE, _REQUEST_BODY),
            _before_body(_REQUEST_BODY, len(action.body)),
            action.body,
            metadata.route(action.backend, action.model, action.original_model, action.client, action.stream),
        )
    )


def _delegate(action: Delegate, _ending: bytes) -> bytes:
    mutation = nested(_mutation(action.set_headers, action.remove_headers), _HEADER_MUTATION)
    changed = nested(mutation + _CLEAR_ROUTE_CACHE, _COMMON_RESPONSE, _REQUEST_BODY)
    return changed + metadata.route(action.rule, action.model, action.model, action.client)


def _response_headers(action: StreamResponse | PassHeaders, ending: bytes) -> bytes:
    mutation = _mutation(action.set_headers, action.remove_headers)
    return nested(mutation, _HEADER_MUTATION, _COMMON_RESPONSE, _RESPONSE_HEADERS) + ending


def _stream_response(action: StreamResponse, ending: bytes) -> bytes:
    return _response_headers(action, ending) + (_STREAMED if action.pings is None else _DUPLEX)


def _pass_headers(action: PassHeaders, ending: bytes) -> bytes:
    return _response_headers(action, ending) + _NO_BODY


def _replace_body(action: ReplaceBody, ending: bytes) -> bytes:
    changed = _mutation(action.set_headers, action.remove_headers)
    mutation = nested(changed, _HEADER_MUTATION, _COMMON_RESPONSE, _RESPONSE_BODY)
    return b"".join((mutation, _before_body(_RESPONSE_BODY, len(action.body)), action.body, ending))


def unasked(chunk: Chunk, ending: bytes = b"") -> bytes:
    """Return a chunk for a response in full duplex: it answers no message, and is sent at any time.

    The response ends with the chunk that is final, whether the upstream's has ended or not. `ending` is as in `encode`.
    """
    return b"".join((_before_streamed(len(chunk.body), chunk.final), chunk.body, ending))


@lru_cache(maxsize=2048)
def _before_streamed(length: int, final: bool) -> bytes:
    """Serialise what precedes a chunk of this length."""
    fields = (_END_OF_STREAM if final else b"") + prefix(_STREAMED_BODY, length)
    outer = (_STREAMED_RESPONSE, _BODY_MUTATION, _COMMON_RESPONSE, _RESPONSE_BODY)
    return prefixes(len(fields) + length, *outer) + fields


def _chunk(action: Chunk, ending: bytes) -> bytes:
    return b"".join((_before_body(_RESPONSE_BODY, len(action.body)), action.body, ending))


@lru_cache(maxsize=2048)
def _before_body(phase: int, length: int) -> bytes:
    """Serialise what precedes a new body of this length. An empty body needs it too, to replace the old one."""
    return prefixes(length, _BODY, _BODY_MUTATION, _COMMON_RESPONSE, phase)


def _reply(action: Reply, ending: bytes) -> bytes:
    answer = pb.ProcessingResponse()
    reply = answer.immediate_response
    reply.status.code = action.status  # type: ignore[assignment] # an open enum: any code is valid
    reply.headers.MergeFromString(_mutation(action.headers))
    reply.body, reply.details = action.body, action.details
    return answer.SerializeToString() + ending


_ENCODERS: dict[type, Callable[..., bytes]] = {
    Wait: lambda _action, _ending: b"",
    ForwardRequest: _forward_request,
    Delegate: _delegate,
    PassHeaders: _pass_headers,
    StreamResponse: _stream_response,
    ReplaceBody: _replace_body,
    Chunk: _chunk,
    Reply: _reply,
}

# FULL_DUPLEX_STREAMED cannot be overridden.
_DUPLEX_ENCODERS: dict[type, Callable[..., bytes]] = {
    **_ENCODERS,
    StreamResponse: _response_headers,
    PassHeaders: _response_headers,
    Chunk: unasked,
}

_HEADERS_CONTINUE = pb.HeadersResponse(response=pb.CommonResponse())
_BODY_CONTINUE = pb.BodyResponse(response=pb.CommonResponse())

# Only the processor needs the marker of Envoy's own replies. Removing an absent header costs nothing.
_RESPONSE_HEADERS_CONTINUE = pb.HeadersResponse(
    response=pb.CommonResponse(header_mutation=pb.HeaderMutation(remove_headers=[LOCAL_REPLY_HEADER]))
)

_CONTINUE: dict[str, bytes] = {
    "request_headers": pb.ProcessingResponse(request_headers=_HEADERS_CONTINUE).SerializeToString(),
    "request_body": pb.ProcessingResponse(request_body=_BODY_CONTINUE).SerializeToString(),
    "response_headers": pb.ProcessingResponse(response_headers=_RESPONSE_HEADERS_CONTINUE).SerializeToString(),
    "response_body": pb.ProcessingResponse(response_body=_BODY_CONTINUE).SerializeToString(),
    "request_trailers": pb.ProcessingResponse(request_trailers=pb.TrailersResponse()).SerializeToString(),
    "response_trailers": pb.ProcessingResponse(response_trailers=pb.TrailersResponse()).SerializeToString(),
}
