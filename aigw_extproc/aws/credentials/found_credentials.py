"""Credentials from a source, and the state of the files that a source reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aigw_extproc.aws.identity import AssumeRole, CredentialSource, DefaultChain, Identity, Profile

Stamp = tuple[tuple[str, int, int], ...]
"""The state of files: name, time of the last change and inode of each."""


class SourceFailed(Exception):
    """A source has no credentials; the text says why and holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCredentials:
    """Credentials, and where they came from."""

    identity: Identity
    method: str
    """Which provider of the source had them: `env`, `assume-role-with-web-identity`, `container-role`…"""
    expires_at: float | None = None
    """Seconds since 1970; None if they do not expire."""


def watched_files(environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Return the files that the default chain reads. A change to one means new credentials.

    https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
    """
    named = [
        environment.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        environment.get("AWS_CONFIG_FILE", "~/.aws/config"),
        environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"),
        environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    ]
    # Path.expanduser fails for users without a home, as in small containers.
    return tuple(Path(os.path.expanduser(name)) for name in named if name)  # noqa: PTH111 - see above


def stamp(source: CredentialSource) -> Stamp:
    """Return the current state of the files that a source reads."""
    while isinstance(source, AssumeRole):
        source = source.base
    return tuple(map(_file_state, watched_files())) if isinstance(source, DefaultChain | Profile) else ()


def _file_state(file: Path) -> tuple[str, int, int]:
    try:
        status = file.stat()
    except OSError:
        return str(file), 0, 0
    return str(file), status.st_mtime_ns, status.st_ino
