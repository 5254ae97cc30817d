"""The journal of the last requests, for inspection and for the acknowledgement of held responses."""

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
from aigw_extproc.simulator.http_messages import HttpRequest

MAX_ENTRIES = 100
MAX_BODY_BYTES = 256 * 1024
"""Bytes of a body that are kept."""

SECRET_HEADERS = frozenset({"authorization", "x-amz-security-token", "cookie", "x-api-key"})


@dataclass(slots=True, kw_only=True)
class JournalEntry:
    """A request and the progress of its response, updated while the response is being sent."""

    id: str
    """The response's `x-amzn-requestid`."""
    request: HttpRequest
    """With at most `MAX_BODY_BYTES` bytes of its body."""
    body_bytes: int
    """Length of the complete body."""
    status: int | None = None
    """Status of the response, once there is one."""
    error_type: str | None = None
    """The response's `x-amzn-errortype`."""
    finished: bool = False
    """The response has been sent."""
    client_disconnected: bool = False
    """The client disconnected before that."""
    acknowledgements: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0), repr=False)
    """Counts the POSTs to `acknowledge` that no frame has used yet."""

    def report(self) -> dict[str, Any]:
        """Return the entry as JSON, without credentials."""
        return {
            "id": self.id,
            "method": self.request.method,
            "path": self.request.raw_path,
            "headers": [[name, _redacted(name, value)] for name, value in self.request.headers],
            "body": self.request.body.decode(errors="replace"),
            "body_bytes": self.body_bytes,
            "status": self.status,
            "error_type": self.error_type,
            "finished": self.finished,
            "client_disconnected": self.client_disconnected,
        }


class Journal:
    """Entries in the order of their requests; the oldest are dropped once they are complete."""

    def __init__(self) -> None:
        self._latest: deque[JournalEntry] = deque(maxlen=MAX_ENTRIES)
        self._open: dict[str, JournalEntry] = {}

    def __iter__(self) -> Iterator[JournalEntry]:
        """Iterate over the latest entries."""
        return iter(self._latest)

    @contextlib.contextmanager
    def record(self, request: HttpRequest) -> Iterator[JournalEntry]:
        """Add an entry, which is complete at the end of the block."""
        kept = replace(request, body=request.body[:MAX_BODY_BYTES])
        entry = JournalEntry(id=str(uuid.uuid4()), request=kept, body_bytes=len(request.body))
        self._latest.append(entry)
        self._open[entry.id] = entry
        try:
            yield entry
        finally:
            del self._open[entry.id]

    def find(self, identifier: str) -> JournalEntry | None:
        """Return the entry with this id, if it is incomplete or among the latest."""
        latest = (entry for entry in self._latest if entry.id == identifier)
        return self._open.get(identifier) or next(latest, None)


def _redacted(name: str, value: str) -> str:
    """Return the value of a header; of a signature only the scope and the signed headers."""
    if name != "authorization":
        return "…" if name in SECRET_HEADERS else value
    try:
        authorization = parse_authorization(value)
    except ServiceError:
        return f"{value.partition(' ')[0]} …" if " " in value else "…"
    return f"AWS4-HMAC-SHA256 {authorization.scope}, SignedHeaders={authorization.signed}"
