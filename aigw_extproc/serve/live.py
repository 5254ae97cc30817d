"""The state of a serving process that changes while it runs, and the reload that changes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from aigw_extproc.aws.identity import Identity
from aigw_extproc.config.cluster_names import by_content, for_envoy
from aigw_extproc.config.compile.configuration import Configuration
from aigw_extproc.config.files.watcher import ReloadStatus, watch
from aigw_extproc.config.snapshot import RoutedModel, Snapshot
from aigw_extproc.listed_models import NO_LISTS, ModelLists
from aigw_extproc.routing import Router
from aigw_extproc.serve.options import ServeOptions
from aigw_extproc.serve.shared_folder import CredentialDetails

if TYPE_CHECKING:
    from aigw_extproc.page.traffic import Record

_OPEN_PROCESSOR: Final = (
    "every machine that can connect to --listen has requests signed: use a unix socket or --tls-client-ca, or say"
    " --insecure; the next release requires one of them"
)
_OPEN_GATEWAY: Final = (
    "every machine that can connect to --host is served without an API key: use --api-keys or a SecurityPolicy, or say"
    " --insecure; the next release requires one of them"
)


class Live:
    """The current configuration, the credentials, and whether streams are served."""

    def __init__(self, configuration: Configuration, options: ServeOptions) -> None:
        self._options = options
        self.configuration = configuration
        """The one at the start."""
        self.status = ReloadStatus(loaded_at=time.time())
        self.serving = False
        self.credentials: Callable[[], CredentialDetails] = list
        """Returns the status of this process's credentials, or of its workers'."""
        self.traffic: Callable[[], Iterable[Record]] = tuple
        """Returns the last exchanges of this process, or of its workers."""
        self.models: Callable[[], Sequence[RoutedModel]] = self._listed
        """Returns the models that rules list, as this process or its workers know them."""
        self._had_credentials = False
        self.running_workers: Callable[[], int] | None = None
        """Returns how many workers run; None in a process without workers."""
        self.on_change: Callable[[Snapshot], None] = lambda _: None
        """Takes the snapshot of each change, before it is used."""
        self.synced: Callable[[], bool] = lambda: True
        """Returns whether the configuration is known, which with the Kubernetes API takes a moment."""
        self._lists: ModelLists = NO_LISTS
        self._router = Router(self.named(configuration.snapshot), options.allowed_hosts)

    @property
    def ready(self) -> bool:
        """Whether streams are served, by at least one worker if there are any, and with credentials if needed."""
        serving = self.serving and self.synced() and (self.running_workers is None or self.running_workers() > 0)
        return serving and (not self._options.ready_needs_credentials or self._has_credentials())

    def _has_credentials(self) -> bool:
        """Return whether credentials of one source were usable, once; True if none are looked up.

        Once is enough: if they cannot be renewed, a gateway that is taken out of service would only be harder to reach.
        """
        self._had_credentials = self._had_credentials or any(entry["usable"] for entry in self.credentials())
        sources = (auth.source for auth in self._router.snapshot.auths)
        return self._had_credentials or all(isinstance(source, Identity) for source in sources)

    def _listed(self) -> Sequence[RoutedModel]:
        return self._router.listed.of(self._router.snapshot.rules)

    def router(self) -> Router:
        """Return the router for new streams."""
        return self._router

    def apply(self, configuration: Configuration) -> None:
        """Use another configuration for new streams; open ones keep theirs."""
        self._use(self.named(configuration.snapshot))

    def named(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot with Envoy's names of clusters: by content, if they follow the files."""
        return by_content(snapshot) if self._options.reload_lag else snapshot

    def apply_lists(self, lists: ModelLists) -> None:
        """Use other lists of models for new streams."""
        self._lists = lists
        self._use(self._router.snapshot)

    def _use(self, snapshot: Snapshot) -> None:
        self.on_change(snapshot)
        self._router = Router(snapshot, self._options.allowed_hosts, self._lists, previous=self._router)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What lets in more clients than the operator may know, unless `insecure`."""
        if self._options.insecure:
            return ()
        open_processor = (_OPEN_PROCESSOR,) if self._options.listens_openly else ()
        open_gateway = (_OPEN_GATEWAY,) if self._options.exposed and self._router.open else ()
        return open_processor + open_gateway

    def details(self) -> dict[str, object]:
        """Return the details of `/readyz` as plain values, without secrets."""
        workers = {} if self.running_workers is None else {"workers_running": self.running_workers()}
        return {
            "config": self.status.as_details(),
            "credentials": self.credentials(),
            "warnings": self.warnings,
            **workers,
        }


async def reload(options: ServeOptions, live: Live) -> None:
    """Apply changes of the configuration's files until cancelled."""
    source, loop = options.source, asyncio.get_running_loop()

    pending: asyncio.TimerHandle | None = None
    latest = for_envoy(live.router().snapshot)

    def apply(configuration: Configuration) -> None:
        """Apply a change when Envoy has what it needs: at once, if that is what it has already."""
        nonlocal pending, latest
        needed = for_envoy(live.named(configuration.snapshot))
        lag = options.reload_lag
        if needed == latest:
            lag = max(0.0, pending.when() - loop.time()) if pending is not None else 0.0
        if pending is not None:
            pending.cancel()
        pending, latest = loop.call_later(lag, live.apply, configuration), needed

    if source.files:
        await watch(source.files, live.configuration, apply, live.status, secrets=source.secrets, reload=source.load)
