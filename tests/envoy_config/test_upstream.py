"""Tests with an Envoy each: TLS to the upstream, and the snippet in an existing configuration."""

from __future__ import annotations

import contextlib
import ssl
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import yaml

from aigw_extproc.config.snapshot import Address, Tls
from aigw_extproc.config.snapshot import Upstream as Cluster
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.render import render, to_yaml
from aigw_extproc.envoy.snippet import snippet
from tests.envoy_config.certificates import Authority, authority
from tests.envoy_config.processor import Processor, forward
from tests.envoy_config.running import RunningEnvoy, Upstream, running_envoy, running_upstream
from tests.envoy_config.snapshots import snapshot, upstream
from tests.envoy_config.test_validation import pasted

NAME = "bedrock-runtime.us-east-1.example"
Config = Callable[[Cluster, Options], str]


def rendered(cluster: Cluster, options: Options) -> str:
    return to_yaml(render(snapshot(cluster), options))


@contextlib.contextmanager
def gateway(
    tls: Tls | None = None, server: ssl.SSLContext | None = None, config: Config = rendered, **fields: Path
) -> Iterator[tuple[RunningEnvoy, Upstream]]:
    """Run Envoy and an upstream that listens on 127.0.0.1."""
    with (
        tempfile.TemporaryDirectory(prefix="aigw-") as name,
        running_upstream(server) as backend,
        Processor(Path(name) / "p.sock") as processor,
    ):
        processor.reset(request_body=forward("a/b"))
        cluster = upstream("a/b", ("127.0.0.1", backend.port), host=NAME, tls=tls)
        admin = Path(name) / "admin.sock"
        options = Options(
            listen=Address(host="127.0.0.1", port=0), processors=(processor.socket,), admin=admin, **fields
        )
        with running_envoy(config(cluster, options), Path(name), admin) as envoy:
            yield envoy, backend


def status(envoy: RunningEnvoy, content: bytes = b"{}") -> int:
    return httpx.post(f"{envoy.url}/v1/chat/completions", content=content, timeout=20).status_code


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.mark.parametrize("names", [f"DNS:{NAME}", "DNS:*.us-east-1.example"])
def test_a_server_with_the_right_name_is_trusted(ca: Authority, names: str) -> None:
    with gateway(Tls(server_name=NAME), ca.server(names), ca_file=ca.file) as (envoy, backend):
        assert (status(envoy), len(backend.received)) == (200, 1)


def test_the_certificates_of_the_policy_are_used(ca: Authority) -> None:
    tls = Tls(server_name=NAME, ca_pem=ca.file.read_text())
    with gateway(tls, ca.server(f"DNS:{NAME}")) as (envoy, _):
        assert status(envoy) == 200


def test_an_ip_address_can_be_the_name(ca: Authority) -> None:
    tls = Tls(server_name="127.0.0.1", ca_pem=ca.file.read_text())
    with gateway(tls, ca.server("IP:127.0.0.1")) as (envoy, _):
        assert status(envoy) == 200


@pytest.mark.parametrize("names", ["DNS:other.example", "DNS:*.example", "IP:127.0.0.1"])
def test_a_server_with_another_name_gets_nothing(ca: Authority, names: str) -> None:
    with gateway(Tls(server_name=NAME), ca.server(names), ca_file=ca.file) as (envoy, backend):
        assert (status(envoy), backend.received) == (503, [])


def test_a_server_of_an_unknown_authority_gets_nothing(ca: Authority) -> None:
    with gateway(Tls(server_name=NAME), ca.server(f"DNS:{NAME}")) as (envoy, backend):
        assert (status(envoy), backend.received) == (503, [])


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_tls_1_1_is_refused(ca: Authority) -> None:
    server = ca.server(f"DNS:{NAME}")
    server.minimum_version, server.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_1
    server.set_ciphers("ALL:@SECLEVEL=0")
    with gateway(Tls(server_name=NAME), server, ca_file=ca.file) as (envoy, backend):
        assert (status(envoy), backend.received) == (503, [])


def test_the_server_name_is_sent(ca: Authority) -> None:
    names: list[str | None] = []
    server = ca.server(f"DNS:{NAME}")
    server.sni_callback = lambda _, name, __: names.append(name)
    with gateway(Tls(server_name=NAME), server, ca_file=ca.file) as (envoy, _):
        status(envoy)
    assert names == [NAME]


def existing(cluster: Cluster, options: Options, buffer_limit: int = 50 * 1024 * 1024) -> str:
    """Return an existing configuration, which allows bodies of 1 MiB, with our snippet."""
    config = yaml.safe_load(pasted(snippet(snapshot(cluster, buffer_limit=buffer_limit), options)))
    config["admin"] = {"address": {"pipe": {"path": str(options.admin)}}}
    return yaml.safe_dump(config)


def test_the_snippet_works_where_it_is_pasted() -> None:
    with gateway(config=existing) as (envoy, backend):
        assert status(envoy) == 200
    assert dict(backend.received[0].headers)["host"] == NAME


def test_the_snippets_route_has_a_buffer_limit_of_its_own() -> None:
    with gateway(config=partial(existing, buffer_limit=3 * 1024 * 1024)) as (envoy, _):
        statuses = [status(envoy, b"x" * size * 1024 * 1024) for size in (2, 4)]
    assert statuses == [200, 413]
