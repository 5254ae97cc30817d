"""Credentials, kept fresh: an exchange waits for a source only when there is nothing to use instead.

Two windows before the end of temporary credentials, as AWS's own SDKs have them. In the advisory window they are
renewed in the background, and used on if that fails. In the mandatory window they are used no more: what was signed
with them could expire on its way.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from aigw_extproc import metrics
from aigw_extproc.aws.credentials.found import Found, SourceFailed, watched_files
from aigw_extproc.aws.identity import AssumeRole, BearerToken, Credentials, DefaultChain, Identity, Source
from aigw_extproc.config.snapshot import AwsAuth
from aigw_extproc.errors import CredentialsUnavailable

log = logging.getLogger(__name__)

ADVISORY_SECONDS = 15 * 60.0
"""botocore's own. For credentials that live for less than an hour, the last quarter of their life."""
MANDATORY_SECONDS = 30.0
"""An exchange under way has this long to reach AWS; botocore's ten minutes would waste a lifetime of fifteen."""
RETRY_SECONDS = 5.0
"""After a failure a source is left alone for this long, give or take a fifth, and requests fail at once."""
TICK_SECONDS = 1.0
"""How often the keeper looks whether something is due, or a file has changed."""

Find = Callable[[Source, str], Found]


@dataclass(slots=True)
class Entry:
    """One source: what it yielded last, and what went wrong since."""

    source: Source = field(repr=False)
    region: str
    found: Found | None = None
    found_at: float = 0.0
    error: str | None = None
    """Why the last attempt failed; None when it did not."""
    retry_at: float = 0.0
    files: tuple[tuple[str, int, int], ...] = ()
    """The state of the files that were read."""
    renewal: asyncio.Task[None] | None = field(default=None, repr=False)

    def usable(self, now: float) -> Identity | None:
        """What may be signed with now."""
        if self.found is None or (self.expires_in(now) or MANDATORY_SECONDS + 1) <= MANDATORY_SECONDS:
            return None
        return self.found.identity

    def is_due(self, now: float) -> bool:
        """Whether it is time to ask the source again."""
        if now < self.retry_at:
            return False
        remaining = self.expires_in(now)
        if self.found is None or self.files != _state(self.source):
            return True
        if remaining is None:
            return False
        lifetime = (self.found.expires_at or 0.0) - self.found_at
        return remaining <= min(ADVISORY_SECONDS, lifetime / 4)

    def expires_in(self, now: float) -> float | None:
        """Seconds that are left; None when they do not expire."""
        if self.found is None or self.found.expires_at is None:
            return None
        return self.found.expires_at - now


class CredentialCache:
    """All sources of one process. One attempt at a time for each, however many exchanges wait for it."""

    def __init__(self, *, find: Find | None = None, clock: Callable[[], float] = time.time) -> None:
        """`find` asks a source, and may block; without it botocore does."""
        self._find = find or _find
        self._clock = clock
        self._entries: dict[Source, Entry] = {}

    async def get(self, auth: AwsAuth) -> Identity:
        """Credentials that hold now; without waiting when there are any.

        Raises:
            CredentialsUnavailable: there are none. The log says why, once per attempt.
        """
        entry = self._entry(auth)
        identity = entry.usable(self._clock())
        if identity is None:
            await self._renew(entry)
            identity = entry.usable(self._clock())
        if identity is None:
            raise CredentialsUnavailable("the gateway has no AWS credentials at the moment; its log says why")
        return identity

    async def keep_fresh(self, wanted: Callable[[], Iterable[AwsAuth]]) -> None:
        """Renews in the background what is due, and forgets what is no longer `wanted`; until cancelled."""
        while True:
            auths = {auth.source: auth for auth in wanted() if not isinstance(auth.source, Credentials | BearerToken)}
            self._entries = {source: self._entry(auth) for source, auth in auths.items()}
            for entry in self._entries.values():
                if entry.is_due(self._clock()):
                    self._begin(entry)
                self._gauge(entry)
            await asyncio.sleep(TICK_SECONDS)

    def as_details(self) -> list[dict[str, object]]:
        """The state of every source as plain values, for `/readyz`; no secret among them."""
        now = self._clock()
        return [
            {
                "source": describe(entry.source),
                "method": entry.found.method if entry.found else None,
                "usable": entry.usable(now) is not None,
                "expires_in": entry.expires_in(now),
                "error": entry.error,
            }
            for entry in self._entries.values()
        ]

    def _entry(self, auth: AwsAuth) -> Entry:
        entry = self._entries.get(auth.source)
        if entry is None:
            entry = self._entries[auth.source] = Entry(auth.source, auth.region)
        return entry

    async def _renew(self, entry: Entry) -> None:
        if self._clock() >= entry.retry_at or entry.renewal is not None:
            await asyncio.shield(self._begin(entry))

    def _begin(self, entry: Entry) -> asyncio.Task[None]:
        """The attempt under way, or a new one. It outlives the exchange that asked for it."""
        if entry.renewal is None:
            entry.renewal = asyncio.ensure_future(self._attempt(entry))
        return entry.renewal

    async def _attempt(self, entry: Entry) -> None:
        files = _state(entry.source)
        try:
            found = await asyncio.to_thread(self._find, entry.source, entry.region)
        except SourceFailed as failure:
            self._failed(entry, str(failure))
        except Exception as failure:  # botocore's sources raise whatever their I/O raises
            self._failed(entry, type(failure).__name__)
        else:
            entry.found, entry.found_at, entry.error = found, self._clock(), None
            metrics.CREDENTIAL_REFRESHES.labels(describe(entry.source), "ok").inc()
            log.info("credentials found source=%s method=%s", describe(entry.source), found.method)
        finally:
            entry.files, entry.renewal = files, None

    def _failed(self, entry: Entry, reason: str) -> None:
        spread = RETRY_SECONDS * (0.8 + 0.4 * random.random())  # noqa: S311 - spreads load, keeps no secret
        entry.error, entry.retry_at = reason, self._clock() + spread
        metrics.CREDENTIAL_REFRESHES.labels(describe(entry.source), "failed").inc()
        log.warning("no credentials source=%s: %s", describe(entry.source), reason)

    def _gauge(self, entry: Entry) -> None:
        remaining = entry.expires_in(self._clock())
        if remaining is not None:
            metrics.CREDENTIAL_EXPIRY.labels(describe(entry.source)).set(remaining)


def _find(source: Source, region: str) -> Found:
    # Imported here, in a thread: it takes a fifth of a second that a gateway with fixed credentials need not spend.
    from aigw_extproc.aws.credentials import sources

    return sources.find(source, region)


def describe(source: Source) -> str:
    """A source for logs and metrics: what kind, and of which role."""
    if isinstance(source, AssumeRole):
        return f"{describe(source.base)} as {source.role_arn}"
    return _NAMES.get(type(source), type(source).__name__)


_NAMES = {DefaultChain: "default chain", Credentials: "configuration", BearerToken: "API key"}


def _state(source: Source) -> tuple[tuple[str, int, int], ...]:
    """What tells one state of a source's files from another."""
    base: Source = source
    while isinstance(base, AssumeRole):
        base = base.base
    return tuple(map(_identity, watched_files())) if isinstance(base, DefaultChain) else ()


def _identity(file: Path) -> tuple[str, int, int]:
    try:
        status = file.stat()
    except OSError:
        return str(file), 0, 0
    return str(file), status.st_mtime_ns, status.st_ino
