"""The example for Envoy Gateway is consistent, and a real Envoy behaves with it as the page says.

There is no cluster here. The translation of the policy and the route is reproduced below from Envoy Gateway's source
(https://github.com/envoyproxy/gateway/blob/v1.9.0/internal/xds/translator/extproc.go), and its result given to Envoy.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from aigw_extproc.config.files.load import load
from tests.docs.pages import ROOT
from tests.envoy_config.running import running_envoy
from tests.gateway.resources import backend, ref, route, rule, write
from tests.gateway.running import CHAT, events, question, running_processor
from tests.simulator.running import RunningSimulator, running_simulator

FOLDER = ROOT / "examples/envoy-gateway"
TYPE = "type.googleapis.com/envoy"
BUFFER = 50 * 1024 * 1024


def resources(file: str) -> dict[str, Any]:
    return {one["kind"]: one for one in yaml.safe_load_all((FOLDER / file).read_text())}


GATEWAY, PROCESSOR = resources("gateway.yaml"), resources("processor.yaml")
(EXT_PROC,) = GATEWAY["EnvoyExtensionPolicy"]["spec"]["extProc"]
RULES = GATEWAY["HTTPRoute"]["spec"]["rules"]


def test_the_policy_has_only_fields_of_envoy_gateway() -> None:
    """https://gateway.envoyproxy.io/docs/api/extension_types/#extproc; an unknown field would be dropped silently."""
    fields = {"backendRefs", "backendSettings", "messageTimeout", "failOpen", "processingMode", "metadata"}
    assert set(EXT_PROC) <= fields
    mode = EXT_PROC["processingMode"]
    assert mode == {"request": {"body": "Buffered"}, "response": {"body": "Buffered"}, "allowModeOverride": True}
    assert set(EXT_PROC["metadata"]) <= {"accessibleNamespaces", "writableNamespaces"}


def test_references_have_a_target() -> None:
    name = lambda kind: GATEWAY[kind]["metadata"]["name"]  # noqa: E731 - short for the lines below
    targets = {kind: GATEWAY[kind]["spec"]["targetRefs"][0] for kind in ("ClientTrafficPolicy", "BackendTLSPolicy")}
    targets["EnvoyExtensionPolicy"] = GATEWAY["EnvoyExtensionPolicy"]["spec"]["targetRefs"][0]
    assert all(name(target["kind"]) == target["name"] for target in targets.values())
    assert [one["name"] for rule in RULES for one in rule["backendRefs"]] == [name("Backend")] * 2
    (reference,) = EXT_PROC["backendRefs"]
    (port,) = PROCESSOR["Service"]["spec"]["ports"]
    assert (reference["name"], reference["port"]) == (PROCESSOR["Service"]["metadata"]["name"], port["port"])


@pytest.mark.parametrize("example", ["aws-pod-identity.yaml", "aws-irsa.yaml", "aws.yaml"])
def test_backends_have_the_same_names_on_both_sides(example: str) -> None:
    (upstream,) = load([ROOT / "examples" / example]).snapshot.upstreams
    (header,) = RULES[0]["matches"][0]["headers"]
    assert (header["name"], header["value"]) == ("x-ai-eg-backend", upstream.cluster)
    assert RULES[0]["filters"][0]["urlRewrite"]["hostname"] == upstream.host
    (endpoint,) = GATEWAY["Backend"]["spec"]["endpoints"]
    assert endpoint["fqdn"]["hostname"] == upstream.host


def test_the_processor_listens_on_the_port_of_its_service() -> None:
    pod = PROCESSOR["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"][:2] == ["serve", container["volumeMounts"][0]["mountPath"]]
    assert container["args"][container["args"].index("--listen") + 1] == "0.0.0.0:1063"
    assert pod["securityContext"]["runAsUser"] == 65532


# --- the translated example in Envoy ------------------------------------------------------------------------------


