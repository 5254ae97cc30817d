"""What holds for every test."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before anything imports grpc. With its fork support, threads of grpc's start in a child between fork and exec (our
# children have a `preexec_fn`), find their files closed, and abort it now and then.
# https://github.com/grpc/grpc/blob/master/doc/fork_support.md
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

# How long an example takes depends on what else the machine does.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("patient", _PATIENT)
settings.register_profile("quick", _PATIENT, max_examples=10)  # for `make unit`
settings.register_profile("thorough", _PATIENT, max_examples=1_000)  # for `make prefixes`
settings.load_profile("patient")

_FOLDER = Path(__file__).parent
_WITH_PROCESSES = {
    "agents",
    "benchmarks",
    "cli",
    "compose",
    "docs",
    "doctor",
    "gateway",
    "helm",
    "kubernetes",
    "outbound",
    "release",
    "run",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try tests of real processes again if they fail: on a busy machine, one of thousands misses a time limit.

    The summary names each one that was tried again.
    """
    for item in items:
        if item.path.relative_to(_FOLDER).parts[0] in _WITH_PROCESSES:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Fail a run that leaves a thread behind: Python would wait for it, and never end."""
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]
    for thread in others:
        thread.join(timeout=10)
    if left := [thread.name for thread in others if thread.is_alive()]:
        print(f"threads that no test ended: {', '.join(left)}", file=sys.stderr, flush=True)
        os._exit(pytest.ExitCode.TESTS_FAILED)
