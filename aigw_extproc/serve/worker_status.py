"""How each worker's credentials stand, told to the process that watches over the workers, and so to its operator.

A file for each worker, in a folder that only they share, next to those in which prometheus-client has their counts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

TELL_SECONDS = 1.0
_NAME = "credentials-{}.json"

Details = list[dict[str, object]]
"""What `CredentialCache.as_details` yields."""


async def tell(folder: Path, details: Callable[[], Details]) -> None:
    """Keeps this process's file as it should be; until cancelled."""
    file = folder / _NAME.format(os.getpid())
    while True:
        # Written aside first: whoever reads it sees all of it or the one before.
        unfinished = file.with_suffix(".tmp")
        await asyncio.to_thread(unfinished.write_bytes, msgspec.json.encode(details()))
        unfinished.rename(file)
        await asyncio.sleep(TELL_SECONDS)


def told(folder: Path) -> Details:
    """What every worker has told last, with its process id."""
    found: Details = []
    for file in sorted(folder.glob(_NAME.format("*"))):
        pid = int(file.stem.rpartition("-")[2])
        entries: list[dict[str, Any]] = msgspec.json.decode(file.read_bytes())
        found += [{"pid": pid, **entry} for entry in entries]
    return found
