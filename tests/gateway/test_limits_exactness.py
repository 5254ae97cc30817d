"""What the ledger has counted for many clients at once is what the simulator has."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.gateway.conftest import NewGateway
from tests.gateway.exactness import counted, documents, used_by_clients
from tests.simulator.running import RunningSimulator
from tests.store.running import needs_redis, running_redis


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("redis", marks=needs_redis)])
def test_the_ledger_counts_to_the_token(
    new_gateway: NewGateway, simulator: RunningSimulator, tmp_path: Path, kind: str
) -> None:
    with ExitStack() as stack:
        place = str(tmp_path / "limits.sqlite") if kind == "sqlite" else stack.enter_context(running_redis())
        gateway = new_gateway(*documents(simulator.port), workers=2, limits=place)
        requests, tokens = used_by_clients(gateway, clients=10, requests=16)
        assert counted(place) == requests + tokens
