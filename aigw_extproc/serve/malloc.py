"""What the C library does with memory that is free again."""

from __future__ import annotations

import ctypes

KEPT_BYTES = 32 * 1024 * 1024
"""As large as glibc takes the threshold of `mmap`. It bounds what is kept of what large bodies needed, too."""

# malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Has up to `KEPT_BYTES` of freed memory stay with the process, for the next large body.

    glibc gives it back at once, so that every block of a megabyte comes anew from the kernel, page by page, which is
    half of all CPU that a body of that size takes. Other C libraries are left as they are.
    https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
