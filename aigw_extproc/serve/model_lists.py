"""Bedrock's lists of models, kept up to date in the background.

Each worker fetches them itself: it has the credentials already, and two requests an hour are less than a channel
between processes would cost. No request of a client waits for them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aigw_extproc.aws.credentials.threads import to_daemon_thread
from aigw_extproc.aws.identity import BearerToken, Credentials, Identity
from aigw_extproc.bedrock.models import AvailableModel
from aigw_extproc.config.snapshot import AwsAuth, ModelSource
from aigw_extproc.errors import CredentialsUnavailable
from aigw_extproc.listed_models import ListFailed, ModelLists
from aigw_extproc.routing import Router

log = logging.getLogger(__name__)

REFRESH_SECONDS: Final = 3600.0
RETRY_SECONDS: Final = 1.0
"""The pause after the first failure; each further one doubles it, up to REFRESH_SECONDS."""
LOGGED_FAILURES: Final = 3
"""The number of failures in a row that is logged, once: a simulator may have started at the same time."""
TICK_SECONDS: Final = 0.5
"""The time after which a change of the configuration is noticed."""

Fetch = Callable[[ModelSource, Identity], tuple[AvailableModel, ...]]
FindCredentials = Callable[[AwsAuth], Awaitable[Identity]]


@dataclass(slots=True)
class _Account:
    """What is known of one account."""

    models: tuple[AvailableModel, ...] | None = None
    due: float = 0.0
    failures: int = 0


async def keep_model_lists(
    router: Callable[[], Router],
    credentials: FindCredentials,
    apply: Callable[[ModelLists], None],
    fetch: Fetch | None = None,
) -> None:
    """Fetch the lists that the rules of `router` need, and `apply` them when they have changed, until cancelled."""
    accounts: dict[ModelSource, _Account] = {}
    while True:
        accounts = {source: accounts.get(source, _Account()) for source in router().listed.sources}
        due = [source for source, account in accounts.items() if account.due <= time.monotonic()]
        before = [accounts[source].models for source in due]
        await asyncio.gather(*(_update(source, accounts[source], credentials, fetch or _fetch) for source in due))
        if before != [accounts[source].models for source in due]:
            apply({source: account.models for source, account in accounts.items() if account.models is not None})
        await asyncio.sleep(TICK_SECONDS)


async def _update(source: ModelSource, account: _Account, credentials: FindCredentials, fetch: Fetch) -> None:
    try:
        identity = await _identity(source.auth, credentials)
        account.models = await to_daemon_thread(fetch, source, identity)
    except Exception as failure:  # whatever it is, the last list or the built-in one remains
        account.failures += 1
        account.due = time.monotonic() + min(RETRY_SECONDS * 2.0 ** (account.failures - 1), REFRESH_SECONDS)
        if account.failures == LOGGED_FAILURES:
            _log(source, account, failure)
    else:
        account.failures, account.due = 0, time.monotonic() + REFRESH_SECONDS


def _log(source: ModelSource, account: _Account, failure: Exception) -> None:
    used = "built-in" if account.models is None else "last"
    reason = failure if isinstance(failure, (ListFailed, CredentialsUnavailable)) else type(failure).__name__
    log.info("list of models not fetched, the %s one is used upstream=%s: %s", used, source.upstream.cluster, reason)


async def _identity(auth: AwsAuth, credentials: FindCredentials) -> Identity:
    if isinstance(auth.source, (Credentials, BearerToken)):
        return auth.source
    return await credentials(auth)


def _fetch(source: ModelSource, identity: Identity) -> tuple[AvailableModel, ...]:
    # Imported in the thread: it takes 0.1 s, and most gateways whose rules name their models never need it.
    from aigw_extproc.outbound import model_lists

    return model_lists.fetch(source, identity)
