"""What Envoy sends to the upstream and to the client, and writes to the access log."""

from __future__ import annotations

import tempfile
from pathlib import Path

import httpx
import pytest

from aigw_extproc.config.snapshot import Address
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.render import render, to_yaml
from tests.envoy_config.conftest import SIGNED_HOST, Gateway
from tests.envoy_config.processor import TRANSLATED, Processor, forward
from tests.envoy_config.running import Handler, running_envoy, running_upstream
from tests.envoy_config.snapshots import snapshot, upstream


@pytest.mark.parametrize(
    ("cluster", "host"), [("default/by-address", SIGNED_HOST), ("default/by-name", f"{SIGNED_HOST}:8443")]
)
def test_the_host_is_the_signed_one(gateway: Gateway, cluster: str, host: str) -> None:
    gateway.processor.answers["request_body"] = forward(cluster)
    gateway.chat(host="client.example")
    assert dict(gateway.upstream.received[0].headers)["host"] == host


def test_the_path_arrives_byte_for_byte(gateway: Gateway) -> None:
    path = "/model/arn%3Aaws%3Abedrock%3A%3Aprofile%2Fa..b%252F/converse"
    gateway.processor.answers["request_body"] = forward("default/by-address", path=path)
    gateway.chat()
    assert gateway.upstream.received[0].line == f"POST {path} HTTP/1.1"


def test_the_body_arrives_with_its_length(gateway: Gateway) -> None:
    gateway.chat()
    received = gateway.upstream.received[0]
    assert (dict(received.headers)["content-length"], received.body) == (str(len(TRANSLATED)), TRANSLATED)


def test_internal_headers_are_not_forwarded(gateway: Gateway) -> None:
    gateway.chat()
    names = {name for name, _ in gateway.upstream.received[0].headers}
    assert names & {"x-ai-eg-backend", "x-ai-eg-model", "x-envoy-expected-rq-timeout-ms"} == set()


def test_a_client_cannot_choose_the_cluster(gateway: Gateway) -> None:
    response = gateway.chat(**{"x-ai-eg-backend": "default/refused"})
    assert (response.status_code, len(gateway.upstream.received)) == (200, 1)


def test_a_client_cannot_set_internal_headers(gateway: Gateway) -> None:
    forged = {"x-ai-eg-model": "m", "x-envoy-retry-on": "5xx", "x-envoy-original-path": "/", "x-request-id": "r"}
    gateway.chat(**forged)
    seen = gateway.processor.ended().headers("request_headers")
    assert {name: value for name, value in seen.items() if forged.get(name) == value} == {}


def test_the_request_id_is_ours_and_comes_back(gateway: Gateway) -> None:
    response = gateway.chat(**{"x-request-id": "theirs"})
    sent = dict(gateway.upstream.received[0].headers)["x-request-id"]
    assert response.headers["x-request-id"] == sent != "theirs"


def test_http_2_is_spoken_on_the_same_port(gateway: Gateway) -> None:
    with httpx.Client(http1=False, http2=True, base_url=gateway.envoy.url) as client:
        response = client.post("/v1/chat/completions", content=b"{}")
    assert (response.http_version, response.json()) == ("HTTP/2", {"answer": True})


def test_an_upstream_cannot_set_the_local_reply_marker(gateway: Gateway) -> None:
    def forge(handler: Handler) -> None:
        handler.send_response_only(200)
        handler.send_header("x-aigw-local-reply", "true")
        handler.send_header("content-length", "0")
        handler.end_headers()

    gateway.upstream.reset(forge)
    gateway.chat()
    assert "x-aigw-local-reply" not in gateway.processor.ended().headers("response_headers")


def test_a_body_just_below_the_limit_is_accepted(gateway: Gateway) -> None:
    assert gateway.chat(b"x" * (1024 * 1024 - 1)).status_code == 200


def test_an_error_of_the_upstream_is_not_retried(gateway: Gateway) -> None:
    def fail(handler: Handler) -> None:
        handler.send_response_only(503)
        handler.send_header("content-length", "0")
        handler.end_headers()

    gateway.upstream.reset(fail)
    assert (gateway.chat().status_code, len(gateway.upstream.received)) == (503, 1)


def test_the_access_log_describes_a_request(gateway: Gateway) -> None:
    response = gateway.chat(authorization="Bearer canary")
    request_id = response.headers["x-request-id"]
    line = gateway.envoy.access_log(request_id)
    varying = ("time", "duration_ms", "upstream_first_byte_ms")
    assert {name: value for name, value in line.items() if name not in varying} == {
        "request_id": request_id,
        "client_request_id": None,
        "trace_id": None,
        "client": "127.0.0.1",
        "api_client": None,
        "method": "POST",
        "path": "/v1/chat/completions",
        "model": None,
        "cluster": "default/by-address",
        "backend": None,
        "stream": None,
        "status": 200,
        "outcome": None,
        "details": "via_upstream",
        "flags": "-",
        "attempts": 1,
        "bytes_received": 16,
        "bytes_sent": 15,
        "aws_request_id": None,
        "dropped": None,
        **dict.fromkeys(("input_tokens", "output_tokens", "cached_tokens", "cache_written_tokens")),
        **dict.fromkeys(("usage_estimated", "cost_microdollars")),
    }
    assert "canary" not in str(line)


def test_the_access_log_has_no_query(gateway: Gateway) -> None:
    response = gateway.client.post("/v1/chat/completions?key=canary", content=b"{}")
    line = gateway.envoy.access_log(response.headers["x-request-id"])
    assert line["path"] == "/v1/chat/completions"


def test_missing_values_are_null_in_the_access_log(gateway: Gateway) -> None:
    response = gateway.client.get("/v1/models")
    line = gateway.envoy.access_log(response.headers["x-request-id"])
    assert (line["model"], line["cluster"], line["aws_request_id"]) == (None, None, None)


def test_no_request_fails_because_of_a_dead_worker() -> None:
    with tempfile.TemporaryDirectory(prefix="aigw-") as name, running_upstream() as backend:
        folder = Path(name)
        with Processor(folder / "p.sock") as processor:
            processor.reset(request_body=forward("default/a"))
            options = Options(
                listen=Address(host="127.0.0.1", port=0),
                processors=(folder / "dead.sock", processor.socket),
                admin=folder / "admin.sock",
            )
            config = render(snapshot(upstream("default/a", ("127.0.0.1", backend.port))), options)
            with running_envoy(to_yaml(config), folder, folder / "admin.sock") as envoy:
                statuses = {httpx.post(f"{envoy.url}/v1", content=b"{}").status_code for _ in range(20)}
                failed = envoy.admin.get("/stats", params={"filter": "cluster.aigw-extproc.upstream_cx_connect_fail"})
    assert statuses == {200}
    assert int(failed.text.rpartition(":")[2]) > 0
