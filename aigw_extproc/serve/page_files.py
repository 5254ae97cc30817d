"""What workers tell the process that supervises them, for its page: a file of each in the folder that they share.

The file is written once a second if it has changed, so that the cost does not grow with the number of requests.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from aigw_extproc.config.snapshot import RoutedModel
from aigw_extproc.page.traffic import Record, Recorder
from aigw_extproc.serve.shared_folder import PAGE_NAME, PUBLISH_SECONDS, replace_file

log = logging.getLogger(__name__)


class WorkerReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker tells."""

    records: tuple[Record, ...]
    models: tuple[RoutedModel, ...]


async def publish(file: Path | None, recorder: Recorder, models: Callable[[], Sequence[RoutedModel]]) -> None:
    """Keep this worker's file up to date until cancelled; without a file, do nothing."""
    published: tuple[int, Sequence[RoutedModel]] | None = None
    while file is not None:
        state = (recorder.count, models())
        if state != published:
            published = state
            report = WorkerReport(records=recorder.records, models=tuple(state[1]))
            try:
                await asyncio.to_thread(replace_file, file, msgspec.json.encode(report))
            except OSError as error:  # no reason to end a worker: only the page shows it
                log.warning("the page does not get this worker's traffic: %s", error.strerror)
        await asyncio.sleep(PUBLISH_SECONDS)


def read(folder: Path) -> Iterator[WorkerReport]:
    """Yield the latest report of every worker."""
    for file in sorted(folder.glob(PAGE_NAME.format("*"))):
        try:
            yield msgspec.json.decode(file.read_bytes(), type=WorkerReport)
        except (OSError, msgspec.DecodeError):  # not written yet, or by a worker of another version
            continue


def read_traffic(folder: Path) -> list[Record]:
    """Return the last exchanges of all workers."""
    return [record for report in read(folder) for record in report.records]


def read_models(folder: Path, otherwise: Callable[[], Sequence[RoutedModel]]) -> Sequence[RoutedModel]:
    """Return the models as workers know them, since they have the lists of accounts."""
    return max((report.models for report in read(folder)), key=len, default=()) or otherwise()
