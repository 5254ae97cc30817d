"""What a source of credentials yields."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aigw_extproc.aws.identity import Identity


class SourceFailed(Exception):
    """A source has no credentials; the text says why, for the operator, and holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Credentials, and where they were found."""

    identity: Identity
    method: str
    """Which of a source's places answered: `env`, `assume-role-with-web-identity`, `container-role`…"""
    expires_at: float | None = None
    """Seconds since 1970; None when they do not expire."""


def watched_files(environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """The files that the default chain reads: a change to one means new credentials.

    https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
    """
    named = [
        environment.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        environment.get("AWS_CONFIG_FILE", "~/.aws/config"),
        environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"),
        environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    ]
    return tuple(Path(name).expanduser() for name in named if name)
