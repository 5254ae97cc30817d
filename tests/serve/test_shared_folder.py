"""The files that workers share with their supervisor."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from aigw_extproc.serve.contexts import background
from aigw_extproc.serve.shared_folder import (
    RESERVED_BYTES,
    prepare,
    publish_status,
    read_statuses,
    shared_folder,
    worker_environment,
)
from tests.serve.test_supervisor import until

USE = "from aigw_extproc.serve.shared_folder import use_reserved_files; use_reserved_files()\n"
COUNT = f"{USE}from aigw_extproc import metrics; metrics.EXCHANGES.labels('tests', '200', '').inc(2)"
BEGIN_AND_DIE = (
    f"{USE}import os; from aigw_extproc import metrics; metrics.ACTIVE_EXCHANGES.inc(); os.kill(os.getpid(), 9)"
)
FILL = f"""{USE}
from aigw_extproc import metrics
from aigw_extproc.exchange.messages import Outcome
from aigw_extproc.exchange.spending import SpentTokens
from aigw_extproc.metrics import MAX_LABEL_SETS, MAX_NAME_CHARACTERS, Timeline, record
from aigw_extproc.errors import InternalError
from aigw_extproc.translate.contract import TokenCounts
from tests.test_metrics import BACKEND
usage = TokenCounts(input_tokens=1, output_tokens=2, cached_input_tokens=3, cache_creation_input_tokens=4,
                    latency_ms=5)
name = "n" * (MAX_NAME_CHARACTERS // MAX_LABEL_SETS // 3 - 8)
for number in range(MAX_LABEL_SETS + 1):
    for error in (None, InternalError()):
        record(
            Outcome(operation="chat-completions", model=name + str(number), request_model=name + str(number),
                    backend=BACKEND, stream=True, status=200, usage=usage, error=error),
            Timeline(started=1.0, first_piece=2.0, ended=3.0),
        )
model = "n" * (MAX_NAME_CHARACTERS // MAX_LABEL_SETS - 24)
for number in range(MAX_LABEL_SETS + 1):
    for cost, estimated in ((1, False), (1, True), (None, False)):
        metrics.record_spending(
            SpentTokens(operation="chat", client="c" * 100 + str(number), model=model + str(number), name="",
                        backend="default/b", route="", counts=usage, cost=cost, estimated=estimated)
        )
assert len(metrics._own_sets) == len(metrics._own_priced) == MAX_LABEL_SETS
"""


def run(folder: Path, code: str) -> int:
    """Run code as worker 0."""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder), **worker_environment(0)}
    return subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode


def metrics(folder: Path) -> list[str]:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))
    return generate_latest(registry).decode().splitlines()


async def test_a_published_status_is_read_with_the_process_id(tmp_path: Path) -> None:
    async with background(publish_status(tmp_path / "credentials-0.json", lambda: [{"source": "environment"}])):
        await until(lambda: bool(read_statuses(tmp_path)))
    assert read_statuses(tmp_path) == [{"pid": os.getpid(), "source": "environment"}]


async def test_a_status_that_cannot_be_written_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with background(publish_status(tmp_path / "gone" / "credentials-0.json", list)):
        await until(lambda: bool(caplog.records))
    [message] = caplog.messages
    assert message == "the status of credentials is not up to date in /readyz: No such file or directory"


def test_without_workers_there_is_no_status(tmp_path: Path) -> None:
    assert read_statuses(tmp_path) == []


def test_a_dead_workers_status_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "credentials-0.json").write_text('[{"pid": 1}]')
    (tmp_path / "credentials-1.json").write_text('[{"pid": 2}]')
    prepare(tmp_path, 0)
    assert read_statuses(tmp_path) == [{"pid": 2}]


def test_a_worker_goes_on_with_its_predecessors_counts(tmp_path: Path) -> None:
    for _ in range(2):
        prepare(tmp_path, 0)
        assert run(tmp_path, COUNT) == 0
    assert 'aigw_exchanges_total{code="",operation="tests",status="200"} 4.0' in metrics(tmp_path)
    assert len(list(tmp_path.iterdir())) == len(RESERVED_BYTES)


def test_exchanges_of_a_dead_worker_are_not_active(tmp_path: Path) -> None:
    prepare(tmp_path, 0)
    assert run(tmp_path, BEGIN_AND_DIE) == -9
    assert "aigw_active_exchanges 1.0" in metrics(tmp_path)
    prepare(tmp_path, 0)
    assert [line for line in metrics(tmp_path) if line.startswith("aigw_active_exchanges")] == []


def test_all_labels_that_are_allowed_fit_into_the_reserved_space(tmp_path: Path) -> None:
    prepare(tmp_path, 0)
    assert run(tmp_path, FILL) == 0
    assert {file.name: file.stat().st_size for file in tmp_path.iterdir()} == {
        f"{kind}_0.db": size for kind, size in RESERVED_BYTES.items()
    }


def test_the_space_is_allocated(tmp_path: Path) -> None:
    prepare(tmp_path, 0)
    allocated = sum(file.stat().st_blocks * 512 for file in tmp_path.iterdir())
    assert allocated >= sum(RESERVED_BYTES.values())


def test_folders_of_killed_processes_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, new = tmp_path / "aigw-metrics-left", tmp_path / "aigw-metrics-new"
    for folder in (left, new):
        folder.mkdir()
        (folder / "counter_0.db").touch()
    os.utime(left, (0, 0))
    with shared_folder() as used:
        os.utime(used, (0, 0))
        with shared_folder() as other:
            assert {used, other, new} == set(tmp_path.iterdir())


LIMITED = """
import pathlib, resource, signal, sys
from aigw_extproc.serve.shared_folder import prepare
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
prepare(pathlib.Path(sys.argv[1]), 0)
"""


def test_too_little_space_is_an_error_before_the_start(tmp_path: Path) -> None:
    """A limit of the size of files stands for a file system that is full."""
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("OSError: no space for metrics in ")
    assert last.endswith(
        "(File too large): each worker needs 18 MB; free some, use fewer workers, or set TMPDIR to another folder"
    )
