"""What Linux tells about a process and those that it has started.

https://man7.org/linux/man-pages/man2/clock_getres.2.html, https://man7.org/linux/man-pages/man5/proc.5.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path


def cpu_seconds(pid: int) -> dict[int, float]:
    """User and system time of all threads, of the process and of each one below it, by process id."""
    # A process's CPU clock, as clock_getcpuclockid makes its number: exact, where /proc/PID/stat counts in 10 ms.
    return {one: time.clock_gettime(~one << 3 | 2) for one in _family(pid)}


def resident_megabytes(pid: int) -> float:
    """Memory that is in RAM, in 10^6 bytes, of the process and those below it; what they share counts for each."""
    return sum(map(_resident, _family(pid)))


def _family(pid: int) -> Iterator[int]:
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            yield from _family(int(child))


def _resident(pid: int) -> float:
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else 0.0
