"""Reload: resource files are watched, and a valid change takes effect within two seconds.

An invalid change changes nothing; it is logged once, with every problem, and shows in a `Status`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watchfiles import awatch

from aigw_extproc.config.compile.configuration import Configuration
from aigw_extproc.config.files.load import Fingerprint, fingerprint, load
from aigw_extproc.config.files.mounts import mounted_folders
from aigw_extproc.errors import ConfigError, Problem

log = logging.getLogger(__name__)

# Files are looked at this often even without an event: network file systems send none, and one that comes while
# the watch moves to another folder is lost.
TICK_SECONDS: Final = 1.0

# A file that is being written changes between two looks this far apart.
SETTLE_SECONDS: Final = 0.05
_MAX_LOOKS: Final = 12


@dataclass(slots=True, kw_only=True)
class Status:
    """How the configuration fares, for readiness and metrics. `watch` writes it, everybody else only reads."""

    loaded_at: float | None = None
    """When the files were last found valid, in seconds since 1970; None before the first look at them."""
    reloads: int = 0
    """How many changes took effect."""
    rejections: int = 0
    """How many changes were refused."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with the files as they are now; empty when they are what is in effect."""

    def as_details(self) -> dict[str, object]:
        """The same as plain values, for `/readyz`."""
        return {
            "loaded_at": self.loaded_at,
            "reloads": self.reloads,
            "rejections": self.rejections,
            "problems": [str(problem) for problem in self.problems],
        }


async def watch(
    paths: Iterable[str | Path],
    current: Configuration,
    apply: Callable[[Configuration], None],
    status: Status,
    *,
    secrets: Path | None = None,
    clock: Callable[[], float] = time.time,
) -> None:
    """Keep loading `paths`, with the mounted `secrets`, as they change, until cancelled.

    `current` is what is in effect. `apply` is called on the event loop with each configuration that differs from the
    one before; it must only swap references.
    """
    watched = tuple(map(Path, paths))
    seen: Fingerprint | None = None
    async for _ in _occasions(watched, secrets):
        if await asyncio.to_thread(fingerprint, watched, secrets) == seen:
            continue
        seen = await _settled(watched, secrets)
        try:
            # In a thread: thousands of rules take a second to read, during which streams must go on.
            loaded = await asyncio.to_thread(load, watched, secrets)
            if loaded.snapshot != current.snapshot:
                apply(loaded)
        except ConfigError as error:
            _reject(status, error.problems)
        except Exception:  # a defect of ours must not end the watching, nor the service with it
            log.exception("config reload failed")
            _reject(status, (_defect(watched),))
        else:
            _accept(status, current, loaded, clock())
            current = loaded


def _accept(status: Status, current: Configuration, loaded: Configuration, now: float) -> None:
    changed = loaded.snapshot != current.snapshot
    if changed or status.problems:
        log.info("config accepted files=%d rules=%d", len(loaded.files), len(loaded.snapshot.rules))
    status.loaded_at, status.problems = now, ()
    status.reloads += changed


def _reject(status: Status, problems: tuple[Problem, ...]) -> None:
    status.problems = problems
    status.rejections += 1
    listing = "\n".join(map(str, problems))
    log.error("config rejected, the one in effect stays problems=%d\n%s", len(problems), listing)


def _defect(paths: tuple[Path, ...]) -> Problem:
    message = "could not be loaded because of a defect in this program; the log has the details"
    return Problem(file=", ".join(map(str, paths)), resource="all", path="", message=message)


async def _settled(paths: tuple[Path, ...], secrets: Path | None) -> Fingerprint:
    """The fingerprint once nobody writes any more, or after half a second of writing."""
    seen = await asyncio.to_thread(fingerprint, paths, secrets)
    for _ in range(_MAX_LOOKS):
        await asyncio.sleep(SETTLE_SECONDS)
        now = await asyncio.to_thread(fingerprint, paths, secrets)
        if now == seen:
            break
        seen = now
    return seen


async def _occasions(paths: tuple[Path, ...], secrets: Path | None) -> AsyncGenerator[None]:
    """Yields now, whenever something happens near the files, and once in a tick."""
    yield
    warned = False
    while True:
        folders = _folders(paths, secrets)
        try:
            async with aclosing(_events(folders)) as events:
                async for _ in events:
                    yield
                    if _folders(paths, secrets) != folders:
                        break
        except (OSError, RuntimeError) as error:  # no inotify watches left, or a folder just went
            if not warned:
                log.warning("config watch failed, looking every %g s error=%s", TICK_SECONDS, error)
            warned = True
            await asyncio.sleep(TICK_SECONDS)
            yield


async def _events(folders: frozenset[Path]) -> AsyncGenerator[None]:
    watching = awatch(
        *folders,
        watch_filter=None,  # the default leaves out hidden names; kubelet's swap is that of `..data`
        recursive=False,
        step=100,  # milliseconds between looks at the events; shorter steps burn CPU while nothing happens
        debounce=200,
        rust_timeout=int(TICK_SECONDS * 1000),
        yield_on_timeout=True,
    )
    async with aclosing(watching) as changes:
        async for _ in changes:
            yield


def _folders(paths: Iterable[Path], secrets: Path | None) -> frozenset[Path]:
    """The folders in which something must happen before `paths` or the mounted `secrets` can change.

    Of a file its folder, since many editors save by renaming, and the folder that it links to.
    """
    found = {folder for folder in mounted_folders(secrets) if folder.is_dir()} if secrets is not None else set[Path]()
    for path in paths:
        for candidate in (path, path.resolve()):
            folder = candidate if candidate.is_dir() else candidate.parent
            found.add(next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir()))
    return frozenset(found)
