"""What holds for every test."""

from __future__ import annotations

import os
import sys
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
_WITH_PROCESSES = {"benchmarks", "cli", "compose", "docs", "doctor", "gateway", "helm", "outbound", "release", "run"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try tests of real processes again if they fail: on a busy machine, one of thousands misses a time limit.

    The summary names each one that was tried again.
    """
    for item in items:
        if item.path.relative_to(_FOLDER).parts[0] in _WITH_PROCESSES:
            item.add_marker(pytest.mark.flaky(reruns=1))


_SESSION = pytest.StashKey[pytest.Session]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Keep the session, whose exit status is known at its end."""
    session.config.stash[_SESSION] = session


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End the process once everything is reported.

    Otherwise Python takes apart what is left of grpc.aio, which may then wait forever for a thread of its own that
    writes to a socket which nobody reads: https://github.com/grpc/grpc/pull/40989
    """
    session = config.stash.get(_SESSION, None)
    if session is None or hasattr(config, "workerinput"):  # a worker of pytest-xdist reports to the first process
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(session.exitstatus)
