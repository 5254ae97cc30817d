"""An ext_proc server with scripted answers, which records Envoy's messages."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import grpc

from aigw_extproc.extproc.pb import ext_proc_pb2 as pb

Answer = Callable[[pb.ProcessingRequest], pb.ProcessingResponse]

TRANSLATED = b'{"translated":true}'
STREAMED = pb.ProcessingMode(response_header_mode=pb.ProcessingMode.SEND, response_body_mode=pb.ProcessingMode.STREAMED)


@dataclass
class Stream:
    """The messages of one ext_proc stream."""

    requests: list[pb.ProcessingRequest] = field(default_factory=list)

    @property
    def messages(self) -> list[str]:
        """Return `request_headers`, `response_body eos`… in order of arrival."""
        return [_describe(request) for request in self.requests]

    def headers(self, phase: str) -> dict[str, str]:
        """Return the headers of the first message of `phase`."""
        message = next(request for request in self.requests if request.WhichOneof("request") == phase)
        pairs = getattr(message, phase).headers.headers
        return {pair.key: pair.raw_value.decode() or pair.value for pair in map(pb.HeaderValue.FromString, pairs)}

    def bodies(self) -> list[bytes]:
        """Return the chunks of the response body."""
        return [r.response_body.body for r in self.requests if r.WhichOneof("request") == "response_body"]


def _describe(request: pb.ProcessingRequest) -> str:
    phase = request.WhichOneof("request") or "nothing"
    return f"{phase} eos" if getattr(request, phase).end_of_stream else phase


def mutation(*headers: tuple[str, str], remove: tuple[str, ...] = (), body: bytes | None = None) -> pb.CommonResponse:
    """Set and remove headers, replace the body, and clear the route cache."""
    options = [
        pb.HeaderValueOption(
            header=pb.HeaderValue(key=name, raw_value=value.encode()),
            append_action=pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
        )
        for name, value in headers
    ]
    response = pb.CommonResponse(
        header_mutation=pb.HeaderMutation(set_headers=options, remove_headers=remove), clear_route_cache=True
    )
    if body is not None:
        response.body_mutation.body = body
    return response


def forward(cluster: str, *, path: str = "/model/m%3A0/converse") -> Answer:
    """Answer the request body with Bedrock's path and a translated body, for `cluster`."""
    to = mutation(
        ("x-ai-eg-backend", cluster),
        ("x-ai-eg-model", "nova"),
        (":path", path),
        ("content-length", str(len(TRANSLATED))),
        body=TRANSLATED,
    )
    return lambda _: pb.ProcessingResponse(request_body=pb.BodyResponse(response=to))


def immediate(body: bytes = b'{"ours":true}', *, details: str = "aigw_test") -> Answer:
    """Answer any message with a reply to the client."""
    reply = pb.ImmediateResponse(
        status=pb.HttpStatus(code=418),
        headers=mutation(("content-type", "application/json"), ("x-ours", "1")).header_mutation,
        body=body,
        details=details,
    )
    return lambda _: pb.ProcessingResponse(immediate_response=reply)


def stream_response(_: pb.ProcessingRequest) -> pb.ProcessingResponse:
    """Answer the response headers, and have the body streamed."""
    headers = pb.HeadersResponse(response=mutation(remove=("content-length",)))
    return pb.ProcessingResponse(response_headers=headers, mode_override=STREAMED)


def _pass(phase: str) -> Answer:
    kinds = {"headers": pb.HeadersResponse, "body": pb.BodyResponse}
    kind = kinds[phase.rpartition("_")[2]]
    return lambda _: pb.ProcessingResponse(**{phase: kind(response=pb.CommonResponse())})


PASS: dict[str, Answer] = {
    phase: _pass(phase) for phase in ("request_headers", "request_body", "response_headers", "response_body")
}


class Processor:
    """A server on a unix socket. `answers` maps phases to answers; other phases continue unchanged."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.answers: dict[str, Answer] = {}
        self._ended: queue.Queue[Stream] = queue.Queue()
        self._arrived: queue.Queue[None] = queue.Queue()
        self._server = grpc.server(ThreadPoolExecutor(32), options=[("grpc.max_receive_message_length", -1)])
        handler = grpc.stream_stream_rpc_method_handler(
            self._process,
            request_deserializer=pb.ProcessingRequest.FromString,
            response_serializer=pb.ProcessingResponse.SerializeToString,
        )
        service = "envoy.service.ext_proc.v3.ExternalProcessor"
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Process": handler}),))
        self._server.add_insecure_port(f"unix:{socket}")

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(grace=None).wait()

    def reset(self, **answers: Answer) -> None:
        """Drop earlier streams, and use these answers from now on."""
        self.answers = answers
        self._ended, self._arrived = queue.Queue(), queue.Queue()

    def wait_for_message(self) -> None:
        """Wait for one more message from Envoy."""
        self._arrived.get(timeout=10)

    def ended(self) -> Stream:
        """Wait for the next stream that ends, and return it."""
        return self._ended.get(timeout=10)

    def _process(
        self, requests: Iterator[pb.ProcessingRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.ProcessingResponse]:
        stream, ended = Stream(), self._ended
        context.add_callback(lambda: ended.put(stream))
        for request in requests:
            stream.requests.append(request)
            self._arrived.put(None)
            phase = request.WhichOneof("request") or "nothing"
            yield self.answers.get(phase, PASS[phase])(request)