def as_translated(processor: int, upstream: int, host: str, cluster: str, admin: Path) -> str:
    """Return Envoy Gateway's configuration for Envoy, except addresses, the Backend's host and name, and TLS."""
    name = "envoy.filters.http.ext_proc/envoyextensionpolicy/default/bedrock/extproc/0"
    mode = EXT_PROC["processingMode"]
    config = {
        "@type": f"{TYPE}.extensions.filters.http.ext_proc.v3.ExternalProcessor",
        "grpc_service": {"envoy_grpc": {"cluster_name": "processor"}, "timeout": "1s"},  # Envoy Gateway: 10 s
        "failure_mode_allow": EXT_PROC["failOpen"],
        "message_timeout": EXT_PROC["messageTimeout"],
        "allow_mode_override": mode["allowModeOverride"],
        "metadata_options": {"receiving_namespaces": {"untyped": EXT_PROC["metadata"]["writableNamespaces"]}},
        "processing_mode": {
            "request_header_mode": "SEND",
            "response_header_mode": "SEND",
            "request_body_mode": mode["request"]["body"].upper(),
            "response_body_mode": mode["response"]["body"].upper(),
            "request_trailer_mode": "SKIP",
            "response_trailer_mode": "SKIP",
        },
    }
    enabled = {name: {"@type": f"{TYPE}.config.route.v3.FilterConfig", "config": {}}}
    chosen, incoming = RULES
    (header,) = chosen["matches"][0]["headers"]
    routes = [
        {
            "match": {
                "prefix": chosen["matches"][0]["path"]["value"],
                "headers": [{"name": header["name"], "string_match": {"exact": cluster}}],
            },
            "route": {"cluster": "backend", "host_rewrite_literal": host, "timeout": chosen["timeouts"]["request"]},
            "request_headers_to_remove": chosen["filters"][1]["requestHeaderModifier"]["remove"],
            "typed_per_filter_config": enabled,
        },
        {
            "match": {"path_separated_prefix": incoming["matches"][0]["path"]["value"]},
            "route": {"cluster": "backend", "timeout": incoming["timeouts"]["request"]},
            "typed_per_filter_config": enabled,
        },
    ]
    router = {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router"}
    remove = GATEWAY["ClientTrafficPolicy"]["spec"]["headers"]["earlyRequestHeaders"]["remove"]
    manager = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
        "use_remote_address": True,
        "early_header_mutation_extensions": [
            {
                "name": "early",
                "typed_config": {
                    "@type": f"{TYPE}.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                    "mutations": [{"remove": one} for one in remove],
                },
            }
        ],
        "http_filters": [
            {"name": name, "disabled": True, "typed_config": config},
            {"name": "envoy.filters.http.router", "typed_config": router},
        ],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    listener = {
        "name": "http",
        "address": address("127.0.0.1", 0),
        "per_connection_buffer_limit_bytes": BUFFER,
        "filter_chains": [chain],
    }
    clusters = [destination("processor", processor, http2=True), destination("backend", upstream, http2=False)]
    return yaml.safe_dump(
        {
            "admin": {"address": {"pipe": {"path": str(admin)}}},
            "static_resources": {"listeners": [listener], "clusters": clusters},
        }
    )


def address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def destination(name: str, port: int, *, http2: bool) -> dict[str, Any]:
    protocol = {"http2_protocol_options": {}} if http2 else {"http_protocol_options": {}}
    endpoint = {"endpoint": {"address": address("127.0.0.1", port)}}
    return {
        "name": name,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": protocol,
            }
        },
    }


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as running:
        yield running


@pytest.fixture(scope="module")
def client(simulator: RunningSimulator) -> Iterator[httpx.Client]:
    with tempfile.TemporaryDirectory(prefix="aigw-") as name, gateway(Path(name), simulator) as ready:
        yield ready


@contextmanager
def gateway(folder: Path, simulator: RunningSimulator) -> Iterator[httpx.Client]:
    rules = rule(ref(to="simulator.slow-300"), model="slow"), rule(ref(to="amazon.nova-micro-v1:0"))
    documents = route("any", *rules), *backend("bedrock", simulator.port)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = write(folder / "resources.yaml", *documents)
    (upstream,) = load([path]).snapshot.upstreams
    config = as_translated(port, simulator.port, upstream.host, upstream.cluster, folder / "admin.sock")
    with (
        running_processor(folder, str(path), "--listen", f"127.0.0.1:{port}"),
        running_envoy(config, folder, folder / "admin.sock") as envoy,
        httpx.Client(base_url=envoy.url, timeout=30) as client,
    ):
        yield client


def test_a_chat_completion(client: httpx.Client) -> None:
    answer = client.post(CHAT, json=question("any"))
    assert answer.json()["choices"][0]["message"]["content"] == "Hello! You said: Hello!"


def test_a_stream_that_takes_longer_than_the_timeout_of_the_grpc_service(client: httpx.Client) -> None:
    answer = client.post(CHAT, json=question("slow", "one two three four five", stream=True))
    assert answer.elapsed.total_seconds() > 1.2
    assert events(answer.text)[-1] == "[DONE]"


def test_a_large_request(client: httpx.Client) -> None:
    assert client.post(CHAT, json=question("any", "x" * 3_000_000)).status_code == 200


def test_a_client_cannot_name_the_backend_itself(client: httpx.Client, simulator: RunningSimulator) -> None:
    before = simulator.requests()
    headers = {"x-ai-eg-backend": "default/bedrock"}
    assert client.post("/model/amazon.nova-micro-v1:0/converse", json={}, headers=headers).status_code == 404
    assert simulator.requests() == before


def test_internal_headers_do_not_reach_bedrock(client: httpx.Client, simulator: RunningSimulator) -> None:
    client.post(CHAT, json=question("any"), headers={"authorization": "Bearer canary", "cookie": "canary"})
    names = {name.lower() for name in dict(simulator.requests()[-1]["headers"])}
    assert not {"x-ai-eg-model", "x-ai-eg-backend", "cookie", "x-forwarded-proto"} & names
