"""Envoy's messages to events, actions to Envoy's answers: the only module that knows the protobuf types.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/ext_proc/v3/external_processor.proto
An answer must be of the same phase as the message that it answers, so `encode` is told the phase. Answers that never
vary are serialised once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError

from aigw_extproc.exchange import (
    LOCAL_REPLY_HEADER,
    Action,
    Chunk,
    Continue,
    Event,
    ForwardRequest,
    ReplaceBody,
    Reply,
    RequestBody,
    RequestHeaders,
    ResponseBody,
    ResponseHeaders,
    StreamResponse,
)
from aigw_extproc.exchange.messages import Pairs
from aigw_extproc.exchange.names import METADATA_NAMESPACE
from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.extproc.protobuf import nested, prefix, prefixes

_STREAMED = pb.ProcessingResponse(
    mode_override=pb.ProcessingMode(
        response_header_mode=pb.ProcessingMode.SEND, response_body_mode=pb.ProcessingMode.STREAMED
    )
).SerializeToString()
_OVERWRITE = pb.HeaderValueOption(append_action=pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD).SerializeToString()
_CLEAR_ROUTE_CACHE = pb.CommonResponse(clear_route_cache=True).SerializeToString()

_REQUEST_BODY = pb.ProcessingResponse.REQUEST_BODY_FIELD_NUMBER
_RESPONSE_HEADERS = pb.ProcessingResponse.RESPONSE_HEADERS_FIELD_NUMBER
_RESPONSE_BODY = pb.ProcessingResponse.RESPONSE_BODY_FIELD_NUMBER
_COMMON_RESPONSE = pb.BodyResponse.RESPONSE_FIELD_NUMBER  # and of a HeadersResponse
_HEADER_MUTATION = pb.CommonResponse.HEADER_MUTATION_FIELD_NUMBER
_BODY_MUTATION = pb.CommonResponse.BODY_MUTATION_FIELD_NUMBER
_BODY = pb.BodyMutation.BODY_FIELD_NUMBER
_SET_HEADERS = pb.HeaderMutation.SET_HEADERS_FIELD_NUMBER
_HEADER = pb.HeaderValueOption.HEADER_FIELD_NUMBER
_RAW_VALUE = pb.HeaderValue.RAW_VALUE_FIELD_NUMBER


def decode(data: bytes) -> tuple[str, Event | None]:
    """The phase of a message (`request_headers`, `response_body`…) and the event it stands for; None for trailers.

    Raises:
        DecodeError: the bytes are no ProcessingRequest, or one of none of the six phases.
    """
    message = pb.ProcessingRequest.FromString(data)
    phase = message.WhichOneof("request")
    if phase is None:
        raise DecodeError("a message from Envoy that is none of the six phases")
    return phase, _DECODERS[phase](getattr(message, phase))


_DECODERS: dict[str, Callable[[Any], Event | None]] = {
    "request_headers": lambda message: RequestHeaders(_headers(message), message.end_of_stream),
    "request_body": lambda message: RequestBody(message.body),
    "response_headers": lambda message: ResponseHeaders(_headers(message), message.end_of_stream),
    "response_body": lambda message: ResponseBody(message.body, message.end_of_stream),
    "request_trailers": lambda _message: None,
    "response_trailers": lambda _message: None,
}


def encode(phase: str, action: Action) -> bytes:
    """The serialised answer to a message of `phase`."""
    if isinstance(action, Continue):
        return _CONTINUE[phase]
    return _ENCODERS[type(action)](action)


def more_time(seconds: float) -> bytes:
    """Tells Envoy that the answer to the message at hand takes longer than usual. Can be told once for a message.

    Envoy takes it up to the filter's `max_message_timeout`, and ignores it where that is not set.
    """
    answer = pb.ProcessingResponse()
    answer.override_message_timeout.FromMilliseconds(int(seconds * 1000))
    return answer.SerializeToString()


def _headers(message: pb.HttpHeaders) -> dict[str, str]:
    """Header values by name; a header that comes several times is joined with commas, as HTTP allows."""
    pairs = [_known_header(data) if len(data) < _CACHEABLE else _header(data) for data in message.headers.headers]
    headers = dict(pairs)
    return headers if len(headers) == len(pairs) else _joined(pairs)


def _header(data: bytes) -> tuple[str, str]:
    header = pb.HeaderValue.FromString(data)
    return header.key, header.raw_value.decode("utf-8", "replace") or header.value


# Nine headers of ten are the same from one exchange to the next: looked up, they cost a tenth. Long ones are not kept.
_CACHEABLE = 256
_known_header = lru_cache(maxsize=2048)(_header)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


@lru_cache(maxsize=2048)
def _before_value(name: str, length: int) -> bytes:
    """The part of a HeaderMutation that sets one header, up to its value of this length in bytes, which ends it."""
    key = pb.HeaderValue(key=name).SerializeToString()
    header = key + prefix(_RAW_VALUE, length)
    # The action comes before the header: fields may stand in any order.
    option = _OVERWRITE + prefix(_HEADER, len(header) + length) + header
    return prefix(_SET_HEADERS, len(option) + length) + option


@lru_cache(maxsize=1024)
def _remove_headers(names: tuple[str, ...]) -> bytes:
    """The part of a HeaderMutation that removes headers."""
    return pb.HeaderMutation(remove_headers=names).SerializeToString()


def _mutation(set_headers: Pairs, remove: tuple[str, ...] = ()) -> bytes:
    """A HeaderMutation."""
    parts: list[bytes] = []
    for name, value in set_headers:
        raw = value.encode()
        parts += (_before_value(name, len(raw)), raw)
    if remove:
        parts.append(_remove_headers(remove))
    return b"".join(parts)


# Parts of an answer stand one behind the other, each with all that is around it: what is read merges them.
# https://protobuf.dev/programming-guides/encoding/#last-one-wins


def _forward_request(action: ForwardRequest) -> bytes:
    mutation = nested(_mutation(action.set_headers, action.remove_headers), _HEADER_MUTATION)
    return b"".join(
        (
            nested(mutation + _CLEAR_ROUTE_CACHE, _COMMON_RESPONSE, _REQUEST_BODY),
            _before_body(_REQUEST_BODY, len(action.body)),
            action.body,
            _metadata(action.backend, action.model),
        )
    )


@lru_cache(maxsize=1024)
def _metadata(backend: str, model: str) -> bytes:
    """The part of an answer that tells Envoy's access log about the route taken."""
    answer = pb.ProcessingResponse()
    fields = answer.dynamic_metadata.get_or_create_struct(METADATA_NAMESPACE)
    fields["backend_name"] = backend
    fields["model_name_override"] = model
    return answer.SerializeToString()


