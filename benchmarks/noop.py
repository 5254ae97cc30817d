"""A processor that does nothing: the cost of transport, protocol and Python without our own work.

It gets the same four messages on the same servers as ours and gives constant answers. Like ours, it gets the response
body in pieces when it is an event stream, and buffered otherwise.
"""

from __future__ import annotations

import argparse
import asyncio

from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.extproc.server import create_server
from aigw_extproc.extproc.transport import TRANSPORTS, Send, Transport
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


class Noop:
    """Implements `Streams` and `Stream`; its only state is whether the exchange is over."""

    def __init__(self) -> None:
        self.over = False

    def open(self, send: Send, traceparent: str = "") -> Noop:
        return Noop()

    async def answer(self, message: bytes) -> bytes:
        request = pb.ProcessingRequest.FromString(message)
        phase = request.WhichOneof("request") or ""
        if phase == "response_headers" and _is_stream(request.response_headers):
            return _STREAM
        self.over = phase == "response_body" and request.response_body.end_of_stream
        return _ANSWERS[phase]

    def close(self) -> None:
        pass


def _is_stream(message: pb.HttpHeaders) -> bool:
    expected = CONTENT_TYPE.encode()
    return any(expected in header for header in message.headers.headers)


async def serve(transport: Transport, listen: str) -> None:
    """Serve until stopped."""
    await create_server(transport, Noop(), listen, grace=1).start()
    await asyncio.Event().wait()


def main() -> None:
    """Serve on the given address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", required=True, help="unix:///PATH")
    parser.add_argument("--transport", choices=TRANSPORTS, required=True)
    options = parser.parse_args()
    asyncio.run(serve(options.transport, options.listen))


if __name__ == "__main__":
    main()
