"""The page about an existing Envoy, followed step by step."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.cli.running import aigw
from tests.docs.pages import blocks
from tests.envoy_config.certificates import Authority, authority
from tests.envoy_config.running import refused_port, running_envoy
from tests.gateway.authorizers import GOOD, http_authorizer
from tests.gateway.issuer import Issuer
from tests.gateway.resources import Document, backend, buffer_limit, ref, route, rule, write
from tests.gateway.running import CHAT, error, question, running_processor
from tests.gateway.test_ext_auth import GATEWAY, policy, service
from tests.simulator.running import RunningSimulator, running_simulator

X_TOKEN = {"name": "x-token"}
Way = Callable[[Path], tuple[list[str], list[str]]]
"""Returns the options of `serve` and of `envoy-config` for the address of the processor."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as running:
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, as sockets need."""
    with tempfile.TemporaryDirectory(prefix="aigw-") as name:
        yield Path(name)


def their_envoy(snippet: str, folder: Path) -> str:
    """Return the configuration on the page, with the four parts of the snippet pasted in."""
    (block,) = blocks("yaml", note="envoy")
    config = yaml.safe_load(block.text)
    filters, routes, clusters, log = (yaml.safe_load(part) for part in snippet.split("\n\n"))
    resources: dict[str, Any] = config["static_resources"]
    (listener,) = resources["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"][:0] = filters
    manager["access_log"] = log
    # As the page says: the other routes come first, since part 2 matches every path.
    manager["route_config"]["virtual_hosts"][0]["routes"] += routes
    resources["clusters"] += clusters
    # The ports on the page may be in use here.
    listener["address"]["socket_address"]["port_value"] = 0
    config["admin"]["address"] = {"pipe": {"path": str(folder / "admin.sock")}}
    return yaml.safe_dump(config)


def on_a_socket(folder: Path) -> tuple[list[str], list[str]]:
    return ["--listen", f"unix://{folder}/p.sock"], ["--processor", f"unix://{folder}/p.sock"]


def on_tcp(_: Path) -> tuple[list[str], list[str]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        where = f"127.0.0.1:{free.getsockname()[1]}"
    return ["--listen", where], ["--processor", where]


def two_workers(folder: Path) -> tuple[list[str], list[str]]:
    first = f"unix://{folder}/p.sock"
    return ["--listen", first, "--workers", "2"], ["--processor", first, "--processor", f"{first}-1"]


def two_workers_on_tcp(folder: Path) -> tuple[list[str], list[str]]:
    listen, processor = on_tcp(folder)
    return [*listen, "--workers", "2"], processor


def over_tls(folder: Path) -> tuple[list[str], list[str]]:
    ca = authority(folder)
    certificate, key = ca.certificate("processor", "DNS:processor.internal")
    listen, processor = on_tcp(folder)
    serving = ["--tls-cert", str(certificate), "--tls-key", str(key)]
    printing = ["--processor-ca", str(ca.file), "--processor-name", "processor.internal"]
    return [*listen, *serving], [*processor, *printing]


def over_mutual_tls(folder: Path) -> tuple[list[str], list[str]]:
    serving, printing = over_tls(folder)
    certificate, key = Authority(folder).certificate("envoy", "DNS:envoy.internal")
    own = ["--processor-client-cert", str(certificate), "--processor-client-key", str(key)]
    return [*serving, "--tls-client-ca", str(Authority(folder).file)], [*printing, *own]


def over_mutual_tls_with_workers_on_grpc(folder: Path) -> tuple[list[str], list[str]]:
    serving, printing = over_mutual_tls(folder)
    return [*serving, "--workers", "2", "--transport", "grpc"], printing


WAYS = [
    on_a_socket,
    on_tcp,
    two_workers,
    two_workers_on_tcp,
    over_tls,
    over_mutual_tls,
    over_mutual_tls_with_workers_on_grpc,
]


@contextmanager
def following_the_page(folder: Path, way: Way, *documents: Document) -> Iterator[httpx.Client]:
    """Yield a client of an existing Envoy, with everything pasted and started as the page says."""
    resources = str(write(folder / "resources.yaml", *documents))
    serving, printing = way(folder)
    snippet = aigw("envoy-config", "--snippet", resources, *printing)
    config = their_envoy(snippet.out.strip(), folder)
    with (
        running_processor(folder, resources, *serving),
        running_envoy(config, folder, folder / "admin.sock") as envoy,
        httpx.Client(base_url=envoy.url, timeout=20) as client,
    ):
        yield client


@pytest.mark.parametrize("way", WAYS)
def test_a_chat_completion_through_an_existing_envoy(way: Way, folder: Path, simulator: RunningSimulator) -> None:
    documents = route("any", rule(ref(to="amazon.nova-micro-v1:0"))), *backend("bedrock", simulator.port)
    with following_the_page(folder, way, *documents) as client:
        assert client.get("/healthz").text == "ok\n"  # the existing route
        answers = [client.post(CHAT, json=question("any")) for _ in range(4)]
    texts = [answer.json()["choices"][0]["message"]["content"] for answer in answers]
    assert texts == ["Hello! You said: Hello!"] * 4


def test_envoys_own_errors_are_as_the_page_says(folder: Path) -> None:
    with refused_port() as port:
        documents = route("any", rule(ref())), *backend("bedrock", port), buffer_limit("2Mi")
        with following_the_page(folder, on_a_socket, *documents) as client:
            refused = client.post(CHAT, json=question("any"))
            too_large = client.post(CHAT, json=question("any", "x" * 3_000_000))
    expected = error("the upstream answered 503 with a body that is not JSON", "api_error", "upstream_error")
    assert (refused.status_code, refused.json()) == (503, expected)
    assert (too_large.status_code, too_large.headers["content-type"]) == (413, "text/plain")


@pytest.mark.parametrize("missing", ["certificate", "name"])
def test_a_processor_without_a_valid_certificate_gets_no_requests(
    missing: str, folder: Path, simulator: RunningSimulator
) -> None:
    def way(folder: Path) -> tuple[list[str], list[str]]:
        serving, printing = over_mutual_tls(folder)
        if missing == "certificate":
            return serving, printing[: printing.index("--processor-client-cert")]
        return serving, ["another.internal" if word == "processor.internal" else word for word in printing]

    documents = route("any", rule(ref(to="amazon.nova-micro-v1:0"))), *backend("bedrock", simulator.port)
    with following_the_page(folder, way, *documents) as client:
        before = simulator.requests()
        assert client.post(CHAT, json=question("any")).status_code == 500
        assert simulator.requests() == before


def test_the_filters_of_a_policy_are_among_the_parts(folder: Path, simulator: RunningSimulator) -> None:
    """They do nothing for the routes that were there before."""
    issuer = Issuer()
    keys = {"type": "Inline", "inline": issuer.key_set}
    with http_authorizer() as authorizer:
        asked = {"name": "authorizer", "kind": "Backend", "group": "gateway.envoyproxy.io"}
        documents = (
            GATEWAY,
            route("any", rule(ref(to="amazon.nova-micro-v1:0"))),
            *backend("bedrock", simulator.port),
            service("authorizer", authorizer.port),
            policy(
                jwt={"providers": [{"name": "login", "localJWKS": keys, "extractFrom": {"headers": [X_TOKEN]}}]},
                extAuth={"http": {"backendRefs": [asked]}},
            ),
        )
        with following_the_page(folder, on_a_socket, *documents) as client:
            assert client.get("/healthz").text == "ok\n"
            assert authorizer.asked == []
            good = {"authorization": GOOD, "x-token": issuer.token()}
            assert client.post(CHAT, json=question("any"), headers=good).status_code == 200
            for headers in ({"authorization": GOOD}, {**good, "x-token": "junk"}, {"x-token": good["x-token"]}):
                assert client.post(CHAT, json=question("any"), headers=headers).status_code == 401
