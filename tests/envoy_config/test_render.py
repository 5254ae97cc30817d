"""Tests for the rendered parts of the configuration."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aigw_extproc.config.snapshot import Address, Tls
from aigw_extproc.envoy.clusters import processor_cluster, upstream_cluster
from aigw_extproc.envoy.filters import http_filters, processor_filter
from aigw_extproc.envoy.options import Options, parse_address
from aigw_extproc.envoy.render import render, render_clusters, to_json, to_yaml
from aigw_extproc.envoy.routes import routes_to_backends
from tests.envoy_config.snapshots import BEDROCK, document, snapshot, upstream

CA = Path("/etc/ssl/certs/ca-certificates.crt")
OPTIONS = Options(ca_file=CA)
TYPE = "type.googleapis.com/envoy"


def cluster(one: Any, **options: Any) -> Any:
    return document(upstream_cluster(one, Options(ca_file=CA, **options), buffer_limit=1000))


def connection_manager(config: Any) -> Any:
    return config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def test_a_cluster_of_bedrock() -> None:
    assert cluster(upstream(tls=Tls(server_name=BEDROCK))) == {
        "name": "default/bedrock",
        "cluster_type": {
            "name": "envoy.cluster.dns",
            "typed_config": {
                "@type": f"{TYPE}.extensions.clusters.dns.v3.DnsCluster",
                "respect_dns_ttl": True,
                "dns_lookup_family": "ALL",
                "all_addresses_in_single_endpoint": True,
            },
        },
        "connect_timeout": "10s",
        "per_connection_buffer_limit_bytes": 1000,
        "load_assignment": {
            "cluster_name": "default/bedrock",
            "endpoints": [
                {
                    "lb_endpoints": [
                        {
                            "endpoint": {
                                "address": {"socket_address": {"address": BEDROCK, "port_value": 443}},
                                "hostname": BEDROCK,
                            }
                        }
                    ]
                }
            ],
        },
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": 16384,
                    "max_pending_requests": 16384,
                    "max_requests": 16384,
                    "retry_budget": {"budget_percent": {"value": 20.0}, "min_retry_concurrency": 16},
                }
            ]
        },
        "upstream_connection_options": {
            "tcp_keepalive": {"keepalive_time": 60, "keepalive_interval": 10, "keepalive_probes": 6}
        },
        "transport_socket": {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": f"{TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "sni": BEDROCK,
                "common_tls_context": {
                    "alpn_protocols": ["http/1.1"],
                    "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                    "validation_context": {
                        "trusted_ca": {"filename": str(CA)},
                        "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": BEDROCK}}],
                    },
                },
            },
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "common_http_protocol_options": {"idle_timeout": "50s"},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }


def test_certificates_of_the_backend_replace_the_systems() -> None:
    rendered = cluster(upstream(tls=Tls(server_name="x.example", ca_pem="-----BEGIN…")))
    validation = rendered["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]
    assert validation["trusted_ca"] == {"inline_string": "-----BEGIN…"}


def test_an_ip_address_is_verified_but_not_sent_as_server_name() -> None:
    context = cluster(upstream(tls=Tls(server_name="10.0.0.1")))["transport_socket"]["typed_config"]
    names = context["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"]
    assert names == [{"san_type": "IP_ADDRESS", "matcher": {"exact": "10.0.0.1"}}]
    assert "sni" not in context


def test_without_a_tls_policy_there_is_no_tls() -> None:
    assert "transport_socket" not in cluster(upstream())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_ip_address_is_not_resolved(host: str) -> None:
    assert "cluster_type" not in cluster(upstream("a", (host, 80)))


def test_several_names_are_endpoints_to_balance_over() -> None:
    rendered = cluster(upstream("a", ("one.example", 80), ("two.example", 80)))
    assert rendered["cluster_type"]["typed_config"] == {
        "@type": f"{TYPE}.extensions.clusters.dns.v3.DnsCluster",
        "respect_dns_ttl": True,
        "dns_lookup_family": "V4_PREFERRED",
    }
    assert len(rendered["load_assignment"]["endpoints"][0]["lb_endpoints"]) == 2


def test_the_processors_cluster() -> None:
    options = Options(processors=(Path("/run/a/0.sock"), Path("/run/a/1.sock")), max_streams=7)
    assert document(processor_cluster(options, buffer_limit=1000)) == {
        "name": "aigw-extproc",
        "connect_timeout": "10s",
        "per_connection_buffer_limit_bytes": 1000,
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": {
            "cluster_name": "aigw-extproc",
            "endpoints": [
                {
                    "lb_endpoints": [
                        {"endpoint": {"address": {"pipe": {"path": "/run/a/0.sock"}}}},
                        {"endpoint": {"address": {"pipe": {"path": "/run/a/1.sock"}}}},
                    ]
                }
            ],
        },
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": 7,
                    "max_pending_requests": 7,
                    "max_requests": 7,
                    "retry_budget": {"budget_percent": {"value": 20.0}, "min_retry_concurrency": 16},
                }
            ]
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {
                    "http2_protocol_options": {
                        "initial_stream_window_size": 16777216,
                        "initial_connection_window_size": 67108864,
                    }
                },
            }
        },
    }


def test_the_processors_filter() -> None:
    assert document(processor_filter(OPTIONS)) == {
        "name": "envoy.filters.http.ext_proc",
        "disabled": True,
        "typed_config": {
            "@type": f"{TYPE}.extensions.filters.http.ext_proc.v3.ExternalProcessor",
            "stat_prefix": "aigw-extproc",
            "grpc_service": {
                "envoy_grpc": {"cluster_name": "aigw-extproc", "skip_envoy_headers": True},
                "retry_policy": {
                    "retry_on": "connect-failure,refused-stream,reset-before-request,cancelled",
                    "num_retries": 2,
                    "retry_back_off": {"base_interval": "0.050s", "max_interval": "0.500s"},
                    "retry_host_predicate": [PREVIOUS_HOSTS],
                    "host_selection_retry_max_attempts": "32",
                },
            },
            "message_timeout": "10s",
            "max_message_timeout": "120s",
            "allow_mode_override": True,
            "processing_mode": {
                "request_header_mode": "SEND",
                "request_body_mode": "BUFFERED",
                "request_trailer_mode": "SKIP",
                "response_header_mode": "SEND",
                "response_body_mode": "BUFFERED",
                "response_trailer_mode": "SKIP",
            },
            "mutation_rules": {"allow_envoy": True},
            "metadata_options": {
                "forwarding_namespaces": {
                    "untyped": [
                        "envoy.filters.http.jwt_authn",
                        "envoy.filters.http.ext_authz",
                        "io.envoy.ai_gateway.asked",
                    ]
                },
                "receiving_namespaces": {"untyped": ["io.envoy.ai_gateway", "io.envoy.ai_gateway.outcome"]},
            },
        },
    }


PREVIOUS_HOSTS = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": {"@type": f"{TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
}


def test_the_routes() -> None:
    unlimited, limited = document(routes_to_backends(snapshot()))
    assert limited == {
        "match": {"prefix": "/"},
        "route": {
            "cluster_header": "x-ai-eg-backend",
            "auto_host_rewrite": True,
            "timeout": "0s",
            "retry_policy": {
                "retry_on": "connect-failure,refused-stream,reset-before-request",
                "num_retries": 2,
                "retry_back_off": {"base_interval": "0.050s", "max_interval": "0.500s"},
                "retry_host_predicate": [PREVIOUS_HOSTS],
                "host_selection_retry_max_attempts": "32",
            },
        },
        "typed_per_filter_config": {
            "envoy.filters.http.ext_proc": {
                "@type": f"{TYPE}.extensions.filters.http.ext_proc.v3.ExtProcPerRoute",
                "overrides": {},
            }
        },
        "request_headers_to_remove": ["x-ai-eg-model", "x-ai-eg-backend", "x-ai-eg-idle", "x-forwarded-proto"],
        "response_headers_to_remove": ["x-aigw-local-reply"],
    }
    assert unlimited == {
        **limited,
        "match": {"prefix": "/", "headers": [{"name": "x-ai-eg-idle", "string_match": {"exact": "unlimited"}}]},
        "route": {**limited["route"], "idle_timeout": "0s"},
    }


def test_the_listeners_address() -> None:
    config = document(render(snapshot(), Options(listen=Address(host="::1", port=8080))))
    address = config["static_resources"]["listeners"][0]["address"]
    assert address == {"socket_address": {"address": "::1", "port_value": 8080}}


def test_the_buffer_limit_applies_to_every_connection() -> None:
    config = document(render(snapshot(upstream(), buffer_limit=123), OPTIONS))["static_resources"]
    limits = {part["per_connection_buffer_limit_bytes"] for part in config["listeners"] + config["clusters"]}
    assert limits == {123}


def test_all_timeouts_are_idle_timeouts() -> None:
    manager = connection_manager(document(render(snapshot(), OPTIONS)))
    timeouts = {name: value for name, value in manager.items() if name.endswith("timeout")}
    assert timeouts == {"stream_idle_timeout": "300s", "request_headers_timeout": "30s"}


def test_without_an_access_log_only_the_path_is_remembered() -> None:
    options = Options(access_log=False)
    names = [document(one)["name"] for one in http_filters(snapshot(), options)]
    assert names == [
        "remove trailing slash",
        "remember aigw.path",
        "envoy.filters.http.decompressor",
        "envoy.filters.http.ext_proc",
        "envoy.filters.http.router",
    ]
    assert "access_log" not in connection_manager(document(render(snapshot(), options)))


def test_there_are_no_traces_by_default() -> None:
    config = document(render(snapshot(upstream()), OPTIONS))
    names = [cluster["name"] for cluster in config["static_resources"]["clusters"]]
    assert ("tracing" in connection_manager(config), "aigw-otlp" in names) == (False, False)


def test_there_is_no_admin_interface_by_default() -> None:
    assert "admin" not in document(render(snapshot(), OPTIONS))


def test_an_upstream_that_many_rules_share_is_one_cluster() -> None:
    one = render(snapshot(upstream()), OPTIONS)
    assert to_yaml(render(snapshot(*[upstream()] * 500), OPTIONS)) == to_yaml(one)


def test_clusters_and_routes_can_be_in_separate_files() -> None:
    options = Options(
        ca_file=CA, clusters_file=Path("/run/aigw/clusters.yaml"), routes_file=Path("/run/aigw/routes.yaml")
    )
    config = document(render(snapshot(upstream()), options))
    assert config["node"] == {"id": "aigw", "cluster": "aigw"}
    assert config["dynamic_resources"] == {
        "cds_config": {
            "path_config_source": {"path": "/run/aigw/clusters.yaml"},
            "resource_api_version": "V3",
        }
    }
    assert [one["name"] for one in config["static_resources"]["clusters"]] == ["aigw-extproc"]
    source = {"path_config_source": {"path": "/run/aigw/routes.yaml"}, "resource_api_version": "V3"}
    manager = connection_manager(config)
    assert ("route_config" in manager, manager["rds"]) == (
        False,
        {"config_source": source, "route_config_name": "aigw"},
    )


def test_clusters_are_the_same_in_a_separate_file() -> None:
    expected = {"@type": f"{TYPE}.config.cluster.v3.Cluster", **cluster(upstream())}
    clusters = document(render_clusters(snapshot(upstream(), buffer_limit=1000), OPTIONS))
    assert clusters == {"resources": [expected]}


def test_credentials_are_not_rendered() -> None:
    text = to_yaml(render(snapshot(upstream()), OPTIONS))
    assert [word for word in ("CANARY", "canary") if word in text] == []


def test_json_equals_yaml() -> None:
    message = render(snapshot(upstream()), OPTIONS)
    assert json.loads(to_json(message)) == document(message)


@pytest.mark.parametrize(
    "module", ["aigw_extproc.envoy.options", "aigw_extproc.extproc.server", "aigw_extproc.extproc.transport"]
)
def test_serving_does_not_load_envoys_api(module: str) -> None:
    code = f"import sys, {module}; print([name for name in sys.modules if name.startswith('envoy_data')])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:1063", Address(host="127.0.0.1", port=1063)),
        ("processor:1063", Address(host="processor", port=1063)),
        ("[::1]:1063", Address(host="::1", port=1063)),
        ("unix:///run/aigw.sock", Path("/run/aigw.sock")),
        ("unix:/run/aigw.sock", Path("/run/aigw.sock")),
    ],
)
def test_addresses_are_parsed(text: str, address: object) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "1063", ":1063", "host", "host:http", "host:0", "host:65536"])
def test_other_texts_are_not_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address") as raised:
        parse_address(text)
    assert str(raised.value) == f"{text!r} is not an address: write HOST:PORT or unix:///PATH"


def test_the_path_of_a_socket_must_be_absolute() -> None:
    with pytest.raises(ValueError, match="absolute") as raised:
        parse_address("unix:run/aigw.sock")
    assert str(raised.value) == ("'unix:run/aigw.sock' is not an address: the path of a unix socket must be absolute")
