"""The processor as a gRPC servicer, driven in process by `grpcio-testing`: no socket, no transport of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import grpc_testing

from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.extproc.transport import Streams

SERVICE = pb.DESCRIPTOR.services_by_name["ExternalProcessor"]


class Servicer:
    """Answers each message of a call on an event loop of the call's thread."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def Process(  # noqa: N802 - the method's name in the proto
        self, requests: Iterator[pb.ProcessingRequest], _context: grpc.ServicerContext
    ) -> Iterator[pb.ProcessingResponse]:
        early: list[bytes] = []

        async def send(message: bytes) -> None:
            early.append(message)

        stream = self._streams.open(send)
        try:
            with asyncio.Runner() as runner:
                for request in requests:
                    answer = runner.run(stream.answer(request.SerializeToString()))
                    yield from map(pb.ProcessingResponse.FromString, (*early, answer))
                    early.clear()
                    if stream.over:
                        return
        finally:
            stream.close()


class EnvoyStream:
    """Envoy's side of a stream."""

    def __init__(self, streams: Streams) -> None:
        server = grpc_testing.server_from_dictionary({SERVICE: Servicer(streams)}, grpc_testing.strict_real_time())
        self._call = server.invoke_stream_stream(SERVICE.methods_by_name["Process"], (), None)

    def send(self, **phase: Any) -> pb.ProcessingResponse:
        """Send a message of one phase, and return its answer."""
        self._call.send_request(pb.ProcessingRequest(**phase))
        return self.take()

    def take(self) -> pb.ProcessingResponse:
        answer: pb.ProcessingResponse = self._call.take_response()
        return answer

    def leave(self) -> None:
        """End the stream early."""
        self._call.requests_closed()

    def status(self) -> grpc.StatusCode:
        """Wait for the end of the stream."""
        status: grpc.StatusCode = self._call.termination()[1]
        return status


def headers(*, end: bool = False, **pairs: str) -> pb.HttpHeaders:
    """Headers of a request or response; names with `_` for `-`, and with `__` for a leading colon."""
    named = {name.replace("__", ":").replace("_", "-"): value for name, value in pairs.items()}
    each = [pb.HeaderValue(key=name, raw_value=value.encode()).SerializeToString() for name, value in named.items()]
    return pb.HttpHeaders(headers=pb.HeaderMap(headers=each), end_of_stream=end)


def changed(mutation: pb.HeaderMutation) -> dict[str, str]:
    return {one.header.key: one.header.raw_value.decode() for one in mutation.set_headers}
