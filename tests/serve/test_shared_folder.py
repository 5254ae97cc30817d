"""The status files of workers."""

from __future__ import annotations

import os
from pathlib import Path

from aigw_extproc.serve.contexts import background
from aigw_extproc.serve.shared_folder import publish_status, read_statuses
from tests.serve.test_supervisor import until


async def test_a_published_status_is_read_with_the_process_id(tmp_path: Path) -> None:
    async with background(publish_status(tmp_path, lambda: [{"source": "environment"}])):
        await until(lambda: bool(read_statuses(tmp_path)))
    assert read_statuses(tmp_path) == [{"pid": os.getpid(), "source": "environment"}]


def test_without_workers_there_is_no_status(tmp_path: Path) -> None:
    assert read_statuses(tmp_path) == []
