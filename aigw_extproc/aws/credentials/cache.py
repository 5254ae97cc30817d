"""A cache of credentials: an exchange waits for a source only if there are none to use."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Iterable

from aigw_extproc import metrics
from aigw_extproc.aws.credentials.entry import Entry
from aigw_extproc.aws.credentials.found_credentials import FoundCredentials, SourceFailed, stamp
from aigw_extproc.aws.credentials.threads import to_daemon_thread
from aigw_extproc.aws.identity import BearerToken, Credentials, CredentialSource, Identity, describe
from aigw_extproc.config.snapshot import AwsAuth
from aigw_extproc.errors import CredentialsUnavailable

log = logging.getLogger(__name__)

TICK_SECONDS = 0.5
"""Between two checks whether a renewal is due or a file has changed."""
WAIT_SECONDS = 8.0
"""How long an exchange waits for a source at most. Envoy waits ten seconds for our answer."""

Find = Callable[[CredentialSource, str], FoundCredentials]


class CredentialCache:
    """The credentials of all sources in a process. Exchanges that need the same source share one attempt.

    Methods are called on the event loop; sources and files are read in threads.
    """

    def __init__(
        self,
        *,
        find: Find | None = None,
        clock: Callable[[], float] = time.time,
        share: Callable[[], float] = random.random,
    ) -> None:
        """Create an empty cache.

        `find` gets credentials from a source and may block; the default is botocore. `share` returns random numbers in
        [0, 1), which spread the workers' renewals.
        """
        self._find = find or _find
        self._clock = clock
        self._share = share
        self._entries: dict[CredentialSource, Entry] = {}

    async def get(self, auth: AwsAuth) -> Identity:
        """Return credentials that are valid now, without waiting if there are any.

        Raises:
            CredentialsUnavailable: there are none. The log says why.
        """
        entry = self._entry(auth)
        identity = entry.usable(self._clock())
        if identity is None or (entry.renewal is not None and entry.is_rejected(identity)):
            await asyncio.ensure_future(self._wait_for(entry))  # a timeout needs a task, and the caller may have none
            identity = entry.usable(self._clock())
        if identity is None:
            raise CredentialsUnavailable("the gateway has no AWS credentials at the moment; its log says why")
        return identity

    def reject(self, auth: AwsAuth, identity: Identity) -> None:
        """Renew credentials that AWS has rejected as expired or unknown, once for each of them.

        Exchanges wait for the renewal. If it fails it is repeated; if it brings the same ones, they are used again, and
        the client gets AWS's error.
        """
        entry = self._entries.get(auth.source)
        if entry is not None and identity == entry.usable(self._clock()) and not entry.is_rejected(identity):
            log.warning("credentials rejected by AWS source=%s: renewing them", describe(entry.source))
            entry.rejected = identity
            self._begin(entry)

    async def keep_fresh(self, wanted: Callable[[], Iterable[AwsAuth]]) -> None:
        """Renew what is due and drop sources that are not `wanted`, until cancelled."""
        while True:
            self.retain(wanted())
            await self.renew_due()
            await asyncio.sleep(TICK_SECONDS)

    def retain(self, wanted: Iterable[AwsAuth]) -> None:
        """Keep the entries of these sources, and drop the others."""
        lookups = (auth for auth in wanted if not isinstance(auth.source, _FIXED))
        kept: dict[CredentialSource, Entry] = {auth.source: self._entry(auth) for auth in lookups}
        for source in self._entries.keys() - kept.keys():
            metrics.CREDENTIAL_EXPIRY.labels(describe(source)).set(math.inf)  # so that no alert fires
        self._entries = kept

    async def renew_due(self) -> list[asyncio.Task[None]]:
        """Start the renewals that are due, and return their tasks."""
        entries = list(self._entries.values())
        files = await asyncio.to_thread(lambda: [stamp(entry.source) for entry in entries])
        now = self._clock()
        for entry in entries:
            remaining = entry.expires_in(now)
            if remaining is not None:
                metrics.CREDENTIAL_EXPIRY.labels(describe(entry.source)).set(remaining)
        due = [entry for entry, state in zip(entries, files, strict=True) if entry.is_due(now, state)]
        return [self._begin(entry) for entry in due]

    def as_details(self) -> list[dict[str, object]]:
        """Return the state of every source as plain values without secrets, for `/readyz`."""
        now = self._clock()
        return [
            {
                "source": describe(entry.source),
                "method": entry.credentials.method if entry.credentials else None,
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

    async def _wait_for(self, entry: Entry) -> None:
        if entry.renewal is None and entry.pauses(self._clock()):
            return
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await asyncio.shield(self._begin(entry))
        except TimeoutError:
            log.warning("no credentials yet source=%s: it takes longer than a request can wait", describe(entry.source))

    def _begin(self, entry: Entry) -> asyncio.Task[None]:
        """Return the current attempt, or start one. It outlives the exchange that started it."""
        if entry.renewal is None:
            entry.renewal = asyncio.ensure_future(self._attempt(entry))
        return entry.renewal

    async def _attempt(self, entry: Entry) -> None:
        begun = self._clock()
        try:
            # Before the files are read, so that a change during the attempt is noticed.
            entry.files = await asyncio.to_thread(stamp, entry.source)
            credentials = await to_daemon_thread(self._find, entry.source, entry.region)
            self._succeeded(entry, credentials)
        except SourceFailed as failure:
            self._failed(entry, str(failure), begun)
        except Exception as failure:  # botocore passes on any error of its I/O
            self._failed(entry, type(failure).__name__, begun)
        finally:
            entry.renewal = None

    def _succeeded(self, entry: Entry, credentials: FoundCredentials) -> None:
        now = self._clock()
        if credentials.expires_at is not None and credentials.expires_at <= now:
            raise SourceFailed(f"{credentials.method} returned expired credentials")
        entry.succeed(credentials, now, self._share())
        metrics.CREDENTIAL_REFRESHES.labels(describe(entry.source), "ok").inc()
        log.info("credentials found source=%s method=%s", describe(entry.source), credentials.method)

    def _failed(self, entry: Entry, reason: str, begun: float) -> None:
        level = logging.DEBUG if reason == entry.error else logging.WARNING  # warn once
        entry.fail(reason, begun, self._share())
        metrics.CREDENTIAL_REFRESHES.labels(describe(entry.source), "failed").inc()
        log.log(level, "no credentials source=%s: %s", describe(entry.source), reason)


def _find(source: CredentialSource, region: str) -> FoundCredentials:
    # Imported here, in a thread: it takes 0.2 s, which a gateway with fixed credentials saves.
    from aigw_extproc.aws.credentials import sources

    return sources.find(source, region)


_FIXED = (Credentials, BearerToken)  # the exchange uses these directly
