"""Authorization services of both kinds, which know one bearer token."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from envoy.service.auth.v3 import external_auth_pb2 as auth

from tests.envoy_config.running import served

GOOD = "Bearer good"


@dataclass
class Authorizer:
    """A running service, and the requests that it was asked about: path, headers and body."""

    port: int = 0
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextlib.contextmanager
def http_authorizer() -> Iterator[Authorizer]:
    """Answer 200 to the good token; to `Bearer explained` 403 with a body, and to anything else 401 without one."""
    service = Authorizer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            service.asked.append((self.path, headers, body))
            token = headers.get("authorization", "")
            answer = json.dumps({"reason": "no"}).encode() if token == "Bearer explained" else b""
            self.send_response(200 if token == GOOD else 403 if answer else 401)
            if token == GOOD:
                self.send_header("x-current-user", "user1")
                self.send_header("x-session", "seen")
            if answer:
                self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815 - as above

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.port = server.server_port
    with served(server):
        yield service


@contextlib.contextmanager
def grpc_authorizer() -> Iterator[Authorizer]:
    """Allow the good token, and deny anything else with Envoy's default, 403."""
    service = Authorizer()

    def check(request: auth.CheckRequest, _: grpc.ServicerContext) -> auth.CheckResponse:
        http = request.attributes.request.http
        service.asked.append((http.path, dict(http.headers), http.body.encode()))
        response = auth.CheckResponse()
        response.status.code = 0 if http.headers.get("authorization") == GOOD else 7
        if response.status.code == 0:
            response.ok_response.SetInParent()
        return response

    server = grpc.server(ThreadPoolExecutor(4))
    handler = grpc.unary_unary_rpc_method_handler(
        check,
        request_deserializer=auth.CheckRequest.FromString,
        response_serializer=auth.CheckResponse.SerializeToString,
    )
    name = "envoy.service.auth.v3.Authorization"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"Check": handler}),))
    service.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield service
    finally:
        server.stop(grace=None).wait()
