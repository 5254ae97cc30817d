"""The limits of the container that this process runs in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

# https://docs.kernel.org/admin-guide/cgroup-v2.html, and version 1's
_MEMORY_FILES: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_UNLIMITED: Final = 2**60  # version 1 has a number near 2**63 for no limit


def container_memory(files: Iterable[Path] = _MEMORY_FILES) -> int | None:
    """Return the memory limit of the container in bytes; None outside one, or without a limit."""
    for file in files:
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        if text.isdecimal() and int(text) < _UNLIMITED:
            return int(text)
    return None
