"""The state of a source: its last credentials, how long they may be used, and when to renew them.

Times are in seconds since 1970. As in AWS's SDKs, temporary credentials have two windows before their end. In the
advisory window they are renewed in the background, and still used if that fails. In the mandatory window they are not
used, since a request signed with them could expire on its way.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aigw_extproc.aws.credentials.found_credentials import FoundCredentials, Stamp
from aigw_extproc.aws.identity import CredentialSource, Identity

ADVISORY_SECONDS = 15 * 60.0
"""As botocore. For credentials that live less than an hour, the last quarter of their lifetime."""
MANDATORY_SECONDS = 30.0
"""For credentials that live less than four minutes, the last eighth. botocore's ten minutes are too long for them."""
RETRY_SECONDS = 3.0
"""The pause from the beginning of an attempt that failed, plus or minus a fifth, during which requests fail at once.
With it, credentials are used within five seconds after their source is well again. A source that did not answer has
had its pause."""
MAX_RETRY_SECONDS = 60.0
"""While the old credentials are usable, each failure doubles the pause, up to this."""


@dataclass(slots=True)
class Entry:
    """The state of one source. Random `share`s in [0, 1) are arguments, to spread the workers' renewals."""

    source: CredentialSource = field(repr=False)
    region: str
    credentials: FoundCredentials | None = None
    lifetime: float = 0.0
    """Seconds that the credentials had left when they were issued."""
    lead: float = 0.0
    """Seconds before their end at which they are renewed; random per worker."""
    error: str | None = None
    """Why the last attempt failed; None if it succeeded."""
    failures: int = 0
    """Consecutive failures."""
    failed_at: float = 0.0
    """When the last attempt that failed began."""
    spread: float = 1.0
    """The factor of the pause after the last failure."""
    rejected: Identity | None = None
    """What AWS rejected last."""
    files: Stamp = ()
    """The state of the source's files at the last attempt."""
    renewal: asyncio.Task[None] | None = field(default=None, repr=False)

    def usable(self, now: float) -> Identity | None:
        """Return the identity that may be used now, or None."""
        if self.credentials is None:
            return None
        remaining = self.expires_in(now)
        if remaining is not None and remaining <= min(MANDATORY_SECONDS, self.lifetime / 8):
            return None
        return self.credentials.identity

    def is_due(self, now: float, files: Stamp) -> bool:
        """Return whether to start a renewal; `files` is the current state of the source's files."""
        if self.renewal is not None:
            return False
        if files != self.files:  # the cause of the last failure may be fixed
            return True
        if self.pauses(now):
            return False
        if self.credentials is None or (self.failures and self.is_rejected(self.credentials.identity)):
            return True
        remaining = self.expires_in(now)
        return remaining is not None and remaining <= self.lead

    def pauses(self, now: float) -> bool:
        """Return whether the last attempt failed so recently that there is none now.

        The pauses grow only while the old credentials are of use: without any, each second counts.
        """
        pause, identity = RETRY_SECONDS, self.usable(now)
        if identity is not None and not self.is_rejected(identity):
            pause = min(RETRY_SECONDS * 2.0 ** (self.failures - 1), MAX_RETRY_SECONDS)
        return self.failures > 0 and now < self.failed_at + pause * self.spread

    def is_rejected(self, identity: Identity) -> bool:
        """Return whether AWS has rejected these credentials."""
        return identity == self.rejected

    def expires_in(self, now: float) -> float | None:
        """Return the seconds left; None if there are no credentials or they do not expire."""
        if self.credentials is None or self.credentials.expires_at is None:
            return None
        return self.credentials.expires_at - now

    def succeed(self, credentials: FoundCredentials, now: float, share: float) -> None:
        """Store the source's credentials."""
        self.credentials, self.error, self.failures = credentials, None, 0
        if credentials.expires_at is not None:
            self.lifetime = credentials.expires_at - now
            self.lead = min(ADVISORY_SECONDS, self.lifetime / 4) * (1 - share / 5)

    def fail(self, reason: str, begun: float, share: float) -> None:
        """Store why the source failed, and when the attempt began."""
        self.error, self.failed_at, self.spread = reason, begun, 0.8 + 0.4 * share
        self.failures = min(self.failures + 1, 10)
