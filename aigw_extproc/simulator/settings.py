"""Settings of the simulated account: its region and its credentials."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

DEMO_REGION = "us-east-1"
DEMO_ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
"""With its secret, the example pair of AWS's documentation, valid nowhere."""
DEMO_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - see the line above


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A simulated account in one region; by default the demo's key pair in us-east-1."""

    region: str = DEMO_REGION
    """Region that signatures must be scoped to."""
    credentials: Mapping[str, str] = field(
        default_factory=lambda: {DEMO_ACCESS_KEY_ID: DEMO_SECRET_ACCESS_KEY}, repr=False
    )
    """Secret access keys by access key id."""
    session_tokens: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Valid session tokens by access key id. A key in this table is temporary and needs a token."""
    expired_session_tokens: frozenset[str] = field(default=frozenset(), repr=False)
    """Session tokens that have expired."""
    bearer_tokens: frozenset[str] = field(default=frozenset(), repr=False)
    """Bedrock API keys, for `Authorization: Bearer`."""
    clock: Callable[[], float] = time.time
    """Current time in seconds since 1970."""
