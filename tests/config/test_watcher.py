"""Tests for aigw_extproc.config.files.watcher, with real files."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from aigw_extproc.config.compile.configuration import Configuration
from aigw_extproc.config.files.load import load
from aigw_extproc.config.files.watcher import ReloadStatus, watch

DEADLINE = 2.0  # seconds: the documented limit


def route(model: str) -> str:
    return f"""
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {{name: r}}
spec:
  rules:
    - matches: [{{headers: [{{name: x-ai-eg-model, value: {model}}}]}}]
      backendRefs: [{{name: b}}]
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {{name: b}}
spec: {{schema: {{name: OpenAI}}, backendRef: {{name: b, kind: Backend, group: gateway.envoyproxy.io}}}}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {{name: b}}
spec: {{endpoints: [{{ip: {{address: 127.0.0.1, port: 8091}}}}]}}
"""


class Watching:
    """A running watch, and everything that it applied."""

    def __init__(self) -> None:
        self.status = ReloadStatus()
        self.applied: list[list[str]] = []

    def apply(self, configuration: Configuration) -> None:
        self.applied.append([model.id for model in configuration.snapshot.models])

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():  # noqa: ASYNC110 - the watch has no event to await
                await asyncio.sleep(0.01)

    async def until_ready(self) -> None:
        """Wait until the watch is ready for the next change."""
        await self.until(lambda: self.status.loaded_at is not None)


@asynccontextmanager
async def watching(path: Path) -> AsyncIterator[Watching]:
    running = Watching()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watch([path], load([path]), running.apply, running.status))
        await running.until_ready()
        yield running
        task.cancel()


def swap(folder: Path, version: str, texts: dict[str, str]) -> None:
    """Change a mounted ConfigMap as kubelet does: create a folder, then rename a link to it."""
    new = folder / f"..{version}"
    new.mkdir()
    for name, text in texts.items():
        (new / name).write_text(text)
    link = folder / "..data_tmp"
    link.symlink_to(new.name)
    link.rename(folder / "..data")
    for name in texts:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")


async def test_unchanged_files_apply_nothing(tmp_path: Path):
    file = tmp_path / "a.yaml"
    file.write_text(route("one"))
    async with watching(file) as running:
        file.touch()
        first = running.status.loaded_at
        await running.until(lambda: running.status.loaded_at != first)
        assert (running.applied, running.status.reloads) == ([], 0)


async def test_file_written_in_place(tmp_path: Path):
    file = tmp_path / "a.yaml"
    file.write_text(route("one"))
    async with watching(file) as running:
        file.write_text(route("two"))
        await running.until(lambda: running.applied == [["two"]])
        assert running.status.reloads == 1


async def test_file_saved_by_renaming_twice(tmp_path: Path):
    file = tmp_path / "a.yaml"
    file.write_text(route("one"))
    async with watching(file) as running:
        for model in ("two", "three"):
            (tmp_path / "a.tmp").write_text(route(model))
            (tmp_path / "a.tmp").rename(file)
            await running.until(lambda model=model: running.applied[-1:] == [[model]])
        assert running.applied == [["two"], ["three"]]


async def test_folder_gains_and_loses_a_file(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(route("one"))
    extra = route("two").split("---")[0].replace("name: r", "name: s")
    async with watching(tmp_path) as running:
        (tmp_path / "b.yaml").write_text(extra)
        await running.until(lambda: running.applied == [["one", "two"]])
        (tmp_path / "b.yaml").unlink()
        await running.until(lambda: running.applied == [["one", "two"], ["one"]])


@pytest.mark.parametrize("inside", ["", "a.yaml"], ids=["folder", "file"])
async def test_configmap_swap_twice(tmp_path: Path, inside: str):
    swap(tmp_path, "1", {"a.yaml": route("one")})
    async with watching(tmp_path / inside) as running:
        swap(tmp_path, "2", {"a.yaml": route("two")})
        await running.until(lambda: running.applied == [["two"]])
        swap(tmp_path, "3", {"a.yaml": route("three")})
        await running.until(lambda: running.applied == [["two"], ["three"]])


async def test_link_to_a_file_elsewhere(tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "real.yaml").write_text(route("one"))
    here = tmp_path / "here"
    here.mkdir()
    (here / "a.yaml").symlink_to(elsewhere / "real.yaml")
    async with watching(here / "a.yaml") as running:
        (elsewhere / "real.yaml").write_text(route("two"))
        await running.until(lambda: running.applied == [["two"]])


async def test_invalid_change_changes_nothing_and_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    file = tmp_path / "a.yaml"
    file.write_text(route("one"))
    caplog.set_level(logging.INFO)
    async with watching(file) as running:
        broken = route("one").replace("name: b}]", "name: c}]").replace("address: 127.0.0.1", "address: nowhere")
        file.write_text(broken)
        await running.until(lambda: running.status.rejections == 1)
        ref = "spec.rules[0].backendRefs[0].name"
        problems = [
            f"{file}: Backend default/b: spec.endpoints[0].ip.address: 'nowhere' is not an IP address",
            f"{file}: AIGatewayRoute default/r: {ref}: there is no AIServiceBackend 'default/c'",
        ]
        assert running.applied == []
        assert running.status.as_details() == {
            "loaded_at": running.status.loaded_at,
            "reloads": 0,
            "rejections": 1,
            "problems": problems,
        }
        file.write_text(route("two"))
        await running.until(lambda: running.applied == [["two"]])
        assert running.status.problems == ()
    messages = [record.getMessage() for record in caplog.records if record.name.startswith("aigw_extproc")]
    assert messages == [
        "config rejected, the previous one stays in effect problems=2\n" + "\n".join(problems),
        "config accepted files=1 rules=1",
    ]


async def test_restoring_the_file_clears_the_problems(tmp_path: Path):
    file = tmp_path / "a.yaml"
    file.write_text(route("one"))
    async with watching(file) as running:
        file.write_text("kind: [")
        await running.until(lambda: running.status.rejections == 1)
        file.write_text(route("one"))
        await running.until(lambda: running.status.problems == ())
        assert (running.applied, running.status.reloads) == ([], 0)


async def test_file_that_goes_away_is_a_problem_until_it_is_back(tmp_path: Path):
    folder = tmp_path / "config"
    folder.mkdir()
    file = folder / "a.yaml"
    file.write_text(route("one"))
    async with watching(file) as running:
        file.unlink()
        folder.rmdir()
        await running.until(lambda: bool(running.status.problems))
        assert list(map(str, running.status.problems)) == [f"{file}: file: cannot be read: No such file or directory"]
        folder.mkdir()
        file.write_text(route("two"))
        await running.until(lambda: running.applied == [["two"]])


async def test_defect_while_applying_does_not_end_the_watch(tmp_path: Path):
    file = tmp_path / "a.yaml"
    file.write_text(route("one"))
    applied: list[str] = []

    def apply(configuration: Configuration) -> None:
        applied.append(configuration.snapshot.models[0].id)
        if applied == ["two"]:
            raise RuntimeError("boom")

    status = ReloadStatus()
    running = Watching()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watch([file], load([file]), apply, status))
        await running.until(lambda: status.loaded_at is not None)
        file.write_text(route("two"))
        await running.until(lambda: status.rejections == 1)
        file.write_text(route("three"))
        await running.until(lambda: applied == ["two", "three"])
        task.cancel()
    assert status.reloads == 1


async def test_change_without_an_event(tmp_path: Path):
    file = tmp_path / "a.yaml"
    file.write_text(route("one"))
    link = tmp_path / "link"
    link.mkdir()
    (link / "a.yaml").hardlink_to(file)
    async with watching(file) as running:
        # Written through another folder's name: inotify on the first folder sends no event.
        with (link / "a.yaml").open("r+") as other:
            other.write(route("two"))
        await running.until(lambda: running.applied == [["two"]])


async def test_without_events_files_are_still_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def exhausted(*_: object, **__: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aigw_extproc.config.files.watcher.awatch", exhausted)
    file = tmp_path / "a.yaml"
    file.write_text(route("one"))
    async with watching(file) as running:
        for model in ("two", "three"):
            file.write_text(route(model))
            await running.until(lambda model=model: running.applied[-1:] == [[model]])
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["config watch failed, checking every 1 s error=[Errno 28] No space left on device"]
