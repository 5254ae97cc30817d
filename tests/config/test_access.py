"""Compilation of SecurityPolicies: which clients may use which route."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest

from aigw_extproc.callers import Caller, is_admitted
from aigw_extproc.config.compile import clients
from aigw_extproc.config.compile.configuration import compile_documents
from aigw_extproc.config.policies import ApiKeys, Policy
from aigw_extproc.config.resources.findings import Findings
from aigw_extproc.exchange.upstream import FORWARDED, SCHEME_HEADER
from tests.config.sample import compiled, problems, sample

GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec: {gatewayClassName: eg}
"""
KEYS = """
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {team-a: canary-of-team-a}
"""
OTHER = """
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: other}
spec:
  rules:
    - matches: [{headers: [{name: x-ai-eg-model, value: claude}]}]
      backendRefs: [{name: service}]
"""
OF_GATEWAY = "{group: gateway.networking.k8s.io, kind: Gateway, name: edge}"
OF_ROUTE = "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}"
WHERE = "SecurityPolicy default/door: spec"


def policy(
    target: str = OF_GATEWAY, auth: str = "{credentialRefs: [{name: keys}]}", name: str = "door", **more: str
) -> str:
    fields = "".join(f"  {field}: {value}\n" for field, value in more.items())
    return f"""
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: {{name: {name}}}
spec:
  targetRefs: [{target}]
  apiKeyAuth: {auth}
{fields}"""


def digest(key: str) -> bytes:
    return sha256(key.encode()).digest()


def policies_of(*documents: str) -> list[Policy | None]:
    """Return who may use the rules of `route` and `other`."""
    return [rule.policy for rule in compiled(sample(more=(GATEWAY, OTHER, *documents))).snapshot.rules]


def faults(*documents: str) -> list[str]:
    return problems(sample(more=(GATEWAY, OTHER, *documents)))


DOOR = Policy(name="default/door", keys=ApiKeys(clients={digest("canary-of-team-a"): "team-a"}))


def test_the_gateways_policy_is_for_all_routes() -> None:
    assert policies_of(KEYS, policy()) == [DOOR, DOOR]


@pytest.mark.parametrize(
    "target",
    [
        OF_ROUTE,
        "{group: aigateway.envoyproxy.io, kind: AIGatewayRoute, name: route}",
        "{kind: AIGatewayRoute, name: route}",
    ],
)
def test_a_routes_policy_is_for_its_rules_only(target: str) -> None:
    assert policies_of(KEYS, policy(target)) == [DOOR, None]


def test_a_routes_policy_replaces_the_gateways() -> None:
    further = KEYS.replace("name: keys", "name: more").replace("team-a", "team-b")
    own = policy(OF_ROUTE, "{credentialRefs: [{name: more}]}", name="own")
    expected = Policy(name="default/own", keys=ApiKeys(clients={digest("canary-of-team-b"): "team-b"}))
    assert policies_of(KEYS, further, policy(), own) == [expected, DOOR]


def test_target_ref_and_all_settings() -> None:
    text = policy(
        auth="{credentialRefs: [{name: keys, kind: Secret, group: ''}], forwardClientIDHeader: X-Client-ID,"
        " sanitize: true, extractFrom: [{headers: [X-Key]}, {params: [key]}, {cookies: [session]}]}"
    ).replace(f"targetRefs: [{OF_GATEWAY}]", f"targetRef: {OF_GATEWAY}")
    expected = Policy(
        name="default/door",
        keys=ApiKeys(
            clients={digest("canary-of-team-a"): "team-a"},
            headers=("x-key",),
            params=("key",),
            cookies=("session",),
            forward_header="x-client-id",
        ),
    )
    assert policies_of(KEYS, text) == [expected, expected]


def test_keys_as_digests_base64_and_with_a_line_break() -> None:
    encoded = base64.b64encode(b"in-base64\n").decode()
    secret = f"""
apiVersion: v1
kind: Secret
metadata: {{name: keys}}
data: {{encoded: {encoded}}}
stringData: {{hashed: "sha256:{digest("hashed-key").hex()}", plain: "in-clear\\n"}}
"""
    [found, _] = policies_of(secret, policy())
    assert found is not None
    assert found.keys is not None
    assert found.keys.clients == {
        digest("in-base64"): "encoded",
        digest("hashed-key"): "hashed",
        digest("in-clear"): "plain",
    }


def test_no_key_is_kept() -> None:
    assert "canary-of-team-a" not in repr(compiled(sample(more=(GATEWAY, KEYS, policy()))))


