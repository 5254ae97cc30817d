"""The file through which the processes of a pod share what one of them has read from the Kubernetes API.

It is in a folder that only this user can use, in memory, and holds the Secrets that are referred to. It outlives a
container: one that starts while the API is away serves what was read last.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from aigw_extproc.config.compile.configuration import Configuration
from aigw_extproc.config.compile.independent import compile_independent
from aigw_extproc.config.snapshot import Snapshot
from aigw_extproc.errors import ConfigError, Problem
from aigw_extproc.kubernetes.store import Json

FILE: Final = "gateway.json"
"""The name of the file; `.json`, so that a folder of resource files would have it too."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file."""

    gateway: str
    """`namespace/name`: another gateway's file must not be taken over."""
    documents: list[dict[str, Any]]


def write(file: Path, gateway: str, documents: Sequence[Json]) -> bool:
    """Replace the file as a whole, and return whether that changed it.

    Raises:
        OSError: it cannot be written.
    """
    content = msgspec.json.encode({"gateway": gateway, "documents": documents})
    if file.exists() and file.read_bytes() == content:
        return False
    draft = file.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
        output.write(content)
    draft.replace(file)
    return True


def load(file: Path) -> Configuration:
    """Return the configuration in the file; an empty one before anything was published.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return Configuration(snapshot=Snapshot(rules=()), files=(str(file),))
    except OSError as error:
        raise _unusable(file, f"cannot be read: {error.strerror}") from None
    published = _decoded(content)
    if published is None:
        raise _unusable(file, "was not written by this program")
    configuration = compile_independent(published.documents).configuration
    return replace(configuration, files=(str(file),))


def discard_others(file: Path, gateway: str) -> bool:
    """Remove a file that is not this gateway's, and return whether there is one that is.

    Raises:
        OSError: it cannot be read or removed.
    """
    if not file.exists():
        return False
    published = _decoded(file.read_bytes())
    if published is not None and published.gateway == gateway:
        return True
    file.unlink()
    return False


def _decoded(content: bytes) -> Published | None:
    try:
        return msgspec.json.decode(content, type=Published)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _unusable(file: Path, message: str) -> ConfigError:
    return ConfigError([Problem(file=str(file), resource="file", path="", message=message)])
