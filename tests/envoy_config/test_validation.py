"""Validates every rendering with Envoy itself, without warnings."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from aigw_extproc.config.snapshot import Address, Snapshot, Tls
from aigw_extproc.config.traffic import Ejection, Failover, Limits, Retry
from aigw_extproc.envoy.binary import find_envoy
from aigw_extproc.envoy.examples import examples, write
from aigw_extproc.envoy.options import Options, ProcessorTls
from aigw_extproc.envoy.render import render, render_clusters, render_routes, to_json, to_yaml
from aigw_extproc.envoy.snippet import snippet
from aigw_extproc.tracing.options import TraceOptions
from tests.envoy_config.certificates import authority
from tests.envoy_config.snapshots import BEDROCK, snapshot, upstream

ROOT = Path(__file__).parents[2]
EVERYTHING = snapshot(
    upstream(tls=Tls(server_name=BEDROCK)),
    upstream("a/ip", ("10.0.0.1", 443), host="10.0.0.1", tls=Tls(server_name="10.0.0.1")),
    upstream("a/plain", ("127.0.0.1", 8091), host="127.0.0.1:8091"),
    upstream("a/several", ("one.example", 443), ("two.example", 8443), host="one.example"),
    upstream("a/mixed", ("one.example", 443), ("10.0.0.1", 443), host="one.example"),
    upstream("a/v6", ("::1", 443), host="[::1]"),
)
OPTIONS = [
    Options(),
    Options(access_log=False, admin=Address(host="127.0.0.1", port=9901)),
    Options(processors=(Path("/run/aigw/0.sock"), Path("/run/aigw/1.sock")), admin=Path("/run/aigw/admin.sock")),
    Options(processors=(Address(host="processor", port=1063),), message_timeout=timedelta(milliseconds=200)),
    Options(listen=Address(host="::", port=0)),
    Options(traces=TraceOptions(host="127.0.0.1", port=4318, ratio=0.1)),
    Options(traces=TraceOptions(host="collector.example", port=443, tls=True, path="/otlp/v1/traces")),
]


def validate(config: str, file: Path) -> str:
    """Return Envoy's verdict on a configuration, with its warnings."""
    file.write_text(config)
    done = subprocess.run(
        [find_envoy(), "--mode", "validate", "-c", file, "-l", "warn"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
@pytest.mark.parametrize("which", [EVERYTHING, Snapshot(rules=())], ids=["everything", "nothing"])
def test_a_rendering_is_valid(tmp_path: Path, which: Snapshot, options: Options) -> None:
    file = tmp_path / "envoy.yaml"
    assert validate(to_yaml(render(which, options)), file) == f"configuration '{file}' OK"


def test_a_rendering_with_clusters_and_routes_in_files_is_valid(tmp_path: Path) -> None:
    file, clusters, routes = (tmp_path / name for name in ("envoy.yaml", "clusters.yaml", "routes.yaml"))
    options = Options(clusters_file=clusters, routes_file=routes)
    clusters.write_text(to_yaml(render_clusters(EVERYTHING, options)))
    routes.write_text(to_yaml(render_routes(EVERYTHING)))
    assert validate(to_yaml(render(EVERYTHING, options)), file) == f"configuration '{file}' OK"


def test_json_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "envoy.json"
    assert validate(to_json(render(EVERYTHING, Options())), file) == f"configuration '{file}' OK"


@pytest.mark.parametrize("which", [EVERYTHING, None], ids=["snapshot", "example"])
def test_the_snippet_is_valid_where_it_is_pasted(tmp_path: Path, which: Snapshot | None) -> None:
    file = tmp_path / "envoy.yaml"
    assert validate(pasted(snippet(which, Options())), file) == f"configuration '{file}' OK"


def test_the_snippet_of_a_rule_with_failover_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "envoy.yaml"
    text = snippet(failing_over(), Options())
    assert len(text.split("\n\n")) == 6
    assert validate(pasted(text), file) == f"configuration '{file}' OK"


@pytest.mark.parametrize("options", [Options(), Options(access_log=False)], ids=["log", "no log"])
def test_a_rendering_with_failover_is_valid(tmp_path: Path, options: Options) -> None:
    file = tmp_path / "envoy.yaml"
    assert validate(to_yaml(render(failing_over(), options)), file) == f"configuration '{file}' OK"


def failing_over() -> Snapshot:
    """Return two backends of different priorities, with every limit that a policy can have."""
    backends = [replace(one.backends[0], priority=index) for index, one in enumerate(EVERYTHING.rules[:2])]
    failover = Failover(
        cluster="default/r/rule/0",
        hosts=("0.attempt", "1.attempt"),
        retry=Retry(retries=3, per_priority=2, timeout=1),
        ejection=Ejection(gateway_errors=2),
        limits=Limits(connections=1, pending_requests=2, requests=3, retries=4, connections_per_backend=5),
    )
    return replace(EVERYTHING, rules=(replace(EVERYTHING.rules[0], backends=tuple(backends), failover=failover),))


def pasted(text: str) -> str:
    """Return an existing configuration with the parts of the snippet pasted in."""
    filters, routes, clusters, log, *attempts = (yaml.safe_load(part) for part in text.split("\n\n"))
    listeners, extensions = attempts or ([], [])
    router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    manager = {
        "@type": (
            "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
        ),
        "stat_prefix": "existing",
        "access_log": log,
        "http_filters": [*filters, {"name": "envoy.filters.http.router", "typed_config": {"@type": router}}],
        "route_config": {"virtual_hosts": [{"name": "existing", "domains": ["*"], "routes": routes}]},
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    listener = {"name": "existing", "address": address, "filter_chains": [chain]}
    static = {"listeners": [listener, *listeners], "clusters": clusters}
    return yaml.safe_dump({"static_resources": static, "bootstrap_extensions": extensions})


@pytest.mark.parametrize("name", ["aws.yaml", "simulator.yaml"])
def test_an_example_is_valid(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    assert validate((ROOT / "envoy" / name).read_text(), file) == f"configuration '{file}' OK"


def test_the_examples_are_up_to_date() -> None:
    assert {file.name: file.read_text() for file in (ROOT / "envoy").iterdir()} == examples()


def test_the_examples_are_written_to_files(tmp_path: Path) -> None:
    write(tmp_path / "envoy")
    assert {file.name: file.read_text() for file in (tmp_path / "envoy").iterdir()} == examples()


def test_tls_to_the_processor_is_valid(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    certificate, key = ca.certificate("envoy", "DNS:envoy")
    tls = ProcessorTls(ca=ca.file, name="processor.internal", certificate=certificate, key=key)
    file = tmp_path / "envoy.yaml"
    assert validate(to_yaml(render(EVERYTHING, Options(processor_tls=tls))), file) == f"configuration '{file}' OK"
