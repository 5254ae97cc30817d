"""A collector of OpenTelemetry's protocol over HTTP, which keeps the spans."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from aigw_extproc.tracing.options import TraceOptions
from tests.envoy_config.running import served, wait_for


@dataclass(frozen=True)
class Node:
    """A span with what happened below it."""

    span: Span
    children: list[Node] = field(default_factory=list)

    @property
    def attributes(self) -> dict[str, Any]:
        return {pair.key: _value(pair.value) for pair in self.span.attributes}

    def tree(self) -> Any:
        """Return the name, and what is below it in the order of its beginning."""
        children = sorted(self.children, key=lambda child: child.span.start_time_unix_nano)
        return (_short(self.span.name), *(child.tree() for child in children))

    def find(self, prefix: str) -> list[Node]:
        """Return the spans whose name begins so, in the order of their beginning."""
        found = [self] if self.span.name.startswith(prefix) else []
        found += [node for child in self.children for node in child.find(prefix)]
        return sorted(found, key=lambda node: node.span.start_time_unix_nano)


def _short(name: str) -> str:
    return "ext_proc" if name.startswith("async envoy.service.ext_proc") else name


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind) if kind else None


class Collector:
    """What was received."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.port = 0

    @property
    def options(self) -> TraceOptions:
        return TraceOptions(host="127.0.0.1", port=self.port)

    def receive(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = [pair.value.string_value for pair in resource.resource.attributes if pair.key == "service.name"]
            self.services.update(names)
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def trace(self, trace_id: str, count: int) -> Node:
        """Wait for so many spans of a trace, and return its root: the one whose parent is not here."""
        wanted = bytes.fromhex(trace_id)
        spans = lambda: [span for span in list(self.spans) if span.trace_id == wanted]  # noqa: E731 - a name
        found = wait_for(
            lambda: spans() if len(spans()) >= count else None, what=f"{count} spans of {trace_id}", seconds=20
        )
        nodes = {span.span_id: Node(span) for span in found}
        for node in nodes.values():
            if node.span.parent_span_id in nodes:
                nodes[node.span.parent_span_id].children.append(node)
        (root,) = (node for node in nodes.values() if node.span.parent_span_id not in nodes)
        return root


@contextmanager
def running_collector() -> Iterator[Collector]:
    """Receive on a free port of 127.0.0.1."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            collector.receive(self._body())
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def _body(self) -> bytes:
            if "content-length" in self.headers:
                return self.rfile.read(int(self.headers["content-length"]))
            chunks = []
            while size := int(self.rfile.readline(), 16):  # Envoy sends no length
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.port = server.server_port
    with served(server):
        yield collector
