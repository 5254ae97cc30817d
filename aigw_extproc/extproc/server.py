"""The factory of servers: one interface, two transports.

`grpc` is gRPC's own implementation. `h2corn` is an HTTP/2 server in Rust that passes gRPC calls on as ASGI requests: it
takes a fraction of the CPU, and is younger.
"""

from __future__ import annotations

from typing import assert_never

from aigw_extproc.extproc.tls import ServerTls
from aigw_extproc.extproc.transport import Server, Streams, Transport


def create_server(
    transport: Transport, streams: Streams, listen: str, *, grace: float, tls: ServerTls | None = None
) -> Server:
    """Create a server for `listen`: `unix:///absolute/path` or `HOST:PORT`.

    Some transports bind the address here, others in `start()`. `grace` is the number of seconds that open streams have
    to end when the server drains.

    Raises:
        OSError: the address, or a file of `tls`, cannot be used.
        ModuleNotFoundError: the transport is not installed.
    """
    # Imported here, so that a process loads only the transport that it uses.
    match transport:
        case "http2":
            from aigw_extproc.extproc.h2_server import H2Server

            return H2Server(streams, listen, grace=grace, tls=tls)
        case "grpc":
            from aigw_extproc.extproc.grpc_server import GrpcServer

            return GrpcServer(streams, listen, grace=grace, tls=tls)
        case "h2corn":
            from aigw_extproc.extproc.h2corn_server import H2cornServer

            return H2cornServer(streams, listen, grace=grace, tls=tls)
        case _:
            assert_never(transport)
