"""What a report says of backends, changes, signatures and headers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from aigw_extproc.aws.identity import AssumeRole, BearerToken, Credentials, DefaultChain
from aigw_extproc.bedrock.prices import Tokens, builtin
from aigw_extproc.config.addresses import Tls
from aigw_extproc.config.snapshot import (
    AwsAuth,
    Backend,
    HeaderMutation,
    RequestCredentials,
    Rule,
    Schema,
)
from aigw_extproc.config.traffic import Failover, Retry, Timeouts
from aigw_extproc.exchange.messages import ForwardRequest
from aigw_extproc.explain import report
from aigw_extproc.explain.explanation import Change, EnvoyRoute, Explanation, Header, Signature, to_json
from tests.explain.samples import explained, question, router
from tests.test_exchange import BACKEND, UPSTREAM, exchange, request, send

CANARY = "canary-of-a-secret"


def backend(name: str, **changes: Any) -> Backend:
    return replace(BACKEND, name=f"default/{name}/route/r/rule/0/ref/0", **changes)


def rule(*backends: Backend, **fields: Any) -> Rule:
    return Rule(name="default/r/rule/0", backends=backends, owned_by="us", created=7, **fields)


def shown(explanation: Explanation) -> str:
    console = Console(width=120, record=True, file=None, force_terminal=False)
    with console.capture() as captured:
        report.show(explanation, console)
    return captured.get()


# --- backends ---------------------------------------------------------------------------------------------------


def test_backends_that_share_by_weight() -> None:
    one, two, none = backend("a", weight=3), backend("b", weight=1, model_override="other"), backend("c", weight=0)
    explanation = explained(question(), rules=router(rule(one, two, none)))
    assert [(each.name, each.share, each.model) for each in explanation.backends] == [
        (one.name, 75.0, "nova"),
        (two.name, 25.0, "other"),
    ]
    assert [each.requests[0].path for each in explanation.backends] == ["/model/nova/converse", "/model/other/converse"]


def test_backends_that_are_tried_in_order() -> None:
    first = backend("a", priority=0, weight=1)
    second = backend("b", priority=1, schema=Schema(name="AWSAnthropic"), model_override="us.anthropic.claude-x")
    failover = Failover(cluster="default/r/rule/0", hosts=("b.attempt", "a.attempt"), retry=Retry(retries=1))
    explanation = explained(question(), rules=router(rule(second, first, failover=failover)))
    assert explanation.failover == (
        "another backend is tried up to once, after connect-failure, reset, retriable-status-codes (429, 503, 529)"
    )
    assert [(each.priority, each.requests[0].path) for each in explanation.backends] == [
        (0, "/model/nova/converse"),
        (1, "/model/us.anthropic.claude-x/invoke"),
    ]
    assert [each.envoy.route for each in explanation.backends if each.envoy] == ["x-ai-eg-attempts: true"] * 2
    assert [each.envoy.cluster for each in explanation.backends if each.envoy] == ["default/r/rule/0"] * 2


def test_a_backend_that_refuses_what_another_takes() -> None:
    failover = Failover(cluster="c", hosts=("a.attempt", "b.attempt"), retry=Retry(retries=1))
    backends = (backend("a", schema=Schema(name="Cohere")), backend("b", priority=1))
    explanation = explained(question(), rules=router(rule(*backends, failover=failover)))
    refused, served = explanation.backends
    assert refused.refusal is not None
    assert refused.refusal.message.startswith("model: its backend speaks Cohere")
    assert (served.refusal, explanation.served) == (None, True)


def test_a_batch_is_several_requests() -> None:
    body = {"model": "cohere.embed-english-v3", "input": [f"text {number}" for number in range(100)]}
    (only,) = explained(body, path="/v1/embeddings").backends
    assert [len(json.loads(bytes(each.body))["texts"]) for each in only.requests] == [96, 4]
    assert Change(
        kind="repaired",
        place="input",
        reason="the model takes less at once; the answers become one",
        before="1 request",
        after="2 requests",
    ) in list(only.changes)


def test_what_the_gateway_answers_by_itself() -> None:
    explanation = explained(b"", path="/v1/models", method="GET")
    assert explanation.refusal is not None
    assert (explanation.refusal.status, explanation.served) == (200, True)


def test_images_are_not_fetched() -> None:
    url = "https://a.example/cat.png"
    part = {"type": "image_url", "image_url": {"url": url}}
    body = {"model": "us.amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": [part]}]}
    (only,) = explained(body).backends
    assert only.notes == (f"{url} would be fetched; an image of one pixel stands for it here",)
    assert '"format":"png"' in bytes(only.requests[0].body).decode()


def test_stored_responses_are_not_looked_up() -> None:
    (only,) = explained(
        {"model": "nova", "input": "a", "previous_response_id": "resp_1"}, path="/v1/responses"
    ).backends
    assert only.notes == ("what goes out depends on stored responses, which are not looked up here: resp_1",)
    assert only.requests == ()


# --- changes ----------------------------------------------------------------------------------------------------


def test_what_is_dropped_aliased_and_repaired() -> None:
    function = {"name": "get.wind", "parameters": {"type": "object", "properties": {"at": {"type": "str"}}}}
    call = {"id": "a:b", "type": "function", "function": {"name": "get.wind", "arguments": ""}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi."},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a:b", "content": "SW"},
    ]
    tools = [{"type": "function", "function": function}]
    body = {"model": "nova", "messages": messages, "tools": tools, "seed": 7, "temperature": 1.5}
    (only,) = explained(body).backends
    assert [(change.kind, change.place, change.before, change.after) for change in only.changes] == [
        ("dropped", "seed", "7", ""),
        ("dropped", "temperature", "1.5", ""),
        ("aliased", "tools[0].function.name", "get.wind", "get_wind_51e01d94"),
        ("aliased", "messages[2].tool_calls[0].id", "a:b", "a_b_6783a31e"),
        ("repaired", "tools[0].function.parameters.properties.at.type", "str", "string"),
        ("repaired", "messages", "4 messages", "3 turns"),
        ("repaired", "messages[2].tool_calls[0].function.arguments", "", ""),
    ]


def test_a_request_that_needs_no_change() -> None:
    (only,) = explained(question()).backends
    assert only.changes == ()


# --- what leaves the gateway ------------------------------------------------------------------------------------


def test_the_request_and_its_way() -> None:
    explanation = explained(question("m"), cookie="a=b", traceparent="00-1")
    (only,) = explanation.backends
    headers, body = request(cookie="a=b", traceparent="00-1")
    action = send(exchange(), headers, body)
    assert isinstance(action, ForwardRequest)
    assert bytes(only.requests[0].body) == action.body
    assert only.requests[0].headers == (
        Header(name="content-type", value="application/json"),
        Header(name="x-request-id", value="00000000-0000-4000-8000-000000000000"),
        Header(name="traceparent", value="00-1"),
        Header(name="accept", value="application/json"),
        Header(name="user-agent", value="aigw-extproc"),
        Header(name="content-length", value="57"),
        Header(name="authorization", value="(hidden)"),
        Header(name="x-amz-date", value="20150830T123600Z"),
    )
    assert only.removed_headers == ("cookie",)
    assert only.signature == Signature(
        kind="SigV4",
        reason="the path, these headers and the body are signed",
        source="configuration",
        host="bedrock.test",
        region="us-east-1",
        service="bedrock",
        signed_headers=("host", "x-amz-date"),
    )
    assert only.envoy == EnvoyRoute(
        cluster="default/bedrock",
        route="x-ai-eg-idle: unlimited",
        addresses=("bedrock.test:443",),
        tls="",
        http2=False,
        limits=("the answer may take 3600 s", "it may be silent until then"),
    )


@pytest.mark.parametrize(
    ("stream", "timeouts", "limits"),
    [
        (
            True,
            Timeouts(),
            (
                "the answer may take any time",
                "it may be silent as long as Envoy's listener allows (5 minutes by default)",
            ),
        ),
        (True, Timeouts(request=5.5, stream_idle=2), ("the answer may take 5.5 s", "it may be silent for 2 s")),
        (True, Timeouts(stream_idle=0), ("the answer may take any time", "it may be silent for any time")),
    ],
)
def test_time_limits(stream: bool, timeouts: Timeouts, limits: tuple[str, ...]) -> None:
    (only,) = explained(question(stream=stream), rules=router(rule(backend("a", timeouts=timeouts)))).backends
    assert only.envoy is not None
    assert only.envoy.limits == limits


def test_the_price_of_a_prompt_by_its_length() -> None:
    (only,) = explained(question("us.amazon.nova-micro-v1:0")).backends
    price = builtin().of("us.amazon.nova-micro-v1:0")
    assert price is not None
    assert only.price is not None
    tokens = -(-only.requests[0].bytes // 4)
    assert only.price.prompt_tokens == tokens
    assert only.price.prompt_cost == price.cost(Tokens(input=tokens)) / 10**6
    assert (only.price.input, only.price.output) == (price.rates.input / 10**6, price.rates.output / 10**6)
    assert only.price.source == price.source


def test_a_model_without_a_price() -> None:
    assert [backend.price for backend in explained(question("nobody-knows-it")).backends] == [None]


def test_counting_tokens_costs_nothing() -> None:
    body = {"model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "messages": question()["messages"]}
    (only,) = explained(body, path="/v1/messages/count_tokens").backends
    assert (only.refusal, only.price) == (None, None)


def test_tls_names_the_certificate() -> None:
    upstream = replace(UPSTREAM, tls=Tls(server_name="bedrock.test"), http2=True)
    (only,) = explained(question(), rules=router(rule(backend("a", upstream=upstream)))).backends
    assert only.envoy is not None
    assert (only.envoy.tls, only.envoy.http2) == ("bedrock.test", True)


FIXED = Credentials(access_key_id=CANARY, secret_access_key=CANARY, session_token=CANARY)
ROLE = AssumeRole(base=FIXED, role_arn="arn:aws:iam::123456789012:role/r", external_id=CANARY)


@pytest.mark.parametrize(
    ("auth", "kind", "source"),
    [
        (AwsAuth(region="us-east-1", source=FIXED), "SigV4", "configuration"),
        (AwsAuth(region="us-east-1", source=BearerToken(token=CANARY)), "API key", "API key"),
        (AwsAuth(region="us-east-1", source=DefaultChain()), "SigV4", "default chain"),
        (AwsAuth(region="us-east-1", source=ROLE), "SigV4", "configuration as arn:aws:iam::123456789012:role/r"),
        (
            AwsAuth(region="us-east-1", source=DefaultChain(), override=RequestCredentials()),
            "SigV4",
            "the request's own headers",
        ),
        (None, "none", ""),
    ],
)
def test_no_secret_is_in_a_report(auth: AwsAuth | None, kind: str, source: str) -> None:
    mutation = HeaderMutation(set=(("x-partner", CANARY), ("api-key", CANARY)))
    own = {"x_aigw_aws_access_key_id": CANARY, "x_aigw_aws_secret_access_key": CANARY}
    rules = router(rule(backend("a", auth=auth, header_mutation=mutation)))
    explanation = explained(question(), rules=rules, authorization=f"Bearer {CANARY}", x_api_key=CANARY, **own)
    (only,) = explanation.backends
    assert only.signature is not None
    assert (only.signature.kind, only.signature.source) == (kind, source)
    assert CANARY not in to_json(explanation).decode()
    assert CANARY not in shown(explanation)
    assert {header.name for header in only.requests[0].headers} >= {"x-partner", "api-key"}


# --- for people and programs ------------------------------------------------------------------------------------


def test_json_has_the_body_as_it_is_sent() -> None:
    explanation = explained(question())
    (only,) = explanation.backends
    assert b'"body":' + bytes(only.requests[0].body) + b"," in to_json(explanation)


def test_the_table_says_everything() -> None:
    text = shown(explained(question(seed=7), cookie="a=b"))
    for part in (
        "POST /v1/chat/completions · model nova",
        "default/r/rule/0",
        "it takes every request",
        "AWSBedrock, model nova",
        "POST /model/nova/converse",
        "host: bedrock.test",
        "removed headers: cookie",
        "signature: SigV4 for bedrock.test in us-east-1, with credentials from configuration",
        "Envoy: cluster default/bedrock at bedrock.test:443, without TLS",
        "seed",
        "the backend's API has no parameter of this name",
    ):
        assert part in text


def test_texts_from_a_request_cannot_command_a_terminal() -> None:
    text = shown(explained(question("a\x1b[31mb", seed="\x1b[2J")))
    assert "\x1b" not in text


def test_two_members_of_the_body_are_not_the_clients() -> None:
    body = {"_path": "/v1/messages (AWSBedrock)", "_headers": {"X-Tier": "premium"}, "max_tokens": 9, **question()}
    explanation = explained(body)
    assert (explanation.path, explanation.served) == ("/v1/messages", True)
    assert explanation.backends[0].removed_headers == ("x-tier",)
    assert [change.place for change in explanation.backends[0].changes] == []
    assert explained(body, path="/v1/chat/completions").path == "/v1/chat/completions"
