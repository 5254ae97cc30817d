"""Cost of selecting a backend, and of Anthropic's names: one JSON line per case, microseconds per call (best of seven).

Run `python -m benchmarks.routing`. The cost must not grow with the number of routes.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import partial

from aigw_extproc.config.builtin import region_configuration
from aigw_extproc.config.compile.configuration import compile_documents
from aigw_extproc.config.snapshot import BackendSettings
from aigw_extproc.routing import Router
from benchmarks.timing import microseconds

CALLS = 20_000

BACKEND = """
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: b}
spec: {schema: {name: AWSBedrock}, backendRef: {name: b, kind: Backend, group: gateway.envoyproxy.io}}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: b}
spec:
  type: AWSCredentials
  targetRefs: [{group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: b}]
  awsCredentials: {region: us-east-1}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: 8091}}]}
"""
ROUTE = """
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r%(number)d}
spec:
  %(hosts)s
  rules:
    - matches: [{headers: [{name: x-ai-eg-model, value: model-%(number)d}]}]
      backendRefs: [{name: b}]
"""
ATTEMPTS = """
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: attempts}
spec:
  rules:
    - backendRefs: [{name: b}, {name: b, priority: 1}]
"""
CATCH_ALL = """
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: rest}
spec: {rules: [{backendRefs: [{name: b}]}]}
"""


def failing_over(port: int) -> str:
    """Return resources of a rule that sends every model to a backend at this port, and then to it again."""
    return BACKEND.replace("8091", str(port)) + ATTEMPTS


def resources(routes: int, hosts: str = "", *, port: int = 8091) -> str:
    """Return a configuration with `routes` routes and a catch-all, to an upstream at `port`."""
    listed = "".join(ROUTE % {"number": number, "hosts": hosts % number if hosts else ""} for number in range(routes))
    return BACKEND.replace("8091", str(port)) + listed + CATCH_ALL


def selection_us(router: Router, model: str, host: str) -> float:
    """Return the cost of a selection, in microseconds."""
    headers = {":authority": host, "content-type": "application/json"}
    return microseconds(lambda: router.select(model, headers, 0.5), CALLS)


def names_us() -> dict[str, float]:
    """Return the cost of finding the id of a model, without and with Anthropic's names."""
    router = Router(region_configuration("us-east-1").snapshot)
    backend = router.snapshot.rules[0].backends[0]
    without = replace(backend, name="without", settings=BackendSettings())
    nova, claude = "us.amazon.nova-micro-v1:0", "claude-sonnet-4-5"
    cases = {"off_us": (without, nova), "id_us": (backend, nova), "name_us": (backend, claude)}
    return {name: microseconds(partial(router.listed.id_of, *case), CALLS) for name, case in cases.items()}


def main() -> None:
    """Print a line for loading and for each kind of request, with one route and with many; and one for names."""
    print(json.dumps(names_us()), flush=True)
    for routes in (1, 2000):
        for name, hosts in (("any host", ""), ("a host each", "hostnames: [h%d.example.com]")):
            text = resources(routes, hosts)
            started = time.perf_counter()
            snapshot = compile_documents({"bench.yaml": text}).snapshot
            loaded = time.perf_counter()
            router = Router(snapshot)
            indexed = time.perf_counter()
            last = routes - 1
            host = f"h{last}.example.com"
            figures = {
                "routes": routes,
                "hosts": name,
                "exact_us": selection_us(router, f"model-{last}", host),
                "catch_all_us": selection_us(router, "unknown", host),
                "load_ms": round((loaded - started) * 1e3, 1),
                "index_ms": round((indexed - loaded) * 1e3, 2),
            }
            print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
