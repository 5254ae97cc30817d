"""Freed memory is reused for the next large body."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOAD = "from aigw_extproc.serve.malloc import keep_freed_memory"
KEEP = f"{LOAD}; keep_freed_memory()"
# An exchange holds a body several times: as received, as text, and as sent.
EXCHANGES = """
import resource
for _ in range(50):
    bodies = [b"x" * 5_000_000 for _ in range(5)]
    del bodies
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""
PAGES = 5 * 5_000_000 // 4096
"""Pages of one exchange."""


def page_faults(setup: str) -> int:
    done = subprocess.run([sys.executable, "-c", f"{setup}\n{EXCHANGES}"], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_large_bodies_after_the_first_cost_no_new_pages() -> None:
    assert page_faults(LOAD) > 40 * PAGES
    assert page_faults(KEEP) < 5 * PAGES
