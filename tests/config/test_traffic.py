"""BackendTrafficPolicies, and how rules follow them."""

import pytest

from aigw_extproc.config.snapshot import Rule
from aigw_extproc.config.traffic import Connections, Ejection, Limits, Retry, Timeouts
from tests.config.sample import compiled, problems, sample

REFS = ("[{name: service}]", "[{name: service}, {name: service, priority: 1}]")
TO_ROUTE = "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]"
TO_GATEWAY = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gateway}]"
GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gateway}
spec: {gatewayClassName: any}
"""


def policy(fields: str, targets: str = TO_ROUTE, name: str = "traffic") -> str:
    return f"""
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {{name: {name}}}
spec:
  {targets}
  {fields}
"""


def rule(fields: str, *changes: tuple[str, str], targets: str = TO_ROUTE) -> Rule:
    return compiled(sample(*changes, more=(GATEWAY, policy(fields, targets)))).snapshot.rules[0]


RETRIES = """retry:
    numRetries: 5
    numAttemptsPerPriority: 2
    perRetry: {timeout: 30s, backOff: {baseInterval: 100ms, maxInterval: 10s}}
    retryOn: {httpStatusCodes: [500], triggers: [connect-failure, retriable-status-codes]}"""


@pytest.mark.parametrize("targets", [TO_ROUTE, TO_GATEWAY])
def test_retries(targets: str):
    failover = rule(RETRIES, REFS, targets=targets).failover
    assert failover is not None
    assert failover.retry == Retry(
        retries=5,
        per_priority=2,
        triggers=frozenset({"connect-failure", "retriable-status-codes"}),
        status_codes=frozenset({500}),
        timeout=30,
        back_off=(0.1, 10),
    )


def test_a_policy_of_a_route_replaces_the_gateways():
    more = (GATEWAY, policy("retry: {numRetries: 1}"), policy("retry: {numRetries: 9}", TO_GATEWAY, "all"))
    failover = compiled(sample(REFS, more=more)).snapshot.rules[0].failover
    assert failover is not None
    assert failover.retry == Retry(retries=1)


def test_a_single_backend_is_tried_again_if_a_policy_says_so():
    failover = rule("retry: {}").failover
    assert failover is not None
    assert (failover.retry, failover.ejection, failover.limits) == (Retry(retries=2), Ejection(), Limits())


def test_time_limits_need_no_attempts():
    limited = rule("timeout: {http: {requestTimeout: 10m, streamIdleTimeout: 30s}}")
    assert limited.failover is None
    assert limited.backends[0].timeouts == Timeouts(request=600, stream_idle=30)


def test_the_limits_of_a_rule_win():
    change = ("backendRefs:", "timeouts: {request: 5m}\n      streamIdleTimeout: 10s\n      backendRefs:")
    limited = rule("timeout: {http: {requestTimeout: 10m, streamIdleTimeout: 30s}}", change)
    assert limited.backends[0].timeouts == Timeouts(request=300, stream_idle=10)


def test_the_limit_of_an_attempt_is_the_rules_before_the_policys():
    change = ("backendRefs:", "timeouts: {request: 5m, backendRequest: 20s}\n      backendRefs:")
    failover = rule(RETRIES, REFS, change).failover
    assert failover is not None
    assert failover.retry.timeout == 20


@pytest.mark.parametrize(("limits", "expected"), [("request: 5m, ", 20), ("request: 0s, ", 20), ("", 20)])
def test_the_limit_of_the_only_attempt_is_the_requests_too(limits: str, expected: float):
    change = ("backendRefs:", f"timeouts: {{{limits}backendRequest: 20s}}\n      backendRefs:")
    assert compiled(sample(change)).snapshot.rules[0].backends[0].timeouts.request == expected


def test_passive_health_checks_and_circuit_breakers():
    fields = """healthCheck:
    passive: {interval: 1s, consecutive5XxErrors: 3, consecutiveGatewayErrors: 2, baseEjectionTime: 5s,
      maxEjectionPercent: 50}
  circuitBreaker: {maxConnections: 1, maxPendingRequests: 2, maxParallelRequests: 3, maxParallelRetries: 4,
    perEndpoint: {maxConnections: 5}}"""
    failover = rule(fields).failover
    assert failover is not None
    assert failover.ejection == Ejection(errors=3, gateway_errors=2, interval=1, base_time=5, max_percent=50)
    assert failover.limits == Limits(
        connections=1, pending_requests=2, requests=3, retries=4, connections_per_backend=5
    )


def test_limits_of_connections_need_a_cluster_of_their_own():
    fields = """timeout: {tcp: {connectTimeout: 2s}, http: {connectionIdleTimeout: 9s, maxConnectionDuration: 1h}}
  circuitBreaker: {maxRequestsPerConnection: 7}"""
    upstream = rule(fields).backends[0].upstream
    assert upstream.cluster == "default/backend/default/traffic"
    assert upstream.connections == Connections(connect_timeout=2, idle_timeout=9, max_duration=3600, max_requests=7)


INVALID = [
    ("retry: {retryOn: {httpStatusCodes: [500]}}", "retry.retryOn.httpStatusCodes: has no effect without the trigger"),
    ("retry: {retryOn: {triggers: [retriable-status-codes]}}", "retry.retryOn.httpStatusCodes: the trigger"),
    ("retry: {retryOn: {triggers: [5XX]}}", "retry.retryOn.triggers[0]: must be one of"),
    ("retry: {perRetry: {timeout: 0s}}", "retry.perRetry.timeout: '0s' is not a duration of 1ms to 24 days"),
    (
        "retry: {perRetry: {backOff: {baseInterval: 2s, maxInterval: 1s}}}",
        "retry.perRetry.backOff.maxInterval: must not be less than the base interval, 2s",
    ),
    ("rateLimit: {}", "rateLimit: must have rules in global or local: it would limit nothing"),
    ("mergeType: StrategicMerge", "mergeType: not supported: a route's policy replaces the gateway's"),
    ("targetSelectors: []", "targetSelectors: not supported: there are no labels here"),
]


@pytest.mark.parametrize(("fields", "expected"), INVALID)
def test_what_is_wrong_with_a_policy(fields: str, expected: str):
    (problem,) = problems(sample(more=(policy(fields),)))
    assert problem.startswith(f"BackendTrafficPolicy default/traffic: spec.{expected}")


def test_a_route_has_one_policy():
    (problem,) = problems(sample(more=(policy("retry: {}"), policy("retry: {}", name="other"))))
    expected = "BackendTrafficPolicy 'default/traffic' is already attached to it; keep one"
    assert problem == f"BackendTrafficPolicy default/other: spec.targetRefs[0]: {expected}"


def test_what_a_policy_is_attached_to_exists():
    (problem,) = problems(sample(more=(policy("retry: {}", TO_GATEWAY),)))
    assert problem == (
        "BackendTrafficPolicy default/traffic: spec.targetRefs[0].name: there is no Gateway 'default/gateway'"
    )


def test_what_has_no_effect_is_named():
    fields = "loadBalancer: {type: RoundRobin}\n  healthCheck: {active: {type: HTTP}}"
    ignored = [note.path for note in compiled(sample(more=(policy(fields),))).ignored]
    assert ignored == ["spec.healthCheck.active", "spec.loadBalancer"]
