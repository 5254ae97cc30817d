"""`python -m tests.soak.limits CLIENTS REQUESTS`: the ledger's count beside that of the clients' responses."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.gateway.exactness import counted, documents, used_by_clients
from tests.gateway.running import running_gateway
from tests.simulator.running import running_simulator


def main(clients: int = 20, requests: int = 1000) -> None:
    with running_simulator() as simulator, tempfile.TemporaryDirectory(prefix="aigw-") as name:
        place = str(Path(name) / "counts.sqlite")
        served = documents(simulator.port)
        with running_gateway(served, simulator=simulator, folder=Path(name), workers=2, limits=place) as gateway:
            sent, tokens = used_by_clients(gateway, clients, requests)
            print(f"{sent} requests of {tokens} tokens; counted: {counted(place) - tokens} and {tokens}")
            if counted(place) != sent + tokens:
                sys.exit(f"the ledger has {counted(place)}, not {sent + tokens}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
