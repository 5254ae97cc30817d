"""Weights over ten thousand requests, one of the backends being a name with two addresses.

The name needs an /etc/hosts of its own, so that this is a program in a mount namespace: root runs it by `try_weights`.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import httpx

from tests.envoy_config.running import running_upstream
from tests.gateway.resources import openai_backend, ref, route, rule, traffic_policy
from tests.gateway.running import CHAT, question, running_gateway
from tests.gateway.test_traffic_policies import FIRST, SECOND, answering
from tests.simulator.running import running_simulator

REQUESTS = 10_000
CLIENTS = 16
SHARE = 0.75
"""Of the first backend; the second has the rest, and two addresses."""
TOLERANCE = 0.02
NAME = "two-addresses.test"
ADDRESSES = ("127.0.0.1", "127.0.0.2")


def try_weights() -> list[str]:
    """Run this program, and return what was wrong."""
    program = [sys.executable, "-m", "tests.soak.weights"]
    done = subprocess.run(["unshare", "--mount", *program], check=False)  # noqa: S607 - of any distribution
    return ["weights are not kept"] if done.returncode else []


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="aigw-") as name:
        folder = Path(name)
        hosts = folder / "hosts"
        hosts.write_text("".join(f"{address} {NAME}\n" for address in ADDRESSES) + Path("/etc/hosts").read_text())
        subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)  # noqa: S607 - as above
        shares = _shares(folder)
    for model, share in shares.items():
        print(f"{model}: {share:.2%} of {REQUESTS:,} requests, {SHARE:.0%} are written")
    return 0 if all(abs(share - SHARE) < TOLERANCE for share in shares.values()) else 1


def _shares(folder: Path) -> dict[str, float]:
    """Return the first backend's share, where the gateway chooses and where Envoy does."""
    with running_upstream() as first, running_upstream(host="0.0.0.0") as second:  # noqa: S104 - both addresses
        first.reset(answering(200, FIRST))  # type: ignore[arg-type] # a function of a handler
        second.reset(answering(200, SECOND))  # type: ignore[arg-type] # as above
        several = openai_backend("second", second.port)
        several[-1]["spec"]["endpoints"] = [{"fqdn": {"hostname": NAME, "port": second.port}}]
        documents = [
            route("gateway", rule(ref("first", weight=3), ref("second", weight=1), model="gateway")),
            route("envoy", rule(ref("first", weight=3), ref("second", weight=1), model="envoy")),
            traffic_policy("envoy", retry={}),
            *openai_backend("first", first.port),
            *several,
        ]
        with (
            running_simulator() as unused,
            running_gateway(documents, simulator=unused, folder=folder) as gateway,
        ):
            return {model: asyncio.run(_share(gateway.url, model)) for model in ("gateway", "envoy")}


async def _share(url: str, model: str) -> float:
    answers: Counter[str] = Counter()
    left = iter(range(REQUESTS))

    async def client() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            for _ in left:
                answers[(await http.post(CHAT, json=question(model))).json()["from"]] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client())
    assert answers.total() == REQUESTS
    return answers[FIRST] / REQUESTS


if __name__ == "__main__":
    sys.exit(main())
