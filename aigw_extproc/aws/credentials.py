"""Where credentials come from when the configuration does not hold them: what an AWS SDK would find.

botocore does the looking (environment, shared files, SSO, IRSA, Pod Identity, IMDS) in a thread, since it blocks. What
was found is kept and renewed in the background before it expires, so that an exchange never waits for it but the
first time.
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.errors import CredentialsUnavailable

if TYPE_CHECKING:
    from botocore.credentials import Credentials as BotocoreCredentials

log = logging.getLogger(__name__)


class DefaultChainCredentials:
    """The default chain's credentials: found once, refreshed by botocore when they are due."""

    def __init__(self) -> None:
        self._found: BotocoreCredentials | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> Credentials:
        """Credentials that hold now.

        Raises:
            CredentialsUnavailable: no source has any; the log says why.
        """
        async with self._lock:
            return await asyncio.to_thread(self._frozen)

    def _frozen(self) -> Credentials:
        try:
            found = self._find()
            frozen = found.get_frozen_credentials() if found is not None else None
        except Exception as error:
            log.warning("no AWS credentials: %s", error)
            raise CredentialsUnavailable("the gateway could not get AWS credentials; its log says why") from None
        if frozen is None:
            log.warning("no AWS credentials in environment, files, IRSA, Pod Identity or IMDS")
            raise CredentialsUnavailable("the gateway has no AWS credentials; its log says where it looked")
        return Credentials(
            access_key_id=frozen.access_key, secret_access_key=frozen.secret_key, session_token=frozen.token or None
        )

    def _find(self) -> BotocoreCredentials | None:
        if self._found is None:
            # Imported here: it takes a fifth of a second that a gateway with fixed credentials need not wait.
            from botocore.session import Session

            self._found = Session().get_credentials()
        return self._found
