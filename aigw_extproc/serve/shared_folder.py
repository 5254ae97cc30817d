"""The folder that workers share with the process that supervises them.

prometheus-client keeps each worker's metrics in it: https://prometheus.github.io/client_python/multiprocess/
Each worker writes the status of its credentials into another file, for `/readyz` of the supervising process, and for
its page the last exchanges (`page_files`).

The files are named after the worker's number, so that a worker that is started again goes on with its predecessor's
counts. Their space is reserved before the worker starts: prometheus-client maps them into memory, and a process that
writes to a page for which the file system has no space is killed (SIGBUS).
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

log = logging.getLogger(__name__)

PUBLISH_SECONDS = 1.0
"""Seconds between two updates of a worker's status."""
RESERVED_BYTES: Final[Mapping[str, int]] = MappingProxyType(
    {"counter": 2**20, "histogram": 16 * 2**20, "gauge_livesum": 2**16, "gauge_livemin": 2**18}
)
"""The size of each of a worker's files of metrics: what the labels that `metrics.MAX_LABEL_SETS` allows can fill."""
ABANDONED_SECONDS = 10.0
"""The age from which a folder that is not locked has no process any more."""
_PREFIX = "aigw-metrics-"
_NAME = "credentials-{}.json"
PAGE_NAME = "page-{}.json"
_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable that prometheus-client reads when it is imported."""
_WORKER_VARIABLE = "AIGW_EXTPROC_WORKER"

CredentialDetails = list[dict[str, object]]
"""The type that `CredentialCache.as_details` returns."""


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Create the folder, for this process and the workers that it starts during the block.

    Folders that killed processes have left are removed, as they would fill the disk.
    """
    _remove_abandoned(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder, _locked(Path(folder)):
        os.environ[_FOLDER_VARIABLE] = folder
        try:
            yield Path(folder)
        finally:
            os.environ.pop(_FOLDER_VARIABLE, None)


def current_folder() -> Path | None:
    """Return the shared folder; None in a process without workers."""
    folder = os.environ.get(_FOLDER_VARIABLE)
    return Path(folder) if folder is not None else None


def worker_environment(index: int) -> dict[str, str]:
    """Return the variables with which a process is worker `index`."""
    return {_WORKER_VARIABLE: str(index)}


def prepare(folder: Path, index: int) -> None:
    """Prepare the files of worker `index` before its start: reserve their space, and forget what was true of the dead.

    Raises:
        OSError: the file system has not enough space.
    """
    for kind, size in RESERVED_BYTES.items():
        with open(folder / f"{kind}_{index}.db", "r+b", opener=_create) as file:
            _reserve(file.fileno(), size)
            if kind.startswith("gauge_live"):
                file.write(bytes(8))  # the number of bytes in use
    (folder / _NAME.format(index)).unlink(missing_ok=True)


def use_reserved_files() -> None:
    """Let this worker's metrics use the files that `prepare` made. Must be called before `metrics` is imported."""
    index = os.environ.get(_WORKER_VARIABLE)
    if index is not None:
        from prometheus_client import values

        values.ValueClass = values.MultiProcessValue(lambda: index)  # type: ignore[no-untyped-call] # not annotated


def status_file(name: str = _NAME) -> Path | None:
    """Return the file of this worker's status; None in a process that is no worker."""
    folder, index = current_folder(), os.environ.get(_WORKER_VARIABLE)
    return None if folder is None or index is None else folder / name.format(index)


async def publish_status(file: Path | None, details: Callable[[], CredentialDetails]) -> None:
    """Keep this process's file in the folder up to date until cancelled; without a file, do nothing."""
    while file is not None:
        status = [{"pid": os.getpid(), **entry} for entry in details()]
        try:
            await asyncio.to_thread(replace_file, file, msgspec.json.encode(status))
        except OSError as error:  # no reason to end a worker: only /readyz shows it
            log.warning("the status of credentials is not up to date in /readyz: %s", error.strerror)
        await asyncio.sleep(PUBLISH_SECONDS)


def read_statuses(folder: Path) -> CredentialDetails:
    """Return the latest status of every worker, each entry with the worker's process id."""
    statuses: CredentialDetails = []
    for file in sorted(folder.glob(_NAME.format("*"))):
        try:
            entries: list[dict[str, Any]] = msgspec.json.decode(file.read_bytes())
        except FileNotFoundError:  # its worker has died since
            continue
        statuses += entries
    return statuses


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # it is another user's, or in use
            if time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
                with _locked(folder):
                    shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder during the block; the lock of a process ends with it.

    Raises:
        OSError: another process has locked it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def replace_file(file: Path, content: bytes) -> None:
    """Rename the content into place, so that it is never read half written."""
    draft = file.with_suffix(".tmp")
    draft.write_bytes(content)
    draft.rename(file)


def _create(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o600)


def _reserve(descriptor: int, size: int) -> None:
    if sys.platform != "linux":
        os.truncate(descriptor, size)
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        needed = sum(RESERVED_BYTES.values()) / 1e6
        raise OSError(
            f"no space for metrics in {tempfile.gettempdir()} ({error.strerror}): each worker needs {needed:.0f} MB; "
            "free some, use fewer workers, or set TMPDIR to another folder"
        ) from None
