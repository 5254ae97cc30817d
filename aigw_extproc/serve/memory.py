"""The memory that this process may use, and the share of it for request bodies."""

from __future__ import annotations

import os
from pathlib import Path

# https://docs.kernel.org/admin-guide/cgroup-v2.html, and of version 1
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_SHARE = 4
"""A body takes about twice its size while it is received and translated, and other things need memory too."""


def default_budget(workers: int) -> int:
    """Return the bytes of request bodies that each worker may hold: a quarter of the memory, shared by the workers."""
    return memory_limit() // _SHARE // workers


def memory_limit(files: tuple[Path, ...] = _LIMITS) -> int:
    """Return the limit of the container, in bytes, or the machine's memory if that is less or there is no limit."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = (file.read_text().strip() for file in files if file.exists())
    return min([machine, *(int(limit) for limit in limits if limit.isdigit())])
