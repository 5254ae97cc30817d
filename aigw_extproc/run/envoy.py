"""Envoy as a child process, and the files that it reads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from aigw_extproc.config.compile.configuration import Configuration
from aigw_extproc.config.files import watcher
from aigw_extproc.config.snapshot import Address, Snapshot
from aigw_extproc.envoy.binary import find_envoy
from aigw_extproc.envoy.options import ListenAddress, Options
from aigw_extproc.run.probes import drain_envoy, envoy_ready
from aigw_extproc.serve.child import Child
from aigw_extproc.serve.contexts import background, stop_signals
from aigw_extproc.serve.source import ConfigurationSource

RELOAD_LAG = 1.0
"""Seconds between Envoy's change of clusters and the processor's: time to read a file and resolve a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyFiles:
    """Envoy's files: the configuration, which it reads once, and the clusters, which it reads after each change."""

    options: Options

    @classmethod
    def at(cls, runtime: Path, listen: Address, processors: Sequence[ListenAddress], *, access_log: bool) -> EnvoyFiles:
        """Return the files, and the socket of the admin interface, in the folder `runtime`."""
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
        """Write both files, and return the configuration's."""
        # Imported here: it takes 0.5 s, which an invalid configuration need not wait for.
        from aigw_extproc.envoy.render import render, to_yaml

        self.write_clusters(snapshot)
        file = self._clusters.with_name("envoy.yaml")
        _replace(file, to_yaml(render(snapshot, self.options)))
        return file

    def write_clusters(self, snapshot: Snapshot) -> None:
        """Replace the clusters. Envoy notices a file that is moved into place, not one that is written to."""
        from aigw_extproc.envoy.render import render_clusters, to_yaml

        _replace(self._clusters, to_yaml(render_clusters(snapshot, self.options)))

    @property
    def _clusters(self) -> Path:
        assert self.options.clusters_file is not None  # noqa: S101 - set by `at`
        return self.options.clusters_file


def _replace(file: Path, text: str) -> None:
    """Write a file so that it is never read half written."""
    draft = file.with_suffix(".new")
    draft.write_text(text)
    draft.replace(file)


class Clusters:
    """Envoy's clusters while resources change: adds new ones at once, removes old ones when they are unused."""

    def __init__(self, files: EnvoyFiles, snapshot: Snapshot) -> None:
        self._files = files
        self._known = snapshot
        self._retirement: asyncio.TimerHandle | None = None

    def change(self, snapshot: Snapshot) -> None:
        """Add the clusters of `snapshot`, and remove all others when the processor uses `snapshot` too."""
        if self._retirement:
            self._retirement.cancel()
        self._write(replace(snapshot, rules=(*self._known.rules, *snapshot.rules)))
        self._retirement = asyncio.get_running_loop().call_later(2 * RELOAD_LAG, self._write, snapshot)

    def _write(self, snapshot: Snapshot) -> None:
        self._files.write_clusters(snapshot)
        self._known = snapshot


async def keep_clusters(source: ConfigurationSource, configuration: Configuration, files: EnvoyFiles) -> None:
    """Rewrite Envoy's clusters when the resources change, until cancelled."""
    if source.paths:
        # The processor watches the same files, and logs what is wrong with them.
        logging.getLogger(watcher.__name__).addHandler(logging.NullHandler())
        clusters = Clusters(files, configuration.snapshot)
        await watcher.watch(
            source.paths,
            configuration,
            lambda changed: clusters.change(changed.snapshot),
            watcher.ReloadStatus(),
            secrets=source.secrets,
        )


async def write_until_stopped(source: ConfigurationSource, files: EnvoyFiles) -> None:
    """Write Envoy's files, and rewrite the clusters when the resources change, until SIGTERM or SIGINT.

    Raises:
        ConfigError: the resources cannot be used; nothing was written.
        OSError: the files cannot be written.
    """
    with stop_signals() as stop:
        configuration = source.load()
        print(f"aigw-extproc: wrote {files.write(configuration.snapshot)}", flush=True)
        async with background(keep_clusters(source, configuration, files)):
            await stop.wait()


def envoy_child(files: EnvoyFiles, snapshot: Snapshot, *, drain_seconds: float) -> Child:
    """Write Envoy's files for `snapshot`, and return Envoy as a child process.

    Raises:
        EnvoyNotFound: there is no Envoy.
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
