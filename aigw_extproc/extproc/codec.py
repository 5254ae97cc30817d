"""Envoy's messages to events, actions to Envoy's answers: the only module that knows the protobuf types.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/ext_proc/v3/external_processor.proto
An answer must be of the same phase as the message that it answers, so `encode` is told the phase. Answers that never
vary are serialised once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

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
from aigw_extproc.extproc.pb import ext_proc_pb2 as pb

METADATA_NAMESPACE = "io.envoy.ai_gateway"

_STREAMED = pb.ProcessingMode(
    response_header_mode=pb.ProcessingMode.SEND, response_body_mode=pb.ProcessingMode.STREAMED
)
_OVERWRITE = pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD


def decode(data: bytes) -> tuple[str, Event | None]:
    """The phase of a message (`request_headers`, `response_body`…) and the event it stands for; None for trailers.

    Raises:
        DecodeError: the bytes are no ProcessingRequest, or one of none of the six phases.
    """
    message = pb.ProcessingRequest.FromString(data)
    phase = message.WhichOneof("request")
    match phase:
        case "request_headers":
            return phase, RequestHeaders(_headers(message.request_headers), message.request_headers.end_of_stream)
        case "request_body":
            return phase, RequestBody(message.request_body.body)
        case "response_headers":
            return phase, ResponseHeaders(_headers(message.response_headers), message.response_headers.end_of_stream)
        case "response_body":
            return phase, ResponseBody(message.response_body.body, message.response_body.end_of_stream)
        case "request_trailers" | "response_trailers":
            return phase, None
    raise DecodeError("a message from Envoy that is none of the six phases")


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
    headers: dict[str, str] = {}
    for header in message.headers.headers:
        name, value = header.key, header.raw_value.decode("utf-8", "replace") or header.value
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


# Answers are filled in place: a third of the time that constructors with sub-messages as arguments take.


def _mutate(mutation: pb.HeaderMutation, set_headers: Iterable[tuple[str, str]], remove: Iterable[str] = ()) -> None:
    add = mutation.set_headers.add
    for name, value in set_headers:
        option = add()
        option.append_action = _OVERWRITE
        header = option.header
        header.key, header.raw_value = name, value.encode()
    mutation.remove_headers.extend(remove)


def _forward_request(action: ForwardRequest) -> bytes:
    answer = pb.ProcessingResponse()
    response = answer.request_body.response
    _mutate(response.header_mutation, action.set_headers, action.remove_headers)
    response.body_mutation.body = action.body
    response.clear_route_cache = True
    # https://protobuf.dev/programming-guides/encoding/#last-one-wins: what is written one behind the other is merged.
    return answer.SerializeToString() + _metadata(action.backend, action.model)


@lru_cache(maxsize=1024)
def _metadata(backend: str, model: str) -> bytes:
    """The part of an answer that tells Envoy's access log about the route taken."""
    answer = pb.ProcessingResponse()
    fields = answer.dynamic_metadata.get_or_create_struct(METADATA_NAMESPACE)
    fields["backend_name"] = backend
    fields["model_name_override"] = model
    return answer.SerializeToString()


def _stream_response(action: StreamResponse) -> bytes:
    answer = pb.ProcessingResponse(mode_override=_STREAMED)
    _mutate(answer.response_headers.response.header_mutation, action.set_headers, action.remove_headers)
    return answer.SerializeToString()


def _replace_body(action: ReplaceBody) -> bytes:
    answer = pb.ProcessingResponse()
    response = answer.response_body.response
    _mutate(response.header_mutation, action.set_headers)
    response.body_mutation.body = action.body
    return answer.SerializeToString()


def _chunk(action: Chunk) -> bytes:
    answer = pb.ProcessingResponse()
    answer.response_body.response.body_mutation.body = action.body
    return answer.SerializeToString()


def _reply(action: Reply) -> bytes:
    answer = pb.ProcessingResponse()
    reply = answer.immediate_response
    reply.status.code = action.status  # type: ignore[assignment] # an open enum: any code goes as its number
    _mutate(reply.headers, action.headers)
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
