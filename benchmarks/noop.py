"""A processor that does nothing: what the transport, the protocol and Python cost before any work of ours.

It takes the same four messages on the same server as ours, with constant answers, and has the response body handed
over as ours does: in pieces when it is an event stream, whole when it is not.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator

import grpc

from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.extproc.server import SERVICE
from aigw_extproc.simulator.frames import CONTENT_TYPE

_HEADERS = pb.HeadersResponse(response=pb.CommonResponse())
_BODY = pb.BodyResponse(response=pb.CommonResponse())
_STREAMED = pb.ProcessingMode(
    response_header_mode=pb.ProcessingMode.SEND, response_body_mode=pb.ProcessingMode.STREAMED
)
_ANSWERS = {
    "request_headers": pb.ProcessingResponse(request_headers=_HEADERS).SerializeToString(),
    "request_body": pb.ProcessingResponse(request_body=_BODY).SerializeToString(),
    "response_headers": pb.ProcessingResponse(response_headers=_HEADERS).SerializeToString(),
    "response_body": pb.ProcessingResponse(response_body=_BODY).SerializeToString(),
}
_STREAM = pb.ProcessingResponse(response_headers=_HEADERS, mode_override=_STREAMED).SerializeToString()


async def process(requests: AsyncIterator[pb.ProcessingRequest], _context: object) -> AsyncIterator[bytes]:
    """One exchange; ends with the last answer, as ours does."""
    async for message in requests:
        phase = message.WhichOneof("request") or ""
        yield _STREAM if phase == "response_headers" and _is_stream(message.response_headers) else _ANSWERS[phase]
        if phase == "response_body" and message.response_body.end_of_stream:
            return


def _is_stream(message: pb.HttpHeaders) -> bool:
    expected = CONTENT_TYPE.encode()
    return any(header.raw_value == expected for header in message.headers.headers)


async def serve(listen: str) -> None:
    """Serves until it is stopped."""
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(process, request_deserializer=pb.ProcessingRequest.FromString)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Process": handler}),))
    server.add_insecure_port(listen)
    await server.start()
    await server.wait_for_termination()


def main() -> None:
    """Serves on the address that is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", required=True, help="unix:///PATH")
    asyncio.run(serve(parser.parse_args().listen))


if __name__ == "__main__":
    main()
