"""The last requests, for tests and people to look at, and the way to let a held answer go on."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from aigw_extproc.simulator.authentication import parse_authorization
from aigw_extproc.simulator.errors import ServiceError
from aigw_extproc.simulator.received import Received

REMEMBERED = 100
LONGEST_BODY = 256 * 1024
"""Bytes of a body that are kept."""

SECRET_HEADERS = frozenset({"authorization", "x-amz-security-token", "cookie", "x-api-key"})


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and how its answer went. Changes while the answer is being sent."""

    id: str
    """What the response carries as `x-amzn-requestid`."""
    received: Received
    """The request, with at most `LONGEST_BODY` bytes of its body."""
    body_bytes: int
    """The whole length of the body."""
    status: int | None = None
    """Of the answer; None while there is none."""
    error_type: str | None = None
    """The exception's name in the answer."""
    finished: bool = False
    """Everything that was to be sent has been sent."""
    client_disconnected: bool = False
    """The client went away before that."""
    acknowledgements: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0), repr=False)
    """One for every POST to `acknowledge` that no frame has used up."""

    def report(self) -> dict[str, Any]:
        """The exchange as JSON, without credentials."""
        return {
            "id": self.id,
            "method": self.received.method,
            "path": self.received.raw_path,
            "headers": [[name, _shown(name, value)] for name, value in self.received.headers],
            "body": self.received.body.decode(errors="replace"),
            "body_bytes": self.body_bytes,
            "status": self.status,
            "error_type": self.error_type,
            "finished": self.finished,
            "client_disconnected": self.client_disconnected,
        }


class Journal:
    """Exchanges in the order in which they began; the oldest are forgotten once they are over."""

    def __init__(self) -> None:
        self._latest: deque[Exchange] = deque(maxlen=REMEMBERED)
        self._open: dict[str, Exchange] = {}

    def __iter__(self) -> Iterator[Exchange]:
        """The latest ones."""
        return iter(self._latest)

    @contextlib.contextmanager
    def exchange(self, received: Received) -> Iterator[Exchange]:
        """Enters an exchange, which is over at the end of the block."""
        kept = replace(received, body=received.body[:LONGEST_BODY])
        exchange = Exchange(id=str(uuid.uuid4()), received=kept, body_bytes=len(received.body))
        self._latest.append(exchange)
        self._open[exchange.id] = exchange
        try:
            yield exchange
        finally:
            del self._open[exchange.id]

    def find(self, identifier: str) -> Exchange | None:
        """The exchange with this id, if it is not over or among the latest."""
        latest = (exchange for exchange in self._latest if exchange.id == identifier)
        return self._open.get(identifier) or next(latest, None)


def _shown(name: str, value: str) -> str:
    if name == "authorization":
        return _shown_authorization(value)
    return "…" if name in SECRET_HEADERS else value


def _shown_authorization(value: str) -> str:
    """The scope and the signed headers, without the access key and the signature."""
    try:
        authorization = parse_authorization(value)
    except ServiceError:
        return f"{value.partition(' ')[0]} …" if " " in value else "…"
    return f"AWS4-HMAC-SHA256 {authorization.scope}, SignedHeaders={';'.join(authorization.signed_headers)}"
