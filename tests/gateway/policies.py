"""Policies and Secrets of every kind, for gateways under test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.gateway.resources import Document, backend

FILE_IN_SECRET = {"credentialsFile": {"secretRef": {"name": "keys"}}}


def signed(name: str, port: int, *, role: Document | None = None, **spec: Any) -> list[Document]:
    """Bedrock at a port of this machine, with a policy of these fields; `role` is the one on top of it."""
    service, policy, where, _ = backend(name, port)
    fields = {"targetRefs": policy["spec"]["targetRefs"], "type": "AWSCredentials", **spec}
    annotations = {"annotations": {"aigw-extproc/assume-role": yaml.safe_dump(role)}} if role else {}
    return [service, {**policy, "metadata": {"name": name, **annotations}, "spec": fields}, where]


def aws(**fields: Any) -> Document:
    """`awsCredentials` in us-east-1."""
    return {"region": "us-east-1", **fields}


def secret(name: str, **keys: str) -> Document:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": keys}


class Mount:
    """A Secret as kubelet mounts it: links into a folder that is swapped as a whole."""

    def __init__(self, folder: Path, **keys: str) -> None:
        self._folder = folder
        self._version = 0
        folder.mkdir(parents=True)
        self.swap(**keys)
        for key in keys:
            (folder / key).symlink_to(f"..data/{key}")

    def swap(self, **keys: str) -> None:
        """Puts other contents in place, all at once."""
        self._version += 1
        version = self._folder / f"..{self._version}"
        version.mkdir()
        for key, text in keys.items():
            (version / key).write_text(text)
        link = self._folder / "..data_tmp"
        link.symlink_to(version.name)
        link.rename(self._folder / "..data")
