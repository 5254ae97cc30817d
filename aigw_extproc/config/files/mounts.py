"""Mounted Secrets: a folder instead of Secret resources, `FOLDER/NAME/KEY` or `FOLDER/NAMESPACE/NAME/KEY`.

Kubernetes mounts a Secret as a folder of symbolic links into a folder `..data`, which it replaces atomically:
https://kubernetes.io/docs/concepts/configuration/secret/#using-secrets-as-files-from-a-pod
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from aigw_extproc.config.resources.ai_gateway import ResourceMetadata
from aigw_extproc.config.resources.catalog import Item, Mounts
from aigw_extproc.config.resources.findings import Findings, Place
from aigw_extproc.config.resources.infrastructure import MountedSecret


def mounted_files(folder: Path) -> Iterator[Path]:
    """Yield the file of every key, sorted, without hidden names, which are kubelet's.

    Raises:
        OSError: the folder, or one in it, cannot be read.
    """
    for path in _visible(folder):
        if path.is_dir():
            for inner in _visible(path):
                yield from _files(inner) if inner.is_dir() else (inner,)


def mounted_folders(folder: Path) -> frozenset[Path]:
    """Return the folders to watch for changed, new and removed Secrets."""
    try:
        outer = [path for path in _visible(folder) if path.is_dir()]
        inner = [path for parent in outer for path in _visible(parent) if path.is_dir()]
    except OSError:
        return frozenset({folder})
    return frozenset({folder, *outer, *inner})


def read_mounts(folder: Path, findings: Findings) -> Mounts:
    """Return the Secrets in `folder` by namespace (None for any) and name, and record what cannot be read."""
    secrets: dict[tuple[str | None, str], dict[str, str]] = {}
    try:
        for file in mounted_files(folder):
            owner = file.parent
            namespace = None if owner.parent == folder else owner.parent.name
            # Bytes that are not UTF-8 become a character that validation of credentials rejects.
            secrets.setdefault((namespace, owner.name), {})[file.name] = file.read_text("utf-8-sig", errors="replace")
    except OSError as error:
        Place(findings=findings, file=str(folder), resource="mounted Secrets").problem(
            f"cannot be read: {error.strerror}"
        )
    return {key: _item(folder, *key, keys, findings) for key, keys in secrets.items()}


def _item(
    folder: Path, namespace: str | None, name: str, keys: dict[str, str], findings: Findings
) -> Item[MountedSecret]:
    path = folder / name if namespace is None else folder / namespace / name
    metadata = ResourceMetadata(name=name, namespace=namespace or "default")
    secret = MountedSecret(api_version="v1", kind="Secret", metadata=metadata, string_data=keys)
    return Item(place=Place(findings=findings, file=str(path), resource="mounted Secret"), resource=secret)


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in _visible(folder) if not path.is_dir())


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
