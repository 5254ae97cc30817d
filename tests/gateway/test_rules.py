"""The alerts of Prometheus fire on what a gateway reports after each fault, and are silent without."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import msgspec
import pytest
import yaml
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from aigw_extproc.aws.identity import Identity
from aigw_extproc.config.snapshot import AwsAuth
from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY
from tests.compose.promtool import find_promtool, run
from tests.docs.pages import ROOT
from tests.envoy_config.running import served, wait_for
from tests.extproc.test_processor import CHAT, POST, Surroundings, body
from tests.gateway.conftest import NewGateway
from tests.gateway.resources import Document, backend, ref, route, rule
from tests.gateway.running import Gateway
from tests.simulator.running import RunningSimulator

RULES = ROOT / "charts/aigw-extproc/rules/aigw-extproc.yaml"
Samples = dict[str, float]


@pytest.fixture(scope="module")
def promtool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return find_promtool(tmp_path_factory)


def samples(text: str) -> Samples:
    """Return the gateway's own metrics by their series, as Prometheus names them."""
    lines = "".join(line for line in text.splitlines(keepends=True) if line.startswith("aigw_"))
    every = (sample for family in text_string_to_metric_families(lines) for sample in family.samples)
    return {f"{one.name}{_labels(one.labels)}": one.value for one in every}


def _labels(labels: dict[str, str]) -> str:
    return "{" + ",".join(f"{name}={msgspec.json.encode(value).decode()}" for name, value in labels.items()) + "}"


def fired(promtool: Path, folder: Path, before: Samples, after: Samples) -> set[str]:
    """Return the alerts that fire when these samples change from one scrape to the next.

    promtool only compares, so it is asked for an alert that there is not, and says which fire instead.
    """
    series = [
        {"series": name, "values": f"{before[name]:g}x4 {value:g}x4" if name in before else f"_x4 {value:g}x4"}
        for name, value in after.items()
        if value != float("inf")
    ]
    wanted = {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": "8m",
        "exp_samples": [{"labels": '{alertname="none"}', "value": 1}],
    }
    test = {"interval": "1m", "input_series": series, "promql_expr_test": [wanted]}
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}))
    done = run(promtool, "test", "rules", file)
    _, got, fired = (done.stdout + done.stderr).partition("got:")
    assert got, done.stdout + done.stderr
    return set(re.findall(r'alertname="(\w+)"', fired))


class Container(BaseHTTPRequestHandler):
    """The credentials of a container, which end in four minutes: nothing renews them."""

    def do_GET(self) -> None:
        expiry = datetime.fromtimestamp(time.time() + 240, UTC)
        keys = {"AccessKeyId": DEMO_ACCESS_KEY_ID, "SecretAccessKey": DEMO_SECRET_ACCESS_KEY, "Token": "token"}
        body = msgspec.json.encode({**keys, "Expiration": expiry.strftime("%Y-%m-%dT%H:%M:%SZ")})
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def default_chain(port: int) -> list[Document]:
    """Bedrock, with the credentials of the processor's surroundings."""
    service, policy, where, _ = backend("bedrock", port)
    policy["spec"]["awsCredentials"] = {"region": "us-east-1"}
    return [service, policy, where]


@pytest.fixture(scope="module")
def faulty(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    return start_gateway(
        route("any", rule(ref("unsigned"), model="unsigned"), rule(ref())),
        *backend("bedrock", simulator.port),
        *renamed(default_chain(simulator.port)),
        environment={"AWS_EC2_METADATA_DISABLED": "true"},
    )


def renamed(documents: list[Document]) -> list[Document]:
    text = yaml.safe_dump_all(documents).replace("name: bedrock", "name: unsigned")
    return list(yaml.safe_load_all(text))


def scraped(gateway: Gateway) -> Samples:
    gateway.wait_until_idle()
    return samples(gateway.processor.admin.get("/metrics").text)


@pytest.mark.parametrize(
    ("model", "stream", "alerts"),
    [
        ("nova", False, set()),
        ("nova", True, set()),
        ("simulator.validation", False, set()),
        ("simulator.stream-exception-3", True, {"AigwStreamsBreak"}),
        ("simulator.throttling", False, {"AigwThrottled"}),
        ("simulator.unavailable", False, {"AigwFailures"}),
        ("simulator.not-json", False, {"AigwFailures", "AigwUpstreamNotUnderstood"}),
        ("unsigned", False, {"AigwFailures", "AigwNoCredentials"}),
    ],
)
def test_an_alert_fires_for_its_fault(
    faulty: Gateway, promtool: Path, tmp_path: Path, model: str, stream: bool, alerts: set[str]
) -> None:
    before = scraped(faulty)
    for asked in ("amazon.nova-micro-v1:0" if model == "nova" else model, "amazon.nova-micro-v1:0"):
        faulty.chat(asked, stream=stream)
    assert fired(promtool, tmp_path, before, scraped(faulty)) == alerts


def test_the_alert_of_credentials_fires_before_they_end(
    start_gateway: NewGateway, simulator: RunningSimulator, promtool: Path, tmp_path: Path
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Container)
    with served(server):
        where = f"http://127.0.0.1:{server.server_port}/"
        environment = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": where}
        gateway = start_gateway(route("any", rule(ref())), *default_chain(simulator.port), environment=environment)
        wait_for(lambda: gateway.processor.metric("aigw_credential_expiry_seconds") or None, what="credentials")
        now = scraped(gateway)
    assert fired(promtool, tmp_path, now, now) == {"AigwCredentialsExpire"}


def test_the_alert_of_defects_fires(promtool: Path, tmp_path: Path) -> None:
    class Broken(Surroundings):
        async def credentials(self, auth: AwsAuth) -> Identity:
            raise ZeroDivisionError

    before = samples(generate_latest(REGISTRY).decode())
    stream = Broken().open()
    stream.send(request_headers=POST)
    assert stream.send(request_body=body(CHAT)).immediate_response.status.code == 500
    assert stream.status() is grpc.StatusCode.OK
    after = samples(generate_latest(REGISTRY).decode())
    assert fired(promtool, tmp_path, before, after) == {"AigwDefect", "AigwFailures"}
