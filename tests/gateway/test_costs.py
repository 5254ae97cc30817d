"""What requests cost, as Envoy's log and the processor's metrics have it: to the token what the simulator counts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

import boto3
import pytest

from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY
from tests.envoy_config.running import wait_for
from tests.gateway.conftest import NOVA, NewGateway
from tests.gateway.resources import Document, backend, ref, route, rule
from tests.gateway.running import CHAT, Gateway, events, question
from tests.gateway.test_disconnects import leave_early, leave_mid_stream
from tests.simulator.running import RunningSimulator

SONNET = "us.anthropic.claude-sonnet-4-6"
GPT = "openai.gpt-oss-20b-1:0"
EMBEDDING, RERANK, CANVAS = "amazon.titan-embed-text-v2:0", "cohere.rerank-v3-5:0", "amazon.nova-canvas-v1:0"
FAULT = "output_tokens == 0u ? 0u : cached_input_tokens - total_tokens"
LOGGED = ("total", "weighted", "fault", "route_name", "ai_service_backend_name", "response_model", "token_latency_ttft")
GENERAL = [
    {"metadataKey": "total", "type": "TotalToken"},
    {"metadataKey": "weighted", "type": "CEL", "cel": "0u"},
]
OWN = [
    {"metadataKey": "weighted", "type": "CEL", "cel": "input_tokens + 10u * output_tokens"},
    {"metadataKey": "fault", "type": "CEL", "cel": FAULT},
]


def gateway_config(*costs: Document) -> list[Document]:
    group, name = "aigateway.envoyproxy.io", "costs"
    named = {"metadata": {"name": name, "annotations": {f"{group}/gateway-config": name}}}
    return [
        {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", **named, "spec": {}},
        {
            "apiVersion": f"{group}/v1beta1",
            "kind": "GatewayConfig",
            **named,
            "spec": {"globalLLMRequestCosts": [*costs]},
        },
    ]


@pytest.fixture(scope="module")
def costly(start_gateway: NewGateway, simulator: RunningSimulator) -> Iterator[Gateway]:
    own = route("own", rule(ref(to=NOVA), model="nova"), rule(ref(to="simulator.hold"), model="simulator.hold"))
    own["spec"]["llmRequestCosts"] = OWN
    failing, second = ref(to="simulator.throttling"), ref("second", to=NOVA, priority=1)
    gateway = start_gateway(
        own,
        route(
            "others",
            rule(ref("claude", to=SONNET), model="claude"),
            rule(ref("openai", to=GPT), model="gpt"),
            rule(failing, second, model="failover"),
            rule(ref(), model=r"~.*"),
        ),
        *backend("bedrock", simulator.port),
        *backend(
            "second", simulator.port, annotations={"aigw-extproc/prices": "{amazon.nova-micro-v1:0: {output: 9}}"}
        ),
        *backend("claude", simulator.port, schema={"name": "AWSAnthropic"}),
        *backend("openai", simulator.port, schema={"name": "OpenAI", "prefix": "/openai/v1"}),
        *gateway_config(*GENERAL),
        log_fields={key: f"%DYNAMIC_METADATA(io.envoy.ai_gateway:{key})%" for key in LOGGED},
    )
    yield gateway
    gateway.wait_until_idle()
    assert gateway.processor.metric("aigw_defects_total") == 0


@pytest.fixture(scope="module")
def bedrock(simulator: RunningSimulator) -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=f"http://127.0.0.1:{simulator.port}",
        region_name="us-east-1",
        aws_access_key_id=DEMO_ACCESS_KEY_ID,
        aws_secret_access_key=DEMO_SECRET_ACCESS_KEY,
    )


def counted(bedrock: Any, entry: dict[str, Any]) -> tuple[int, int]:
    """The tokens that the simulator itself counts for a request that it has received."""
    _, _, model, operation = entry["path"].split("/")
    model, body = unquote(model), json.loads(entry["body"])
    if operation.startswith("converse"):
        usage = bedrock.converse(modelId=model, **body)["usage"]
        return usage["inputTokens"], usage["outputTokens"]
    response = bedrock.invoke_model(modelId=model, body=entry["body"])
    found = response["ResponseMetadata"]["HTTPHeaders"]
    usage = json.loads(response["body"].read()).get("usage", {})
    return int(found["x-amzn-bedrock-input-token-count"]), usage.get("output_tokens", 0)


def logged(gateway: Gateway, response: Any) -> dict[str, Any]:
    return gateway.envoy.access_log(response.headers["x-request-id"])


def spent(line: dict[str, Any]) -> tuple[int | None, int | None]:
    return line["input_tokens"], line["output_tokens"]


STREAM_OPTIONS = {"stream_options": {"include_usage": True}}
MESSAGES = {"max_tokens": 50, "messages": [{"role": "user", "content": "Hello, you there!"}]}
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": (CHAT, question("nova", "Hello, you there!")),
    "chat on claude": (CHAT, question("claude", "Hello, you there!")),
    "messages": ("/v1/messages", {"model": "nova", **MESSAGES}),
    "messages on claude": ("/v1/messages", {"model": "claude", **MESSAGES}),
    "completions": ("/v1/completions", {"model": "nova", "prompt": "Hello, you there!"}),
    "responses": ("/v1/responses", {"model": "nova", "input": "Hello, you there!", "store": False}),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", REQUESTS)
def test_tokens_are_those_that_the_simulator_counts(costly: Gateway, bedrock: Any, name: str, stream: bool) -> None:
    path, body = REQUESTS[name]
    response = costly.client.post(path, json={**body, "stream": stream})
    line = logged(costly, response)
    assert spent(line) == counted(bedrock, costly.received(response))
    assert line["total"] == sum(spent(line))  # type: ignore[arg-type] # both are known
    assert (line["usage_estimated"], line["cost_microdollars"] > 0) == (None, True)
    assert (line["token_latency_ttft"] is not None) is stream


def test_embeddings_in_one_call_and_in_several(costly: Gateway, bedrock: Any) -> None:
    texts = ["Hello, you there!", "What?", "a b c d"]
    one, three = (
        costly.client.post("/v1/embeddings", json={"model": EMBEDDING, "input": given}) for given in (texts[0], texts)
    )
    assert spent(logged(costly, one)) == (*counted(bedrock, costly.received(one))[:1], 0)
    line = logged(costly, three)
    assert spent(line) == (three.json()["usage"]["prompt_tokens"], 0)
    assert (line["backend"], line["route_name"]) == ("default/bedrock/route/others/rule/3/ref/0", "default/others")


def test_rerankings_and_images_cost_by_their_number(costly: Gateway) -> None:
    ranked = {"model": RERANK, "query": "cat", "documents": ["a cat"] * 101}
    images = {"model": CANVAS, "prompt": "A cat", "n": 7}
    lines = [
        logged(costly, costly.client.post(path, json=body))
        for path, body in (("/v1/rerank", ranked), ("/v1/images/generations", images))
    ]
    assert [line["cost_microdollars"] for line in lines] == [2 * 2000, 7 * 40_000]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_openai_backends(costly: Gateway, stream: bool) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    response = costly.chat("gpt", **options)
    usage = events(response.text)[-2]["usage"] if stream else response.json()["usage"]
    assert spent(logged(costly, response)) == (usage["prompt_tokens"], usage["completion_tokens"])


def test_a_stream_of_an_openai_backend_is_counted_though_its_client_does_not_ask(costly: Gateway) -> None:
    unasked, asked = (costly.chat("gpt", stream=True, **options) for options in ({}, STREAM_OPTIONS))
    [*chunks, done] = events(unasked.text)
    assert (done, [chunk for chunk in chunks if chunk.get("usage")]) == ("[DONE]", [])
    assert len(chunks) == len(events(asked.text)) - 2
    line = logged(costly, unasked)
    assert (line["usage_estimated"], spent(line)) == (None, spent(logged(costly, asked)))


def test_counting_tokens_costs_nothing(costly: Gateway) -> None:
    response = costly.client.post("/v1/messages/count_tokens", json={"model": "claude", **MESSAGES})
    assert logged(costly, response)["cost_microdollars"] == 0


def test_a_routes_costs_and_the_gateways(costly: Gateway) -> None:
    own, other = (logged(costly, costly.chat(model)) for model in ("nova", NOVA))
    assert own["weighted"] == own["input_tokens"] + 10 * own["output_tokens"]
    assert (own["total"], own["fault"]) == (own["input_tokens"] + own["output_tokens"], 0)
    assert (other["weighted"], other["total"], other["fault"]) == (0, own["total"], None)
    assert [own[key] for key in ("route_name", "ai_service_backend_name", "response_model")] == [
        *("default/own", "default/bedrock", NOVA),
    ]


def test_a_cost_that_fails_is_named(costly: Gateway) -> None:
    before = costly.processor.metric("aigw_request_cost_faults_total", key="fault")
    costly.chat("nova")
    costly.wait_until_idle()
    assert costly.processor.metric("aigw_request_cost_faults_total", key="fault") == before + 1
    reason = "OUT_OF_RANGE: unsigned integer overflow"
    assert (
        f"cost not evaluated, so it is 0: key=fault route=default/own reason={reason}"
        in costly.processor.log.read_text()
    )


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_attempt_has_what_it_has_spent_and_what_that_costs(costly: Gateway, stream: bool) -> None:
    response = costly.chat("failover", stream=stream)
    request_id = response.headers["x-request-id"]

    def lines() -> list[dict[str, Any]] | None:
        found = [json.loads(line) for line in costly.envoy.log.read_text().splitlines() if request_id in line]
        return found if len(found) == 3 else None

    found = wait_for(lines, what="three lines in the access log")
    attempts = {line["backend"].partition("/route/")[0]: line for line in found if "attempt_of" in line}
    assert spent(attempts["default/bedrock"]) == (None, None)
    assert attempts["default/second"]["cost_microdollars"] == 9 * attempts["default/second"]["output_tokens"]


# --- what Envoy does not hear of --------------------------------------------------------------------------------


def broken_off(gateway: Gateway, already: int) -> str:
    """The last line of the processor's log about an exchange that broke off, once there is one more."""
    found = lambda: re.findall(r"exchange broken off: (.*)", gateway.processor.log.read_text())  # noqa: E731 - repeated
    return wait_for(lambda: found()[-1] if len(found()) > already else None, what="a line about the exchange")


