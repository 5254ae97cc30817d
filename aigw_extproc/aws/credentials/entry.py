"""One source of credentials over time: what it yielded last, how long that may be used, when to ask again.

Times are in seconds since 1970, and are arguments. Two windows before the end of temporary credentials, as AWS's own
SDKs have them: in the advisory one they are renewed in the background, and used on if that fails; in the mandatory one
they are used no more, since what was signed with them could expire on its way.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aigw_extproc.aws.credentials.found_credentials import FoundCredentials, Stamp
from aigw_extproc.aws.identity import CredentialSource, Identity

ADVISORY_SECONDS = 15 * 60.0
"""botocore's own. For credentials that live for less than an hour, the last quarter of their life."""
MANDATORY_SECONDS = 30.0
"""For those that live for less than four minutes, the last eighth. botocore's ten minutes waste much of a lifetime."""
RETRY_SECONDS = 5.0
"""After a failure a source is left alone for this long, give or take a fifth, and requests fail at once."""
MAX_RETRY_SECONDS = 60.0
"""As long as there are credentials to use on, each failure doubles the pause, up to this."""


@dataclass(slots=True)
class Entry:
    """The state of one source. Whatever chance spreads out is drawn once, as a `share` in [0, 1)."""

    source: CredentialSource = field(repr=False)
    region: str
    found: FoundCredentials | None = None
    lifetime: float = 0.0
    """Seconds that the credentials had left when they were found."""
    lead: float = 0.0
    """Seconds before their end at which they are renewed; chance makes each worker's another."""
    error: str | None = None
    """Why the last attempt failed; None when it did not."""
    failures: int = 0
    """In a row."""
    retry_at: float = 0.0
    files: Stamp = ()
    """The state of the files that were read last."""
    renewal: asyncio.Task[None] | None = field(default=None, repr=False)

    def usable(self, now: float) -> Identity | None:
        """What may be signed with now."""
        if self.found is None:
            return None
        remaining = self.expires_in(now)
        if remaining is not None and remaining <= min(MANDATORY_SECONDS, self.lifetime / 8):
            return None
        return self.found.identity

    def is_due(self, now: float, files: Stamp) -> bool:
        """Whether it is time to ask the source again, whose files look like this now."""
        if self.renewal is not None:
            return False
        if files != self.files:  # whatever made the last attempt fail may be mended
            return True
        if now < self.retry_at:
            return False
        remaining = self.expires_in(now)
        return self.found is None or (remaining is not None and remaining <= self.lead)

    def expires_in(self, now: float) -> float | None:
        """Seconds that are left; None when they do not expire."""
        if self.found is None or self.found.expires_at is None:
            return None
        return self.found.expires_at - now

    def succeed(self, found: FoundCredentials, now: float, share: float) -> None:
        """Takes what the source yielded."""
        self.found, self.error, self.failures, self.retry_at = found, None, 0, 0.0
        if found.expires_at is not None:
            self.lifetime = found.expires_at - now
            self.lead = min(ADVISORY_SECONDS, self.lifetime / 4) * (1 - share / 5)

    def fail(self, reason: str, now: float, share: float) -> None:
        """Notes why the source yielded nothing, and when to ask again."""
        pause = RETRY_SECONDS
        if self.usable(now) is not None:
            pause = min(RETRY_SECONDS * 2**self.failures, MAX_RETRY_SECONDS)
        self.error, self.retry_at = reason, now + pause * (0.8 + 0.4 * share)
        self.failures = min(self.failures + 1, 10)
