"""Envoy as a child process, and the files that it reads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aigw_extproc.config.cluster_names import by_content, clusters
from aigw_extproc.config.compile.configuration import Configuration
from aigw_extproc.config.files import watcher
from aigw_extproc.config.snapshot import Rule, Snapshot
from aigw_extproc.envoy.binary import find_envoy
from aigw_extproc.envoy.options import Options
from aigw_extproc.serve.child import POLL_SECONDS, Child
from aigw_extproc.serve.contexts import background, stop_signals
from aigw_extproc.serve.probes import drain_envoy, envoy_ready
from aigw_extproc.serve.source import ConfigurationSource

if TYPE_CHECKING:
    from aigw_extproc.envoy.render import ClusterTexts

KEPT_SECONDS = 600.0
"""How long the clusters of an earlier configuration are kept, for requests that are still tried."""
RELOAD_LAG = 1.0
"""Seconds between Envoy's change of clusters and the processor's: time to read a file and resolve a name."""


class EnvoyFiles:
    """Envoy's files: the configuration, which it reads once; clusters and routes, which it reads after each change."""

    def __init__(self, folder: Path, options: Options) -> None:
        self._folder = folder
        self._clusters = folder / "clusters.yaml"
        self._routes = folder / "routes.yaml"
        self._options = replace(options, clusters_file=self._clusters, routes_file=self._routes)
        self._texts: ClusterTexts | None = None

    def write(self, snapshot: Snapshot) -> Path:
        """Write all files, and return the configuration's."""
        # Imported here: it takes 0.5 s, which an invalid configuration need not wait for.
        from aigw_extproc.envoy.render import render, to_yaml

        self.write_changes(snapshot)
        file = self._folder / "envoy.yaml"
        _replace(file, to_yaml(render(by_content(snapshot), self._options)))
        return file

    def write_changes(self, snapshot: Snapshot, kept: Iterable[Rule] = ()) -> None:
        """Replace clusters and routes; `kept` are earlier rules whose clusters remain.

        Envoy notices a file that is moved into place, not one that is written to.
        """
        from aigw_extproc.envoy.render import ClusterTexts, render_routes, to_yaml

        self._texts = self._texts or ClusterTexts(self._options)
        snapshot = by_content(snapshot)
        clustered = replace(snapshot, rules=(*kept, *snapshot.rules))
        _replace(self._clusters, self._texts.render(clustered))
        _replace(self._routes, to_yaml(render_routes(snapshot)))  # after the clusters that it names


def _replace(file: Path, text: str) -> None:
    """Write a file so that it is never read half written, if that changes it: Envoy would load the same again."""
    if file.exists() and file.read_text() == text:
        return
    draft = file.with_suffix(".new")
    draft.write_text(text)
    draft.replace(file)


class Clusters:
    """Envoy's clusters and filters while resources change: adds new ones at once, removes old ones when unused."""

    def __init__(self, files: EnvoyFiles, snapshot: Snapshot, kept_seconds: float = KEPT_SECONDS) -> None:
        self._files = files
        self._known = by_content(snapshot)
        self._kept: tuple[Rule, ...] = ()
        self._kept_seconds = kept_seconds
        self._transition: asyncio.TimerHandle | None = None

    def change(self, snapshot: Snapshot) -> None:
        """Add clusters and filters of `snapshot`, and remove all others when the processor uses `snapshot` too.

        Requests that began before may be tried again later: their clusters are kept for a while.
        """
        if self._transition:
            self._transition.cancel()
        changed = by_content(snapshot)
        self._known = replace(changed, rules=(*self._known.rules, *changed.rules))
        self._files.write_changes(self._known, self._kept)
        self._transition = asyncio.get_running_loop().call_later(2 * RELOAD_LAG, self._settle, changed)

    def _settle(self, snapshot: Snapshot) -> None:
        used = {name for rule in snapshot.rules for name in clusters(rule)}
        retired = tuple(rule for rule in self._known.rules if not clusters(rule) <= used)
        self._known = snapshot
        self._kept += retired
        self._files.write_changes(snapshot, self._kept)
        asyncio.get_running_loop().call_later(self._kept_seconds, self._forget, retired)

    def _forget(self, retired: tuple[Rule, ...]) -> None:
        self._kept = self._kept[len(retired) :]  # the earliest
        self._files.write_changes(self._known, self._kept)


async def keep_clusters(source: ConfigurationSource, configuration: Configuration, files: EnvoyFiles) -> None:
    """Rewrite Envoy's clusters when the resources change, until cancelled."""
    if source.files:
        # The processor watches the same files, and logs what is wrong with them.
        logging.getLogger(watcher.__name__).addHandler(logging.NullHandler())
        follower = Clusters(files, configuration.snapshot)
        await watcher.watch(
            source.files,
            configuration,
            lambda changed: follower.change(changed.snapshot),
            watcher.ReloadStatus(),
            secrets=source.secrets,
            reload=source.load,
        )


async def write_until_stopped(source: ConfigurationSource, files: EnvoyFiles) -> None:
    """Write Envoy's files, and rewrite the clusters when the resources change, until SIGTERM or SIGINT.

    Raises:
        ConfigError: the resources cannot be used; nothing was written.
        OSError: the files cannot be written.
    """
    with stop_signals() as stop:
        if not await _is_published(source, stop):
            return
        configuration = source.load()
        print(f"aigw-extproc: wrote {files.write(configuration.snapshot)}", flush=True)
        async with background(keep_clusters(source, configuration, files)):
            await stop.wait()


async def _is_published(source: ConfigurationSource, stop: asyncio.Event) -> bool:
    """Wait for the first configuration from the Kubernetes API; return whether there is one before `stop`.

    Envoy reads some of it once only, so it must not start with an empty one.
    """
    while source.published is not None and not source.published.exists():
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await stop.wait()
                return False
        except TimeoutError:
            continue
    return True


def envoy_child(files: EnvoyFiles, snapshot: Snapshot, admin: Path, *, drain_seconds: float) -> Child:
    """Write Envoy's files for `snapshot`, and return Envoy as a child process with its admin interface at `admin`.

    Raises:
        EnvoyNotFound: there is no Envoy.
    """
    binary, config = find_envoy(), files.write(snapshot)
    flags = ("--use-dynamic-base-id", "--log-level", "warning", "--file-flush-interval-msec", "500")
    return Child(
        name="envoy",
        argv=(str(binary), "--config-path", str(config), *flags),
        ready=partial(envoy_ready, admin),
        drain=partial(drain_envoy, admin),
        stop_seconds=drain_seconds,
    )
