"""This process, as the page sees it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aigw_extproc.config.snapshot import RoutedModel
from aigw_extproc.page.traffic import Record
from aigw_extproc.routing import Router
from aigw_extproc.serve.live import Live
from aigw_extproc.serve.options import ServeOptions


class LiveSource:
    """A `Source` of the page."""

    def __init__(self, live: Live, options: ServeOptions) -> None:
        self._live = live
        self.started = time.time()
        self.gateway = options.gateway
        self.keeps = options.store is not None

    def details(self) -> Mapping[str, Any]:
        return self._live.details()

    def router(self) -> Router:
        return self._live.router()

    def traffic(self) -> Iterable[Record]:
        return self._live.traffic()

    def models(self) -> Sequence[RoutedModel]:
        return self._live.models()