def test_sanitize_false_is_reported() -> None:
    auth = "{credentialRefs: [{name: keys}], sanitize: false}"
    ignored = compiled(sample(more=(GATEWAY, KEYS, policy(auth=auth)))).ignored
    assert f"a.yaml: {WHERE}.apiKeyAuth.sanitize: API keys are always removed from requests to the upstream" in map(
        str, ignored
    )


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("oidc", "not supported: it is a login for browsers, and API clients cannot follow its redirects; use jwt"),
        ("csrf", "not needed and not supported: cookies admit nobody here, unless extractFrom names them; remove it"),
        ("authentication", "not supported: without it, more requests would be accepted than this file allows"),
    ],
)
def test_what_is_not_served_is_refused(field: str, reason: str) -> None:
    assert faults(KEYS, policy(**{field: "{}"})) == [f"{WHERE}.{field}: {reason}"]


def test_merging_and_selecting_are_refused() -> None:
    assert faults(KEYS, policy(mergeType="StrategicMerge", targetSelectors="[]")) == [
        f"{WHERE}.targetSelectors: not supported: there are no labels here; name the targets in targetRefs",
        f"{WHERE}.mergeType: not supported: a route's policy replaces the gateway's; write both into the route's",
    ]


def test_a_policy_of_nothing_is_refused() -> None:
    text = policy().replace("  apiKeyAuth: {credentialRefs: [{name: keys}]}\n", "")
    assert faults(text) == [
        f"{WHERE}: must have apiKeyAuth, basicAuth, jwt, extAuth, authorization or cors: it would keep nobody out"
    ]


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        (
            OF_ROUTE.replace("name: route", "name: rout"),
            "[0].name: there is no AIGatewayRoute 'default/rout'; did you mean 'route'?",
        ),
        (OF_GATEWAY.replace("edge", "core"), "[0].name: there is no Gateway 'default/core'"),
        (
            OF_GATEWAY.replace("Gateway,", "GRPCRoute,"),
            "[0].kind: must be Gateway, HTTPRoute or AIGatewayRoute, got 'GRPCRoute'",
        ),
        (
            OF_GATEWAY.replace("edge", "edge, sectionName: http"),
            "[0].sectionName: not supported: a policy is for all rules of a route, or for all routes",
        ),
        (
            OF_GATEWAY.replace("edge", "edge, namespace: other"),
            "[0].namespace: a policy and its target must be in the same namespace",
        ),
        ("", ": must name a Gateway, HTTPRoute or AIGatewayRoute"),
    ],
)
def test_targets(target: str, fault: str) -> None:
    assert faults(KEYS, policy(target)) == [f"{WHERE}.targetRefs{fault}"]


def test_two_policies_of_one_target() -> None:
    assert faults(KEYS, policy(), policy(name="second")) == [
        (
            "SecurityPolicy default/second: spec.targetRefs[0]: SecurityPolicy 'default/door' is already attached"
            " to it; keep one"
        )
    ]


@pytest.mark.parametrize(
    ("auth", "fault"),
    [
        ("{credentialRefs: []}", "credentialRefs: must name at least one Secret"),
        ("{credentialRefs: [{name: none}]}", "credentialRefs[0].name: there is no Secret 'default/none'"),
        (
            "{credentialRefs: [{name: keys, kind: ConfigMap}]}",
            "credentialRefs[0].kind: must be Secret, got 'ConfigMap'",
        ),
        (
            "{credentialRefs: [{name: keys}], extractFrom: [{}]}",
            "extractFrom[0]: must have exactly one of headers, params and cookies",
        ),
        (
            "{credentialRefs: [{name: keys}], extractFrom: [{headers: [traceparent]}]}",
            (
                "extractFrom[0].headers[0]: 'traceparent' has another meaning, and may be logged or forwarded;"
                " use x-api-key"
            ),
        ),
        (
            "{credentialRefs: [{name: keys}], extractFrom: [{headers: [':path']}]}",
            "extractFrom[0].headers[0]: ':path' is not a valid header name",
        ),
        (
            "{credentialRefs: [{name: keys}], forwardClientIDHeader: Authorization}",
            "forwardClientIDHeader: 'Authorization' has another meaning; use a name such as x-client-id",
        ),
        (
            "{credentialRefs: [{name: keys}], forwardClientIDHeader: 'a b'}",
            "forwardClientIDHeader: 'a b' is not a valid header name",
        ),
    ],
)
def test_settings(auth: str, fault: str) -> None:
    assert faults(KEYS, policy(auth=auth)) == [f"{WHERE}.apiKeyAuth.{fault}"]


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ("{a: ''}", "stringData.a: the key is empty"),
        ("{a: 'canary one'}", "stringData.a: a key has 1 to 1024 ASCII characters, without spaces and commas"),
        ("{a: 'canary,one'}", "stringData.a: a key has 1 to 1024 ASCII characters, without spaces and commas"),
        ("{a: 'sha256:canary'}", "stringData.a: after sha256: there must be 64 hexadecimal digits in lower case"),
        ("{a/b: canary}", "stringData.a/b: the client's id must be of letters, digits, '.', '_' and '-'"),
        ("{a: canary, b: canary}", "stringData.b: has the same key as the client 'a'; each client needs its own"),
    ],
)
def test_entries_of_a_secret(entries: str, fault: str) -> None:
    found = faults(KEYS.replace("{team-a: canary-of-team-a}", entries), policy())
    assert found == [f"Secret default/keys: {fault}"]


