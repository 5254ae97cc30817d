"""Reload of resource files: a valid change takes effect within two seconds.

An invalid change has no effect; it is logged once, with every problem, and recorded in a `ReloadStatus`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from watchfiles import awatch

from aigw_extproc.config.compile.configuration import Configuration
from aigw_extproc.config.files.load import Fingerprint, fingerprint, load
from aigw_extproc.config.files.mounts import mounted_folders
from aigw_extproc.errors import ConfigError, Problem

log = logging.getLogger(__name__)

# Files are checked this often even without an event: network file systems send none, and an event is lost when it
# comes while the watch moves to another folder.
TICK_SECONDS: Final = 1.0

# A file that is being written differs between two checks this far apart.
SETTLE_SECONDS: Final = 0.05
_MAX_CHECKS: Final = 12


@dataclass(slots=True, kw_only=True)
class ReloadStatus:
    """The state of the configuration, for readiness and metrics. Only `watch` changes it."""

    loaded_at: float | None = None
    """When the files were last valid, in seconds since 1970; None before the first check."""
    reloads: int = 0
    """The number of changes that took effect."""
    rejections: int = 0
    """The number of changes that were rejected."""
    problems: tuple[Problem, ...] = ()
    """The faults of the current files; empty when they are in effect."""

    def as_details(self) -> dict[str, object]:
        """Return the status as plain values, for `/readyz`."""
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
    status: ReloadStatus,
    *,
    secrets: Path | None = None,
    reload: Callable[[], Configuration] | None = None,
    clock: Callable[[], float] = time.time,
) -> None:
    """Reload `paths` and the mounted `secrets` whenever they change, until cancelled.

    `reload` returns the configuration of the changed files; by default it loads them as resources.
    `current` is the configuration in effect. `apply` is called on the event loop with each configuration that differs
    from the previous one; it must only replace references.
    """
    watched = tuple(map(Path, paths))
    reload = reload or partial(load, watched, secrets)
    seen: Fingerprint | None = None
    async for _ in _wakeups(watched, secrets):
        if await asyncio.to_thread(fingerprint, watched, secrets) == seen:
            continue
        seen = await _settled(watched, secrets)
        try:
            # In a thread: loading thousands of rules takes a second, and streams must not wait for it.
            loaded = await asyncio.to_thread(reload)
            if loaded.snapshot != current.snapshot:
                apply(loaded)
        except ConfigError as error:
            _reject(status, error.problems)
        except Exception:  # a defect here must not end the watch, and the service with it
            log.exception("config reload failed")
            _reject(status, (_defect(watched),))
        else:
            _accept(status, current, loaded, clock())
            current = loaded


def _accept(status: ReloadStatus, current: Configuration, loaded: Configuration, now: float) -> None:
    changed = loaded.snapshot != current.snapshot
    if changed or status.problems:
        log.info("config accepted files=%d rules=%d", len(loaded.files), len(loaded.snapshot.rules))
    status.loaded_at, status.problems = now, ()
    status.reloads += changed


def _reject(status: ReloadStatus, problems: tuple[Problem, ...]) -> None:
    status.problems = problems
    status.rejections += 1
    listing = "\n".join(map(str, problems))
    log.error("config rejected, the previous one stays in effect problems=%d\n%s", len(problems), listing)


def _defect(paths: tuple[Path, ...]) -> Problem:
    message = "could not be loaded because of a defect in this program; the log has the details"
    return Problem(file=", ".join(map(str, paths)), resource="all", path="", message=message)


async def _settled(paths: tuple[Path, ...], secrets: Path | None) -> Fingerprint:
    """Return the fingerprint once the files stop changing, or after half a second."""
    seen = await asyncio.to_thread(fingerprint, paths, secrets)
    for _ in range(_MAX_CHECKS):
        await asyncio.sleep(SETTLE_SECONDS)
        now = await asyncio.to_thread(fingerprint, paths, secrets)
        if now == seen:
            break
        seen = now
    return seen


async def _wakeups(paths: tuple[Path, ...], secrets: Path | None) -> AsyncGenerator[None]:
    """Yield at once, whenever something changes near the files, and every `TICK_SECONDS`."""
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
        except (OSError, RuntimeError) as error:  # no inotify watches left, or a folder was removed
            if not warned:
                log.warning("config watch failed, checking every %g s error=%s", TICK_SECONDS, error)
            warned = True
            await asyncio.sleep(TICK_SECONDS)
            yield


async def _events(folders: frozenset[Path]) -> AsyncGenerator[None]:
    watching = awatch(
        *folders,
        watch_filter=None,  # the default ignores hidden names, and kubelet replaces `..data`
        recursive=False,
        step=100,  # milliseconds between polls; shorter steps use CPU while idle
        debounce=200,
        rust_timeout=int(TICK_SECONDS * 1000),
        yield_on_timeout=True,
    )
    async with aclosing(watching) as changes:
        async for _ in changes:
            yield


def _folders(paths: Iterable[Path], secrets: Path | None) -> frozenset[Path]:
    """Return the folders to watch for changes of `paths` and the mounted `secrets`.

    For a file these are its folder, since many editors save by renaming, and the folder of its link target.
    """
    folders = {folder for folder in mounted_folders(secrets) if folder.is_dir()} if secrets is not None else set[Path]()
    for path in paths:
        for candidate in (path, path.resolve()):
            folder = candidate if candidate.is_dir() else candidate.parent
            folders.add(next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir()))
    return frozenset(folders)
