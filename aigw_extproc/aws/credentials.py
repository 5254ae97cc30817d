"""Where credentials come from when the configuration does not hold them: what an AWS SDK would find.

botocore does the looking (environment, shared files, SSO, IRSA, Pod Identity, IMDS) in a thread, since it blocks. What
was found is kept and renewed in the background before it expires, so that an exchange never waits for it but the
first time.
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.config.snapshot import AwsAuth
from aigw_extproc.errors import CredentialsUnavailable

if TYPE_CHECKING:
    from botocore.session import Session

log = logging.getLogger(__name__)


HOLD_SECONDS = 60.0
"""How long found credentials are used without asking botocore again, which itself renews them 15 minutes before they
expire."""


class CredentialCache:
    """The default chain's credentials, found once and asked for again once a minute."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._current: Credentials | None = None
        self._checked = float("-inf")
        self._lock = asyncio.Lock()

    async def get(self, _auth: AwsAuth) -> Credentials:
        """Credentials that hold now.

        Raises:
            CredentialsUnavailable: no source has any; the log says why.
        """
        async with self._lock:
            if self._current is None or time.monotonic() - self._checked > HOLD_SECONDS:
                self._current = await asyncio.to_thread(self._find)
                self._checked = time.monotonic()
            return self._current

    def _find(self) -> Credentials:
        # Imported here: it takes a fifth of a second that a gateway with fixed credentials need not wait.
        from botocore.session import Session

        self._session = self._session or Session()
        try:
            found = self._session.get_credentials()
            frozen = found.get_frozen_credentials() if found is not None else None
        except Exception as error:  # botocore's sources raise whatever their I/O raises
            log.warning("no AWS credentials: %s", error)
            raise CredentialsUnavailable("the gateway could not get AWS credentials; its log says why") from None
        if frozen is None:
            log.warning("no AWS credentials in environment, files, IRSA, Pod Identity or IMDS")
            raise CredentialsUnavailable("the gateway has no AWS credentials; its log says where it looked")
        return Credentials(
            access_key_id=frozen.access_key, secret_access_key=frozen.secret_key, session_token=frozen.token or None
        )
