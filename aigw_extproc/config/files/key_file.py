"""The file of API keys that `aigw-extproc keys` writes: a Secret with a digest for each client.

Only this user can read it, it is replaced as a whole, and the keys themselves are not in it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import yaml

from aigw_extproc.config.compile.clients import CLIENT_ID, DIGEST_PREFIX
from aigw_extproc.config.resources.documents import NOT_YAML

KEY_PREFIX: Final = "aigw_"
"""Begins every key, so that scanners for leaked secrets can find them."""

_BYTES: Final = 32
_OTHERS: Final = 0o077
_COMMENT: Final = "# Written by `aigw-extproc keys`. It holds digests: the keys themselves were shown once.\n"


class KeyFileError(Exception):
    """The file cannot be used, or the request does not fit it. The text is for the operator."""


def create(file: Path, name: str) -> str:
    """Add a client with a new key, and return the key. The file is created if there is none.

    Raises:
        KeyFileError: the name is invalid or taken, or the file is not one of this command.
        OSError: it cannot be read or written.
    """
    if CLIENT_ID.fullmatch(name) is None:
        raise KeyFileError(f"{name!r} cannot be a client's name: use letters, digits, '.', '_' and '-'")
    key = KEY_PREFIX + secrets.token_urlsafe(_BYTES)
    with _locked(file):
        secret = _read(file) if file.exists() else _empty(file)
        if name in secret["stringData"]:
            raise KeyFileError(f"'{name}' has a key already; revoke it first, or choose a name such as {name}-2")
        secret["stringData"][name] = DIGEST_PREFIX + sha256(key.encode()).hexdigest()
        _write(file, secret)
    return key


def names(file: Path) -> list[str]:
    """Return the names of the clients, sorted.

    Raises:
        KeyFileError: the file is not one of this command.
        OSError: it cannot be read.
    """
    return sorted(_read(file)["stringData"])


def revoke(file: Path, name: str) -> None:
    """Remove a client and its key.

    Raises:
        KeyFileError: there is no such client, or the file is not one of this command.
        OSError: it cannot be read or written.
    """
    with _locked(file):
        secret = _read(file)
        if name not in secret["stringData"]:
            raise KeyFileError(f"there is no client '{name}'; known: {', '.join(names(file)) or 'none'}")
        del secret["stringData"][name]
        _write(file, secret)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Let one command at a time change a file in this folder: the file itself is replaced."""
    folder = os.open(file.resolve().parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _empty(file: Path) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "api-keys"}, "stringData": {}}


def _read(file: Path) -> dict[str, Any]:
    if file.stat().st_mode & _OTHERS:
        raise KeyFileError(f"{file} can be read or written by others; run: chmod 600 {file}")
    try:
        secret = yaml.safe_load(file.read_text("utf-8"))
    except NOT_YAML:
        secret = None
    if not isinstance(secret, dict) or secret.get("kind") != "Secret" or not _holds_digests(secret):
        raise KeyFileError(
            f"{file} was not written by this command: it must be one Secret, whose stringData are digests"
        )
    return {**secret, "stringData": secret.get("stringData") or {}}


def _holds_digests(secret: dict[str, Any]) -> bool:
    entries = secret.get("stringData") or {}
    return (
        not secret.get("data")
        and isinstance(entries, dict)
        and all(isinstance(value, str) and value.startswith(DIGEST_PREFIX) for value in entries.values())
    )


def _write(file: Path, secret: dict[str, Any]) -> None:
    """Replace the file, whole and for this user only. A link stays a link."""
    target = file.resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")  # hidden: a folder's watcher skips it
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as output:
            output.write(_COMMENT + yaml.safe_dump(secret, sort_keys=False))
            output.flush()
            os.fsync(output.fileno())
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
