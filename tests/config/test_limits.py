"""`rateLimit` of BackendTrafficPolicies and QuotaPolicies: what they mean, and what is wrong with them."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from aigw_extproc.config.compile.configuration import compile_documents
from aigw_extproc.config.limits import Condition, Limit
from aigw_extproc.config.resources.findings import Findings
from aigw_extproc.routing import Router
from tests.config.sample import compiled, problems, sample
from tests.config.test_traffic import GATEWAY, TO_GATEWAY, policy

LIMIT = "limit: {requests: 10, unit: Minute}"
SECOND = """
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: other}
spec: {rules: [{backendRefs: [{name: service}]}]}
"""
QUOTA = """
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: QuotaPolicy
metadata: {name: NAME}
spec:
  targetRefs: [{group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: service}]
  SPEC
"""


def rules(*each: str, targets: str = TO_GATEWAY) -> str:
    return policy(f"rateLimit: {{global: {{rules: [{', '.join(f'{{{one}}}' for one in each)}]}}}}", targets)


def quota(spec: str, name: str = "quota") -> str:
    return QUOTA.replace("SPEC", spec).replace("NAME", name)


def limits(*more: str) -> tuple[Limit, ...]:
    return compiled(sample(more=(GATEWAY, *more))).snapshot.limits


def test_a_rule() -> None:
    selectors = (
        "clientSelectors: [{headers: [{name: X-Team, value: red}, {name: x-user, type: Distinct}],"
        " sourceCIDR: {value: 10.0.0.0/8, type: Distinct}}]"
    )
    cost = (
        "cost: {request: {from: Number, number: 0}, response: {from: Metadata,"
        " metadata: {namespace: io.envoy.ai_gateway, key: usage_output_tokens}}}"
    )
    (limit,) = limits(rules(f"{selectors}, {LIMIT}, {cost}"))
    assert (limit.limit, limit.unit, limit.request_cost, limit.kind) == (10, "Minute", 0, "tokens")
    assert limit.conditions == (Condition(name="x-team", value="red"), Condition(name="x-user", distinct=True))
    assert (limit.networks, limit.by_address) == ((ip_network("10.0.0.0/8"),), True)
    assert limit.response_cost == "usage_output_tokens"


def test_each_route_has_its_own_count_unless_it_is_shared() -> None:
    one, two = limits(rules(LIMIT), SECOND)
    assert one.name != two.name
    assert len(limits(rules(f"{LIMIT}, shared: true"), SECOND)) == 1


def test_limits_of_all_rules_are_checked_before_the_body_is_read() -> None:
    def entry(*more: str) -> int:
        return len(Router(compiled(sample(more=(GATEWAY, *more))).snapshot).entry_limits)

    model = "clientSelectors: [{headers: [{name: x-ai-eg-model, value: nova}]}]"
    assert entry(rules(LIMIT, f"{model}, {LIMIT}")) == 1
    assert entry(rules(LIMIT), SECOND) == 0
    assert entry(rules(f"{LIMIT}, shared: true"), SECOND) == 1


def test_of_two_quotas_for_a_model_the_first_policys_is_in_effect() -> None:
    def bucket(limit: int) -> str:
        return f"perModelQuotas: [{{modelName: m, quota: {{defaultBucket: {{limit: {limit}, duration: 1h}}}}}}]"

    more = (quota(bucket(2), "b"), quota(bucket(1), "a"))
    assert [limit.limit for limit in limits(*more)] == [1]


COST = "cost: {response: {from: Metadata, metadata: {namespace: io.envoy.ai_gateway, key: llm_total}}}"
WRONG = [
    (
        rules(f"{LIMIT}, {COST}"),
        "no cost of the route 'default/route' has the key 'llm_total': add it to llmRequestCosts",
    ),
    (
        rules(
            f"{LIMIT}, cost: {{response: {{from: Metadata, metadata: {{namespace: other, key: usage_total_tokens}}}}}}"
        ),
        "metadata.namespace: must be 'io.envoy.ai_gateway', got 'other': others are not read",
    ),
    (
        rules(f"{LIMIT}, cost: {{request: {{from: Metadata, metadata: {{namespace: a, key: a}}}}}}"),
        "cost.request.from: must be Number: nothing is known of a request's cost before its response",
    ),
    (rules(f"{LIMIT}, cost: {{request: {{from: Number}}}}"), "cost.request.number: required, but missing"),
    (rules("limit: {requests: 1, unit: Week}"), "limit.unit: must be one of"),
    (rules("limit: {requests: -1, unit: Hour}"), "limit.requests: must be between 0 and"),
    (rules(f"clientSelectors: [{{}}], {LIMIT}"), "clientSelectors[0]: must have headers or sourceCIDR"),
    (rules(f"clientSelectors: [{{path: {{value: /a}}}}], {LIMIT}"), "clientSelectors[0].path: not supported"),
    (rules(f"clientSelectors: [{{headers: [{{name: a}}]}}], {LIMIT}"), "headers[0].value: required for type Exact"),
    (
        rules(f"clientSelectors: [{{headers: [{{name: a, type: Distinct, value: b}}]}}], {LIMIT}"),
        "headers[0]: of type Distinct it has neither value nor invert",
    ),
    (
        rules(f"clientSelectors: [{{headers: [{{name: a, type: RegularExpression, value: '('}}]}}], {LIMIT}"),
        "headers[0].value: '(' is not a regular expression of RE2",
    ),
    (rules(f"clientSelectors: [{{sourceCIDR: {{value: here}}}}], {LIMIT}"), "sourceCIDR.value: must be a network such"),
    (
        policy("rateLimit: {type: Local, global: {rules: [{" + LIMIT + "}]}}", TO_GATEWAY),
        "local: required, but missing",
    ),
    (
        rules(LIMIT).replace("name: traffic", "name: traffic, annotations: {aigw-extproc/limits-reserve: 'true'}"),
        "rateLimit: has no cost of a response, which aigw-extproc/limits-reserve would reserve",
    ),
    (
        rules(LIMIT).replace("name: traffic", "name: traffic, annotations: {aigw-extproc/limits-fail-open: 'yes'}"),
        "must be 'true' or 'false', got 'yes'",
    ),
    (
        rules(LIMIT).replace("name: traffic", "name: traffic, annotations: {aigw-extproc/limits-fail: 'true'}"),
        "unknown annotation; did you mean 'aigw-extproc/limits-fail-open'?",
    ),
    (quota("perModelQuotas: []"), "spec: must have serviceQuota or perModelQuotas: it would limit nothing"),
    (quota("serviceQuota: {quota: {limit: 1, duration: 1w}}"), "serviceQuota.quota.duration: must be one of"),
    (quota("perModelQuotas: [{modelName: m, quota: {}}]"), "quota: must have defaultBucket or bucketRules"),
    (
        quota("serviceQuota: {quota: {limit: 1, duration: 1d}, costExpression: 'tokens *'}"),
        "serviceQuota.costExpression: 'tokens *' is not a cost in CEL",
    ),
    (
        quota("serviceQuota: {quota: {limit: 1, duration: 1d}}").replace("name: service", "name: nowhere"),
        "there is no AIServiceBackend 'default/nowhere'",
    ),
]


@pytest.mark.parametrize(("text", "fault"), WRONG, ids=[fault[:50] for _, fault in WRONG])
def test_what_is_wrong_with_limits(text: str, fault: str) -> None:
    found = problems(sample(more=(GATEWAY, text)))
    assert len(found) == 1
    assert fault in found[0]


def test_a_routes_policy_without_limits_is_a_warning() -> None:
    findings = Findings()
    compile_documents({"a.yaml": sample(more=(GATEWAY, rules(LIMIT), policy("retry: {}", name="own")))}, findings)
    (note,) = findings.warnings
    assert note.reason == (
        "replaces 'default/traffic' of the Gateway, so its rateLimit is not for these routes;"
        " write it into this policy too"
    )