def test_a_client_that_leaves_a_stream_is_charged(costly: Gateway) -> None:
    """Envoy takes no metadata any more: its log has no tokens, the processor's has."""
    costly.wait_until_idle()
    already = costly.processor.log.read_text().count("exchange broken off")
    tokens = lambda kind: costly.processor.metric("aigw_estimated_tokens_total", operation="chat", type=kind)  # noqa: E731
    before = tokens("input")
    request_id = leave_mid_stream(costly)
    line = broken_off(costly, already)
    body = costly.request(request_id)["body"]
    estimate = -(-len(body) // 4)
    assert line.startswith(
        f"client= model=simulator.hold backend=default/bedrock input_tokens={estimate} output_tokens="
    )
    assert line.endswith("estimated=true")
    costly.wait_until_idle()
    assert tokens("input") == before + estimate
    [envoys] = (json.loads(line) for line in costly.envoy.log.read_text().splitlines() if request_id in line)
    assert (spent(envoys), envoys["total"]) == ((None, None), None)


def test_a_client_that_leaves_before_the_answer_is_charged(costly: Gateway) -> None:
    costly.wait_until_idle()
    already = costly.processor.log.read_text().count("exchange broken off")
    body = costly.request(leave_early(costly))["body"]
    line = broken_off(costly, already)
    assert f"input_tokens={-(-len(body) // 4)} output_tokens=0 estimated=true" in line


@pytest.mark.parametrize("fault", ["simulator.stream-exception", "simulator.truncated-3"])
def test_a_stream_that_fails_is_charged_in_envoys_metadata(costly: Gateway, fault: str) -> None:
    line = logged(costly, costly.chat(fault, stream=True))
    assert (line["usage_estimated"], line["total"]) == (True, line["input_tokens"] + line["output_tokens"])
    assert line["output_tokens"] > 0


def test_a_stream_that_the_upstream_resets_is_charged(costly: Gateway) -> None:
    costly.wait_until_idle()
    already = costly.processor.log.read_text().count("exchange broken off")
    with pytest.raises(Exception, match="incomplete chunked read"):
        costly.chat("simulator.reset-3", stream=True)
    assert "estimated=true" in broken_off(costly, already)


# --- sums -------------------------------------------------------------------------------------------------------


def test_many_requests_at_once_add_up(costly: Gateway) -> None:
    """The sums of metrics are those of the answers, to the token and to the micro-dollar."""
    costly.wait_until_idle()
    labels = {"gen_ai_original_model": "nova"}
    sums = lambda: [  # noqa: E731 - read twice
        *(
            costly.processor.metric("gen_ai_client_token_usage_token_sum", gen_ai_token_type=kind, **labels)
            for kind in ("input", "output")
        ),
        costly.processor.metric("aigw_cost_microdollars_total", model=NOVA, backend="default/bedrock"),
    ]
    before = sums()

    def ask(number: int) -> Any:
        stream = {"stream": True, "stream_options": {"include_usage": True}} if number % 2 else {}
        response = costly.chat("nova", "word " * (number % 17 + 1), **stream)
        usage = events(response.text)[-2]["usage"] if stream else response.json()["usage"]
        return response, usage

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(ask, range(200)))
    costly.wait_until_idle()
    lines = [logged(costly, response) for response, _ in answers]
    usages = [usage for _, usage in answers]
    expected = [sum(usage[name] for usage in usages) for name in ("prompt_tokens", "completion_tokens")]
    dollars = sum(line["cost_microdollars"] for line in lines)
    assert [line["total"] for line in lines] == [usage["total_tokens"] for usage in usages]
    assert [after - first for after, first in zip(sums(), before, strict=True)] == [*expected, dollars]
