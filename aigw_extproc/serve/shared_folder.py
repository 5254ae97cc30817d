"""The folder that workers share with the process that supervises them.

prometheus-client keeps each worker's metrics in it: https://prometheus.github.io/client_python/multiprocess/
Each worker writes the status of its credentials into another file, for `/readyz` of the supervising process.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

PUBLISH_SECONDS = 1.0
"""Seconds between two updates of a worker's status."""
_NAME = "credentials-{}.json"
_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable that prometheus-client reads when it is imported."""

CredentialDetails = list[dict[str, object]]
"""The type that `CredentialCache.as_details` returns."""


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Create the folder, for this process and the workers that it starts during the block."""
    with tempfile.TemporaryDirectory(prefix="aigw-metrics-") as folder:
        os.environ[_VARIABLE] = folder
        yield Path(folder)


def current_folder() -> Path | None:
    """Return the shared folder; None in a process without workers."""
    folder = os.environ.get(_VARIABLE)
    return Path(folder) if folder is not None else None


async def publish_status(folder: Path | None, details: Callable[[], CredentialDetails]) -> None:
    """Keep this process's file in the folder up to date until cancelled; without a folder, do nothing."""
    while folder is not None:
        # Renamed into place, so that it is never read half written.
        file = folder / _NAME.format(os.getpid())
        draft = file.with_suffix(".tmp")
        await asyncio.to_thread(draft.write_bytes, msgspec.json.encode(details()))
        draft.rename(file)
        await asyncio.sleep(PUBLISH_SECONDS)


def read_statuses(folder: Path) -> CredentialDetails:
    """Return the latest status of every worker, each entry with the worker's process id."""
    statuses: CredentialDetails = []
    for file in sorted(folder.glob(_NAME.format("*"))):
        pid = int(file.stem.rpartition("-")[2])
        entries: list[dict[str, Any]] = msgspec.json.decode(file.read_bytes())
        statuses += [{"pid": pid, **entry} for entry in entries]
    return statuses
