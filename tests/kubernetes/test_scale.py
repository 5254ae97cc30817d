"""A cluster with 2,000 routes and 500 backends: changes are served as quickly as in a small one."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

import pytest

from aigw_extproc.simulator.settings import Settings
from tests.envoy_config.running import wait_for
from tests.kubernetes.documents import gateway, route, service, to
from tests.kubernetes.fake_api import FakeApi, Value
from tests.kubernetes.pod import Pod, running_pod
from tests.kubernetes.running import PLURALS, running_cluster
from tests.simulator.running import running_simulator

ROUTES, BACKENDS = 2000, 500
PROMISED = 6.0
"""Seconds within which a change takes effect; the documentation says two on a machine that is not busy."""
MEGABYTES = 115
"""Of the process that reads the API. With a small cluster it has 51."""


async def fill(fake: FakeApi, port: int) -> None:
    """Create the resources without HTTP. All backends have one Secret."""
    documents: list[Value] = [gateway(), service("b0", port)[3]]
    for number in range(BACKENDS):
        backend = service(f"b{number}", port)[:3]
        backend[1]["spec"]["awsCredentials"]["credentialsFile"]["secretRef"]["name"] = "b0"
        documents += backend
    documents += [route(f"r{number}", to(f"b{number % BACKENDS}", f"m{number}")) for number in range(ROUTES)]
    for each in documents:
        value = {name: part for name, part in each.items() if name not in ("apiVersion", "kind")}
        await fake.create(PLURALS[each["kind"]], "default", value)


def most_memory(pod: Pod) -> int:
    """The most that the process which reads the API has ever had, in megabytes."""
    status = Path(f"/proc/{pod.processor.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) // 1024


@pytest.mark.timeout(240)
def test_a_large_cluster() -> None:
    fake = FakeApi()
    with (
        tempfile.TemporaryDirectory(prefix="k") as name,
        running_simulator(Settings()) as simulator,
        running_cluster(Path(name), fake) as cluster,
    ):
        cluster.do(fill(fake, simulator.port))
        with running_pod(cluster, Path(name)) as pod:
            pod.until(200, "m1999")
            wait_for(lambda: _is_quiet(fake), what="the statuses", seconds=60)
            assert len(_written(fake)) == len(set(_written(fake))) == ROUTES + 3 * BACKENDS
            cluster.apply(route("r7", to("b7", "another")))
            assert pod.until(200, "another") < PROMISED
            cluster.apply(*service("new", simulator.port), route("new", to("new", "newest")))
            pod.until(200, "newest", seconds=60)  # Envoy reads all of its clusters again
            wait_for(lambda: _is_quiet(fake), what="the statuses", seconds=60)
            assert most_memory(pod) < MEGABYTES
            asked = len(fake.journal)
            asyncio.run(asyncio.sleep(2))  # only time shows that nothing happens
            assert fake.journal[asked:] == []


def _written(fake: FakeApi) -> list[str]:
    return [path for method, path in fake.journal if method == "PATCH" and "/gateways/" not in path]


def _is_quiet(fake: FakeApi) -> bool | None:
    """Whether the writer has given its Lease back after the last change."""
    leases = [value for key, value in fake.objects.items() if key[0][1] == "leases"]
    last = fake.history[-1]
    return True if leases and last[2][1] == "leases" and leases[0]["spec"]["holderIdentity"] == "" else None
