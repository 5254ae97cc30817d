"""What the simulator believes: its region, and the credentials that it knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

DEFAULT_PORT = 8091
DEMO_REGION = "us-east-1"
DEMO_ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
"""With its secret, the example pair of AWS's own documentation: it opens nothing anywhere."""
DEMO_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - see the line above


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One simulated account in one region. Without arguments: the demo's key pair in us-east-1."""

    region: str = DEMO_REGION
    """The region that signatures must be scoped to."""
    credentials: Mapping[str, str] = field(
        default_factory=lambda: {DEMO_ACCESS_KEY_ID: DEMO_SECRET_ACCESS_KEY}, repr=False
    )
    """Secret access keys by access key id."""
    session_tokens: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Valid session tokens by access key id. A key that is listed is temporary: a token has to come with it."""
    expired_session_tokens: frozenset[str] = field(default=frozenset(), repr=False)
    """Tokens that are known and over."""
    bearer_tokens: frozenset[str] = field(default=frozenset(), repr=False)
    """Bedrock API keys, for `Authorization: Bearer`."""
    clock: Callable[[], float] = time.time
    """Seconds since 1970: the simulator's idea of now."""
