"""`run` with SecurityPolicies that change: Envoy's filters follow, and no request is lost."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import yaml
from joserfc.jwk import RSAKey

from aigw_extproc.serve.source import ConfigurationSource
from tests.envoy_config.running import running_upstream
from tests.gateway.issuer import Issuer
from tests.run.test_gateway import QUESTION, RESOURCES, converse, demo, running, url

PROMISED = 4.0
"""Seconds within which a change takes effect; the documentation says two on a machine that is not busy."""
GATEWAY = "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: edge}, spec: {}}"


def policy(issuer: Issuer | None, **spec: Any) -> str:
    if issuer is not None:
        keys = {"type": "Inline", "inline": issuer.key_set}
        spec["jwt"] = {"providers": [{"name": "login", "localJWKS": keys}]}
    targets = [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge"}]
    document = {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "SecurityPolicy",
        "metadata": {"name": "door"},
        "spec": {"targetRefs": targets, **spec},
    }
    return yaml.safe_dump(document)


class Statuses:
    """Statuses of requests, one after the other."""

    def __init__(self, address: str, client: httpx.AsyncClient) -> None:
        self._address = address
        self._client = client

    async def of(self, token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        return (await self._client.post(self._address, json=QUESTION, headers=headers)).status_code

    async def until(self, status: int, token: str, *beside: str) -> None:
        """Wait for a status, with requests of other tokens that must be served meanwhile."""
        begun = time.monotonic()
        while await self.of(token) != status:
            assert time.monotonic() - begun < PROMISED
            assert [await self.of(other) for other in beside] == [200] * len(beside)
        for other in beside:
            assert [await self.of(other) for _ in range(5)] == [200] * 5


async def test_tokens_are_required_and_their_keys_rotated(tmp_path: Path) -> None:
    file, issuer = tmp_path / "resources.yaml", Issuer()
    old = issuer.keys[0]

    def write(*documents: str) -> None:
        draft = file.with_suffix(".new")
        draft.write_text("\n---\n".join((RESOURCES.replace("8091", str(upstream.port)), GATEWAY, *documents)))
        draft.replace(file)

    with running_upstream() as upstream:
        upstream.reset(converse("served"))
        write()
        options = demo(source=ConfigurationSource(paths=(file,)), start_simulator=False, workers=2)
        async with running(options), httpx.AsyncClient(timeout=20) as client:
            statuses = Statuses(url(options), client)
            first = issuer.token(old)
            assert await statuses.of("junk") == 200
            write(policy(issuer))
            await statuses.until(401, "junk", first)
            issuer.rotate()
            second = issuer.token()
            write(policy(issuer))
            await statuses.until(200, second, first)
            issuer.keys = issuer.keys[1:]
            write(policy(issuer))
            await statuses.until(401, first, second)
            forger = RSAKey.generate_key(2048, {"kid": issuer.keys[0].kid})
            assert await statuses.of(issuer.token(forger)) == 401
            write(policy(None, cors={"allowOrigins": ["https://a.example"], "allowMethods": ["POST"]}))
            await statuses.until(200, "junk", second)
            preflight = {"origin": "https://a.example", "access-control-request-method": "POST"}
            async with asyncio.timeout(PROMISED):
                while (await client.options(url(options), headers=preflight)).status_code != 200:
                    pass
