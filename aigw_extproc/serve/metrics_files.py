"""The folder that workers share with the process that supervises them.

prometheus-client keeps each worker's metrics in it, and `worker_status` the status of each worker's credentials.
https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable that prometheus-client reads when it is imported."""


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Create the folder, for this process and the workers that it starts during the block."""
    with tempfile.TemporaryDirectory(prefix="aigw-metrics-") as folder:
        os.environ[_VARIABLE] = folder
        yield Path(folder)


def current_folder() -> Path | None:
    """Return the shared folder; None in a process without workers."""
    folder = os.environ.get(_VARIABLE)
    return Path(folder) if folder is not None else None
