"""What workers tell the process that supervises them, and where the page may be."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from aigw_extproc.config.snapshot import Address, RoutedModel
from aigw_extproc.page.traffic import Recorder
from aigw_extproc.serve.admin import create_app, page_routes
from aigw_extproc.serve.live import Live
from aigw_extproc.serve.options import ServeOptions
from aigw_extproc.serve.page_files import publish, read_models, read_traffic
from aigw_extproc.serve.source import ConfigurationSource
from tests.page.test_traffic import served, timeline
from tests.serve.test_supervisor import until

NOVA = RoutedModel(id="nova", owned_by="us", created=7)
SOURCE = ConfigurationSource(simulator=Address(host="127.0.0.1", port=9))
TOKEN = "a-token-of-some-length"


async def published(file: Path, recorder: Recorder) -> None:
    """Publish once."""
    task = asyncio.ensure_future(publish(file, recorder, lambda: (NOVA,)))
    await until(file.exists)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_the_records_of_all_workers_come_together(tmp_path: Path) -> None:
    recorders = Recorder(), Recorder()
    for index, recorder in enumerate(recorders):
        for _ in range(index + 1):
            recorder.record(served(), timeline(), None)
        await published(tmp_path / f"page-{index}.json", recorder)
    assert read_traffic(tmp_path) == [record for recorder in recorders for record in recorder.records]
    assert read_models(tmp_path, tuple) == (NOVA,)


def test_files_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "page-0.json").write_text('{"records": [')
    assert (read_traffic(tmp_path), read_models(tmp_path, lambda: (NOVA,))) == ([], (NOVA,))


async def test_a_process_that_is_no_worker_tells_nobody() -> None:
    await publish(None, Recorder(), tuple)


# --- where the page may be --------------------------------------------------------------------------------------


def options(host: str = "127.0.0.1", **fields: object) -> ServeOptions:
    base = ServeOptions(source=SOURCE, listen="unix:///a", admin=Address(host=host, port=1064), body_budget=1)
    return replace(base, **fields)  # type: ignore[arg-type] # fields of ServeOptions


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    return file


def get(chosen: ServeOptions, path: str, **headers: str) -> int:
    async def ready() -> bool:
        return True

    app = create_app(ready=ready, details=dict, page=page_routes(Live(SOURCE.load(), chosen), chosen))
    host = "127.0.0.1" if "host" not in headers else headers.pop("host")
    return TestClient(app, base_url=f"http://{host}:1064").get(path, headers=headers).status_code


PAGES = ["/", "/traffic", "/explain", "/playground", "/models", "/status.json", "/login", "/assets/page.js"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.2"])
@pytest.mark.parametrize("path", PAGES)
def test_on_loopback(host: str, path: str) -> None:
    assert get(options(host), path) == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "gateway.example", ""])  # noqa: S104 - refused here
@pytest.mark.parametrize("path", PAGES)
def test_on_any_other_address_there_are_health_and_metrics_alone(host: str, path: str) -> None:
    assert get(options(host), path) == 404
    assert [get(options(host), each) for each in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]


def test_with_a_token_it_may_be_anywhere(token: Path) -> None:
    chosen = options("0.0.0.0", page_token=token)  # noqa: S104 - as the chart has it
    assert get(chosen, "/", host="gateway.example") == 401
    assert get(chosen, "/", host="gateway.example", authorization=f"Bearer {TOKEN}") == 200


def test_a_token_counts_on_loopback_too(token: Path) -> None:
    assert get(options(page_token=token), "/") == 401


def test_it_can_be_switched_off(token: Path) -> None:
    assert get(options(page=False), "/") == 404
    assert get(options(page=False, page_token=token), "/") == 404
