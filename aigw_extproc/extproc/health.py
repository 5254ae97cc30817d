"""gRPC's health service, for transports that have none: a call of `Check` as a stream of one message.

https://github.com/grpc/grpc/blob/master/doc/health-checking.md
"""

from __future__ import annotations

from grpc_health.v1 import health_pb2

from aigw_extproc.extproc.call import NotFound
from aigw_extproc.extproc.transport import SERVICE, Send


class Health:
    """What the service reports."""

    def __init__(self) -> None:
        self.serving = False

    def open(self, send: Send, traceparent: str = "") -> _Check:
        """Open a call of `Check`."""
        return _Check(self)


class _Check:
    def __init__(self, health: Health) -> None:
        self.over = False
        self._health = health

    async def answer(self, message: bytes) -> bytes:
        service = health_pb2.HealthCheckRequest.FromString(message).service
        if service not in {"", SERVICE}:
            raise NotFound(f"there is no service {service!r}")
        self.over = True
        response = health_pb2.HealthCheckResponse
        status = response.SERVING if self._health.serving else response.NOT_SERVING
        answer: bytes = response(status=status).SerializeToString()
        return answer

    def close(self) -> None:
        pass
