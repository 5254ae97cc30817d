"""Envoy as a child: its files in the runtime directory, and how to ask it to end its work."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from aigw_extproc.config.compile.configuration import Configuration
from aigw_extproc.config.files import watcher
from aigw_extproc.config.snapshot import Address, Snapshot
from aigw_extproc.envoy.binary import find_envoy
from aigw_extproc.envoy.options import ListenAddress, Options
from aigw_extproc.run.child import Child
from aigw_extproc.run.probes import drain_envoy, envoy_ready
from aigw_extproc.serve.source import Source

RELOAD_LAG = 1.0
"""Seconds by which the processor follows Envoy when resources change: time to read a file and resolve a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyFiles:
    """What Envoy reads: its configuration once, the upstreams' clusters whenever they have changed."""

    options: Options

    @classmethod
    def at(cls, runtime: Path, listen: Address, processors: Sequence[ListenAddress], *, access_log: bool) -> EnvoyFiles:
        """Files and the admin interface's socket, all in `runtime`."""
        return cls(
            options=Options(
                listen=listen,
                processors=tuple(processors),
                admin=runtime / "envoy-admin.sock",
                clusters_file=runtime / "clusters.yaml",
                access_log=access_log,
            )
        )

    def write(self, snapshot: Snapshot) -> Path:
        """Writes everything; returns the configuration's file."""
        # Imported here: it takes half a second, which a refused configuration need not wait for.
        from aigw_extproc.envoy.render import render, to_yaml

        self.write_clusters(snapshot)
        file = self._clusters.with_name("envoy.yaml")
        _replace(file, to_yaml(render(snapshot, self.options)))
        return file

    def write_clusters(self, snapshot: Snapshot) -> None:
        """Replaces the clusters. Envoy notices a file that is moved into place, not one that is written to."""
        from aigw_extproc.envoy.render import render_clusters, to_yaml

        _replace(self._clusters, to_yaml(render_clusters(snapshot, self.options)))

    @property
    def _clusters(self) -> Path:
        assert self.options.clusters_file is not None  # noqa: S101 - set by `at`
        return self.options.clusters_file


def _replace(file: Path, text: str) -> None:
    """Who waits for the file finds it whole."""
    draft = file.with_suffix(".new")
    draft.write_text(text)
    draft.replace(file)


class Clusters:
    """Envoy's clusters while resources change: new ones at once, old ones until nobody is sent there any more."""

    def __init__(self, files: EnvoyFiles, snapshot: Snapshot) -> None:
        self._files = files
        self._known = snapshot
        self._retirement: asyncio.TimerHandle | None = None

    def change(self, snapshot: Snapshot) -> None:
        """Adds what is new in `snapshot`, and removes what is not in it once the processor goes by it too."""
        if self._retirement:
            self._retirement.cancel()
        self._write(replace(snapshot, rules=(*self._known.rules, *snapshot.rules)))
        self._retirement = asyncio.get_running_loop().call_later(2 * RELOAD_LAG, self._write, snapshot)

    def _write(self, snapshot: Snapshot) -> None:
        self._files.write_clusters(snapshot)
        self._known = snapshot


async def keep_clusters(source: Source, configuration: Configuration, files: EnvoyFiles) -> None:
    """Gives Envoy other clusters when the resources change; until cancelled."""
    if source.paths:
        # The processor watches the same files, and tells what is wrong with them: once is enough.
        logging.getLogger(watcher.__name__).addHandler(logging.NullHandler())
        clusters = Clusters(files, configuration.snapshot)
        status = watcher.ReloadStatus()
        apply = lambda changed: clusters.change(changed.snapshot)  # noqa: E731 - a name for what is passed on
        await watcher.watch(source.paths, configuration, apply, status, secrets=source.secrets)


async def write_until_stopped(source: Source, files: EnvoyFiles) -> None:
    """Writes Envoy's files, and the clusters anew when the resources change, until SIGTERM or SIGINT.

    Raises:
        ConfigError: the resources cannot be used; nothing was written.
        OSError: the files cannot be written.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    configuration = source.load()
    print(f"aigw-extproc: wrote {files.write(configuration.snapshot)}", flush=True)
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(keep_clusters(source, configuration, files))
        await stop.wait()
        keeping.cancel()


def envoy_child(files: EnvoyFiles, snapshot: Snapshot, *, drain_seconds: float) -> Child:
    """Envoy with the configuration for `snapshot`, which is written here.

    Raises:
        EnvoyNotFound: there is none.
    """
    binary, config = find_envoy(), files.write(snapshot)
    admin = files.options.admin
    assert isinstance(admin, Path)  # noqa: S101 - set by `at`
    flags = ("--use-dynamic-base-id", "--log-level", "warning", "--file-flush-interval-msec", "500")
    return Child(
        name="envoy",
        argv=(str(binary), "--config-path", str(config), *flags),
        ready=partial(envoy_ready, admin),
        drain=partial(drain_envoy, admin),
        stop_seconds=drain_seconds,
    )
