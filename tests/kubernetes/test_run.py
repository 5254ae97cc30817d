"""`run --kubernetes`: a laptop serves what a cluster's Gateway serves, and leaves the cluster as it is."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from aigw_extproc.kubernetes.options import Access, GatewayName, KubernetesOptions, NoCluster
from aigw_extproc.run.gateway import run
from aigw_extproc.serve.following import publishing_folder
from aigw_extproc.serve.source import ConfigurationSource
from tests.kubernetes.documents import GATEWAY, gateway, route, service, to
from tests.kubernetes.running import running_cluster
from tests.run.test_gateway import demo, running, url
from tests.serve.test_supervisor import ignore
from tests.simulator.running import running_simulator


async def test_a_laptop_serves_a_clusters_configuration(tmp_path: Path) -> None:
    with running_simulator() as simulator, running_cluster(tmp_path) as cluster, publishing_folder(None) as file:
        cluster.apply(gateway(), *service("bedrock", simulator.port), route("nova", to("bedrock", "nova")))
        name = GatewayName(namespace=cluster.namespace, name=GATEWAY)
        reading = KubernetesOptions(gateway=name, access=Access(kubeconfig=cluster.kubeconfig), status=False)
        options = demo(source=ConfigurationSource(published=file), kubernetes=reading, start_simulator=False)
        async with running(options) as curl, httpx.AsyncClient(timeout=20) as client:
            body = {"model": "nova", "messages": [{"role": "user", "content": "Hello!"}]}
            assert (await client.post(url(options), json=body)).status_code == 200
            assert '"model": "nova"' in curl
            assert file.stat().st_mode & 0o077 == file.parent.stat().st_mode & 0o077 == 0
        assert cluster.conditions("AIGatewayRoute", "nova") == {}
    assert not file.exists()


async def test_without_a_cluster_nothing_is_started(tmp_path: Path) -> None:
    access = Access(kubeconfig=tmp_path / "missing")
    reading = KubernetesOptions(gateway=GatewayName(namespace="a", name="b"), access=access)
    source = ConfigurationSource(published=tmp_path / "gateway.json")
    with pytest.raises(NoCluster):
        await run(demo(source=source, kubernetes=reading, start_simulator=False), on_ready=ignore, on_log=ignore)
