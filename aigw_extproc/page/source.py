"""What the page shows, as values that the serving process supplies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from aigw_extproc.config.snapshot import RoutedModel
from aigw_extproc.page.traffic import Record
from aigw_extproc.routing import Router


class Source(Protocol):
    """A running gateway. Nothing that it returns has a secret."""

    started: float
    """Seconds since 1970."""
    gateway: str
    """The URL at which clients connect, for the playground; empty if it is not known."""
    keeps: bool
    """Whether it keeps responses."""

    def details(self) -> Mapping[str, Any]:
        """Return what `/readyz` has: configuration, credentials, warnings, workers."""
        ...

    def router(self) -> Router:
        """Return the rules in effect."""
        ...

    def traffic(self) -> Iterable[Record]:
        """Return the last exchanges of all workers."""
        ...

    def models(self) -> Sequence[RoutedModel]:
        """Return the models that rules list."""
        ...


class Backend(msgspec.Struct, frozen=True, kw_only=True):
    """A backend of a rule."""

    name: str
    schema: str
    host: str
    addresses: tuple[str, ...]
    region: str
    credentials: str
    """Their source, in words."""
    weight: int
    priority: int
    model: str
    """The configured model; empty for the client's."""


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """A rule."""

    name: str
    hosts: tuple[str, ...]
    matches: tuple[str, ...]
    policy: str
    failover: bool
    backends: tuple[Backend, ...]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What runs. `/status.json` is this."""

    version: str
    started: float
    now: float
    config: Mapping[str, Any]
    credentials: Sequence[Mapping[str, Any]]
    warnings: Sequence[str]
    workers: int | None
    """How many run; None without workers of their own."""
    rules: tuple[RuleView, ...]
    requests: int
    """The number of the last requests that are known."""
    failed: int
    """Those of them that failed."""
