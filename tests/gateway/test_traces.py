"""A request as a tree of spans: the client's, Envoy's, the processor's, and those of attempts."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway.collector import Collector, Node, running_collector
from tests.gateway.conftest import NOVA, NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway
from tests.gateway.test_failover import fallback
from tests.simulator.running import RunningSimulator

FAST = {"OTEL_BSP_SCHEDULE_DELAY": "200"}
CLIENT_SPAN = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


@pytest.fixture(scope="module")
def traced(start_gateway: NewGateway, simulator: RunningSimulator, collector: Collector) -> Gateway:
    return start_gateway(
        route(
            "models",
            rule(ref(to=NOVA), model="nova"),
            fallback("failing-over", ref(to="simulator.throttling"), ref("second", to=NOVA)),
            rule(ref(), model="~simulator.*"),
        ),
        *backend("bedrock", simulator.port),
        *backend("second", simulator.port),
        environment=FAST,
        traces=collector.options,
    )


class Asked:
    """A request within a client's trace."""

    def __init__(self, gateway: Gateway, model: str = "nova", *, sampled: bool = True, **fields: Any) -> None:
        self.trace_id = secrets.token_hex(16)
        context = f"00-{self.trace_id}-{CLIENT_SPAN}-{'01' if sampled else '00'}"
        headers = {"traceparent": context, **fields.pop("headers", {})}
        self.response = gateway.chat(model, headers=headers, **fields)


@pytest.fixture(scope="module")
def whole(traced: Gateway) -> Asked:
    return Asked(traced, temperature=0.5, max_tokens=99, stop=["END"])


@pytest.fixture(scope="module")
def streamed(traced: Gateway) -> Asked:
    return Asked(traced, stream=True)


@pytest.fixture(scope="module")
def failed_over(traced: Gateway) -> Asked:
    return Asked(traced, "failing-over", stream=True)


@pytest.fixture(scope="module")
def broken(traced: Gateway) -> Asked:
    return Asked(traced, "simulator.stream-exception-3", stream=True)


@pytest.fixture(scope="module", autouse=True)
def asked(whole: Asked, streamed: Asked, failed_over: Asked, broken: Asked) -> None:
    """Ask for all of them first: Envoy sends its spans every five seconds."""


def gen_ai(root: Node) -> Node:
    (found,) = root.find("chat ")
    return found


@pytest.mark.parametrize("name", ["whole", "streamed"])
def test_the_tree_of_a_chat(collector: Collector, request: pytest.FixtureRequest, name: str) -> None:
    asked: Asked = request.getfixturevalue(name)
    root = collector.trace(asked.trace_id, 4)
    assert root.span.parent_span_id.hex() == CLIENT_SPAN
    assert root.tree() == ("ingress", ("ext_proc", ("chat nova",)), ("router default/bedrock egress",))


def test_what_the_span_of_a_chat_says(collector: Collector, whole: Asked) -> None:
    attributes = gen_ai(collector.trace(whole.trace_id, 4)).attributes
    answer = whole.response.json()
    assert attributes.pop("server.address").startswith("127.0.0.1:")
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": "nova",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 99,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.response.id": answer["id"],
        "gen_ai.response.model": NOVA,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": answer["usage"]["prompt_tokens"],
        "gen_ai.usage.output_tokens": answer["usage"]["completion_tokens"],
        "http.response.status_code": 200,
        "aigw.outcome": "ok",
        "aigw.operation": "chat",
        "aigw.backend": "default/bedrock",
        "aigw.stream": False,
        "aigw.request_id": whole.response.headers["x-request-id"],
        "aws.request_id": whole.response.headers["x-amzn-requestid"],
        "cloud.region": "us-east-1",
    }


def test_the_span_of_a_stream_has_the_time_of_its_first_piece(collector: Collector, streamed: Asked) -> None:
    node = gen_ai(collector.trace(streamed.trace_id, 4))
    span, seconds = node.span, node.attributes["gen_ai.server.time_to_first_token"]
    (event,) = span.events
    assert 0 < seconds < (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
    assert abs(event.time_unix_nano - span.start_time_unix_nano - seconds * 1e9) < 1e6
    assert node.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert node.attributes["gen_ai.usage.output_tokens"] > 0


def test_an_error_in_the_middle_of_a_stream_is_the_spans(collector: Collector, broken: Asked) -> None:
    node = gen_ai(collector.trace(broken.trace_id, 4))
    assert (node.span.status.code, node.span.status.message) == (2, "api_error")
    assert (node.attributes["error.type"], node.attributes["http.response.status_code"]) == ("api_error", 200)
    assert node.attributes["aigw.outcome"] == "api_error"


def test_attempts_are_below_their_request(collector: Collector, failed_over: Asked) -> None:
    root = collector.trace(failed_over.trace_id, 12)
    assert root.span.parent_span_id.hex() == CLIENT_SPAN
    to_attempt, asked = ("router default/models/rule/1 egress",), ("ext_proc", ("chat failing-over",))
    assert root.tree() == (
        "ingress",
        (
            "ext_proc",
            ("ingress", asked, ("router default/bedrock egress",)),
            ("ingress", asked, ("router default/second egress",)),
        ),
        to_attempt,
        to_attempt,
    )
    said = [(node.attributes["aigw.backend"], node.attributes["aigw.outcome"]) for node in root.find("chat ")]
    assert said == [("default/bedrock", "throttling_exception"), ("default/second", "ok")]
    assert [node.attributes.get("retry.count") for node in root.find(to_attempt[0])] == [None, "1"]


def test_the_trace_of_a_request_is_in_the_access_log(traced: Gateway, whole: Asked) -> None:
    assert traced.envoy.access_log(whole.response.headers["x-request-id"])["trace_id"] == whole.trace_id


def test_what_a_client_does_not_record_is_not_recorded(traced: Gateway, collector: Collector) -> None:
    asked, later = Asked(traced, sampled=False), Asked(traced)
    collector.trace(later.trace_id, 4)
    assert [span for span in collector.spans if span.trace_id.hex() == asked.trace_id] == []


def test_neither_messages_nor_secrets_are_in_spans(traced: Gateway, collector: Collector) -> None:
    asked = Asked(traced, text="canary-text", headers={"authorization": "Bearer canary-key"})
    traced.client.get("/v1/models?key=canary-query")
    later = Asked(traced)
    for each in (asked, later):
        collector.trace(each.trace_id, 4)
    assert "canary" not in str(collector.spans)


def test_upstreams_do_not_learn_the_trace(traced: Gateway, whole: Asked) -> None:
    names = {name.lower() for name, _ in traced.received(whole.response)["headers"]}
    assert names & {"traceparent", "tracestate"} == set()


def test_what_is_switched_on_is_in_the_span_and_sent_on(
    new_gateway: NewGateway, simulator: RunningSimulator, collector: Collector
) -> None:
    gateway = new_gateway(
        route("any", rule(ref(to=NOVA))),
        *backend("bedrock", simulator.port),
        environment={**FAST, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"},
        traces=collector.options,
        trace_upstream=True,
    )
    asked = Asked(gateway, text="What is the weather?")
    sent = dict(gateway.received(asked.response)["headers"])["traceparent"]
    node = gen_ai(collector.trace(asked.trace_id, 4))
    assert sent == f"00-{asked.trace_id}-{node.span.span_id.hex()}-01"
    assert node.attributes["gen_ai.input.messages"] == (
        '[{"role":"user","parts":[{"type":"text","content":"What is the weather?"}]}]'
    )
    assert "You said: What is the weather?" in node.attributes["gen_ai.output.messages"]
