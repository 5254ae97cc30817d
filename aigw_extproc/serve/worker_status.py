"""The status of each worker's credentials, for `/readyz` of the process that supervises the workers.

There is a file per worker in the folder that they share (`metrics_files`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

PUBLISH_SECONDS = 1.0
"""Seconds between two updates of a worker's file."""
_NAME = "credentials-{}.json"

CredentialDetails = list[dict[str, object]]
"""The type that `CredentialCache.as_details` returns."""


async def publish_status(folder: Path, details: Callable[[], CredentialDetails]) -> None:
    """Keep this process's file up to date until cancelled."""
    file = folder / _NAME.format(os.getpid())
    while True:
        # Renamed into place, so that it is never read half written.
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