def test_an_empty_secret_lets_nobody_in() -> None:
    """An error would keep its last key valid after a reload."""
    findings = Findings()
    text = sample(more=(GATEWAY, KEYS.replace("{team-a: canary-of-team-a}", "{}"), policy()))
    snapshot = compile_documents({"a.yaml": text}, findings).snapshot
    assert [rule.policy.keys.clients for rule in snapshot.rules if rule.policy and rule.policy.keys] == [{}]
    assert [warning.reason for warning in findings.warnings] == [
        "Secret 'default/keys' has no entry, so nobody can come in"
    ]


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("team-b: canary-of-team-a", "the key of 'team-b' is also that of 'team-a' in another Secret of this policy"),
        ("team-a: canary-of-another", "the client 'team-a' is in another Secret of this policy too; keep one"),
    ],
)
def test_two_secrets_of_one_policy(entry: str, fault: str) -> None:
    further = KEYS.replace("name: keys", "name: more").replace("team-a: canary-of-team-a", entry)
    found = faults(KEYS, further, policy(auth="{credentialRefs: [{name: keys}, {name: more}]}"))
    assert found == [f"{WHERE}.apiKeyAuth.credentialRefs[1].name: {fault}"]


def test_keys_cannot_be_in_headers_that_are_forwarded() -> None:
    assert FORWARDED | {SCHEME_HEADER} <= clients._NO_KEYS


TWO_KEYS = KEYS.replace("team-a: canary-of-team-a", "team-a: canary-of-team-a, team-b: canary-of-team-b")
ONLY_A = "{action: Allow, principal: {headers: [{name: X-AIGW-Client, values: [team-a, gone]}]}}"
NOT_A = ONLY_A.replace("Allow", "Deny")


@pytest.mark.parametrize(
    ("authorization", "denied"),
    [
        (f"{{rules: [{ONLY_A}]}}", {"team-b"}),
        (f"{{rules: [{NOT_A}], defaultAction: Allow}}", {"team-a"}),
        (f"{{rules: [{NOT_A}, {ONLY_A}], defaultAction: Allow}}", {"team-a"}),
        ("{defaultAction: Allow}", set()),
        ("{}", {"team-a", "team-b"}),
    ],
)
def test_authorization_by_client(authorization: str, denied: set[str]) -> None:
    [found, _] = policies_of(TWO_KEYS, policy(authorization=authorization))
    assert found is not None
    callers = (Caller(clients={"default/door": client}, client=client) for client in ("team-a", "team-b"))
    assert {caller.client for caller in callers if not is_admitted(found, caller)} == denied


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (
            "{action: Allow, principal: {headers: [{name: x-team, values: [a]}]}}",
            (
                "principal.headers[0].name: must be x-client-id or x-aigw-client, which the gateway sets itself,"
                " got 'x-team'"
            ),
        ),
        (
            "{action: Allow, principal: {}}",
            "principal: must have headers, clientCIDRs or jwt",
        ),
        (
            "{action: Allow, principal: {clientCIDRs: [ten]}}",
            "principal.clientCIDRs[0]: must be a network such as 10.0.0.0/8, got 'ten'",
        ),
        (
            "{action: Allow, principal: {jwt: {provider: a, scopes: [read]}}}",
            "principal.jwt.provider: must be a provider of this policy's jwt, got 'a'",
        ),
        (
            "{action: Allow, principal: {headers: [{name: x-client-id, values: [a]}]}, operation: {methods: [GET]}}",
            "operation: not supported: a client may use a route or not",
        ),
    ],
)
def test_authorization_that_cannot_be_decided_by_key(rule: str, fault: str) -> None:
    auth = "{credentialRefs: [{name: keys}], forwardClientIDHeader: X-Client-ID}"
    assert faults(KEYS, policy(auth=auth, authorization=f"{{rules: [{rule}]}}")) == [
        f"{WHERE}.authorization.rules[0].{fault}"
    ]