def _stream_response(action: StreamResponse) -> bytes:
    mutation = _mutation(action.set_headers, action.remove_headers)
    return nested(mutation, _HEADER_MUTATION, _COMMON_RESPONSE, _RESPONSE_HEADERS) + _STREAMED


def _replace_body(action: ReplaceBody) -> bytes:
    mutation = nested(_mutation(action.set_headers), _HEADER_MUTATION, _COMMON_RESPONSE, _RESPONSE_BODY)
    return b"".join((mutation, _before_body(_RESPONSE_BODY, len(action.body)), action.body))


def _chunk(action: Chunk) -> bytes:
    return _before_body(_RESPONSE_BODY, len(action.body)) + action.body


@lru_cache(maxsize=2048)
def _before_body(phase: int, length: int) -> bytes:
    """What stands before a new body of this length. It stands before an empty one as well: that replaces, too."""
    return prefixes(length, _BODY, _BODY_MUTATION, _COMMON_RESPONSE, phase)


def _reply(action: Reply) -> bytes:
    answer = pb.ProcessingResponse()
    reply = answer.immediate_response
    reply.status.code = action.status  # type: ignore[assignment] # an open enum: any code goes as its number
    reply.headers.MergeFromString(_mutation(action.headers))
    reply.body, reply.details = action.body, action.details
    return answer.SerializeToString()


_ENCODERS: dict[type, Callable[..., bytes]] = {
    ForwardRequest: _forward_request,
    StreamResponse: _stream_response,
    ReplaceBody: _replace_body,
    Chunk: _chunk,
    Reply: _reply,
}

_HEADERS_CONTINUE = pb.HeadersResponse(response=pb.CommonResponse())
_BODY_CONTINUE = pb.BodyResponse(response=pb.CommonResponse())

# A marker that Envoy put on its own reply is for us alone. Removing what is not there costs nothing.
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
