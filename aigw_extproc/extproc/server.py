"""The factory of servers: one interface, two transports.

`http2` is our own HTTP/2, in one thread with the rest. `grpc` is gRPC's own server, which takes several times the CPU.
"""

from __future__ import annotations

from typing import assert_never

from aigw_extproc.extproc.tls import ServerTls
from aigw_extproc.extproc.transport import Server, Streams, Transport


def create_server(
    transport: Transport, streams: Streams, listen: str, *, grace: float, tls: ServerTls | None = None
) -> Server:
    """Create a server for `listen`: `unix:///absolute/path` or `HOST:PORT`.

    `grpc` binds the address here, `http2` in `start()`. `grace` is the number of seconds that open streams have
    to end when the server drains.

    Raises:
        OSError: the address, or a file of `tls`, cannot be used.
    """
    # Imported here, so that a process loads only the transport that it uses.
    match transport:
        case "http2":
            from aigw_extproc.extproc.h2_server import H2Server

            return H2Server(streams, listen, grace=grace, tls=tls)
        case "grpc":
            from aigw_extproc.extproc.grpc_server import GrpcServer

            return GrpcServer(streams, listen, grace=grace, tls=tls)
        case _:
            assert_never(transport)
