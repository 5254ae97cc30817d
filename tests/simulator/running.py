"""A simulator on a free port, in its own thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import httpx

from aigw_extproc.simulator.server import serve
from aigw_extproc.simulator.settings import Settings


@dataclass(frozen=True, kw_only=True)
class RunningSimulator:
    """The address of a running simulator, and its journal."""

    port: int
    settings: Settings
    client: httpx.Client

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def requests(self) -> list[dict[str, Any]]:
        """Return the last requests, oldest first."""
        return self.client.get(f"{self.url}/simulator/requests").json()

    def acknowledge(self, request_id: str) -> None:
        """Let the response to a request, held by the fault `hold`, send its next frame."""
        self.client.post(f"{self.url}/simulator/requests/{request_id}/acknowledge").raise_for_status()


@contextlib.contextmanager
def running_simulator(settings: Settings | None = None) -> Iterator[RunningSimulator]:
    """Start a simulator; stop it at the end of the block."""
    settings = settings or Settings()
    port: Future[int] = Future()
    stop: Future[Any] = Future()

    async def main() -> None:
        serving = asyncio.ensure_future(serve("127.0.0.1", 0, settings, on_ready=port.set_result))
        loop = asyncio.get_running_loop()
        stop.set_result(lambda: loop.call_soon_threadsafe(serving.cancel))
        with contextlib.suppress(asyncio.CancelledError):
            await serving

    thread = threading.Thread(target=lambda: asyncio.run(main()), name="simulator", daemon=True)
    thread.start()
    try:
        # Idle connections are kept: another thread may just have taken one.
        with httpx.Client(limits=httpx.Limits(keepalive_expiry=None)) as client:
            yield RunningSimulator(port=port.result(timeout=10), settings=settings, client=client)
    finally:
        stop.result(timeout=10)()
        thread.join(timeout=10)
