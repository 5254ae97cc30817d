"""`jwt`, `basicAuth`, `extAuth` and `cors` of SecurityPolicies: faults of their fields, and warnings."""

from __future__ import annotations

import pytest

from aigw_extproc.config.compile.configuration import compile_documents
from aigw_extproc.config.resources.findings import Findings
from tests.config.sample import compiled, sample
from tests.config.test_access import GATEWAY, KEYS, OF_GATEWAY, OF_ROUTE, OTHER, WHERE, faults, policy

JWKS = '{"keys": [{"kty": "oct", "k": "AQAB"}]}'
PROVIDER = "name: a, localJWKS: {inline: '" + JWKS + "'}"
ASKED = "backendRefs: [{name: asked, port: 9002}]"
USERS = """
apiVersion: v1
kind: Secret
metadata: {name: users}
stringData:
  .htpasswd: |
    foo:{SHA}Ys23Ag/5IOWqZCw9QGaVDdHwH00=
"""


def only(target: str = OF_GATEWAY, **spec: str) -> str:
    """A policy of these fields, without apiKeyAuth."""
    return policy(target, **spec).replace("  apiKeyAuth: {credentialRefs: [{name: keys}]}\n", "")


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ({"jwt": "{providers: []}"}, "jwt.providers: must have at least one provider"),
        (
            {"jwt": f"{{providers: [{{{PROVIDER}}}, {{{PROVIDER}}}]}}"},
            "jwt.providers[1].name: 'a' is already the name of entry 0",
        ),
        (
            {"jwt": "{providers: [{name: a}]}"},
            "jwt.providers[0]: must have exactly one of remoteJWKS and localJWKS",
        ),
        (
            {"jwt": "{providers: [{name: a, localJWKS: {inline: '{}'}}]}"},
            "jwt.providers[0].localJWKS.inline: must be a JSON Web Key Set: a JSON object with the list `keys`",
        ),
        (
            {"jwt": "{providers: [{name: a, localJWKS: {type: ValueRef, valueRef: {name: none}}}]}"},
            "jwt.providers[0].localJWKS.valueRef.name: there is no ConfigMap 'default/none'",
        ),
        (
            {"jwt": "{providers: [{name: a, remoteJWKS: {uri: 'ftp://a.example/keys'}}]}"},
            (
                "jwt.providers[0].remoteJWKS.uri: must be a URI such as https://login.example.com/jwks.json,"
                " got 'ftp://a.example/keys'"
            ),
        ),
        (
            {"jwt": "{providers: [{name: a, remoteJWKS: {uri: 'https://a.example/k', cacheDuration: soon}}]}"},
            "jwt.providers[0].remoteJWKS.cacheDuration: must be a duration such as 300s, got 'soon'",
        ),
        (
            {"jwt": f"{{providers: [{{{PROVIDER}, claimToHeaders: [{{header: authorization, claim: sub}}]}}]}}"},
            (
                "jwt.providers[0].claimToHeaders[0].header: 'authorization' has another meaning;"
                " use a name such as x-client-id"
            ),
        ),
        ({"basicAuth": "{users: {name: none}}"}, "basicAuth.users.name: there is no Secret 'default/none'"),
        ({"extAuth": "{}"}, "extAuth: must have exactly one of grpc and http"),
        ({"extAuth": "{grpc: {}}"}, "extAuth.grpc.backendRefs: must name exactly one service, got 0"),
        (
            {"extAuth": "{grpc: {backendRefs: [{name: asked}]}}"},
            "extAuth.grpc.backendRefs[0].port: required for a Service",
        ),
        (
            {"extAuth": f"{{http: {{{ASKED}, path: '/a?b'}}}}"},
            "extAuth.http.path: must be a path such as /auth, got '/a?b'",
        ),
        ({"cors": "{}"}, "cors.allowOrigins: must have at least one origin, or no page could use it"),
        (
            {"cors": "{allowOrigins: ['https://a.example/path']}"},
            ("cors.allowOrigins[0]: must be an origin such as https://*.example.com, got 'https://a.example/path'"),
        ),
        (
            {"authorization": "{rules: [{action: Allow, principal: {headers: [{name: x-aigw-client, values: [a]}]}}]}"},
            (
                "authorization.rules[0].principal.headers[0]: without apiKeyAuth, basicAuth or jwt any client could"
                " send this header"
            ),
        ),
    ],
    ids=str,
)
def test_faults_of_other_fields(spec: dict[str, str], fault: str) -> None:
    assert faults(only(**spec)) == [f"{WHERE}.{fault}"]


def test_a_misspelt_annotation() -> None:
    text = only(jwt=f"{{providers: [{{{PROVIDER}}}]}}")
    text = text.replace("{name: door}", "{name: door, annotations: {aigw-extproc/client-clam: a}}")
    assert faults(text) == [
        (
            "SecurityPolicy default/door: metadata.annotations.aigw-extproc/client-clam:"
            " unknown annotation; did you mean 'aigw-extproc/client-claim'?"
        )
    ]


def test_keys_and_passwords_in_one_policy() -> None:
    assert faults(KEYS, USERS, policy(basicAuth="{users: {name: users}}")) == [
        f"{WHERE}.basicAuth: a client has either an API key or a password; keep apiKeyAuth or this"
    ]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("foo", "line 1: expected NAME:{SHA}HASH, as `htpasswd -s` writes it"),
        ("foo:$apr1$x$y", "line 1: expected NAME:{SHA}HASH, as `htpasswd -s` writes it"),
        ("foo:{SHA}AAAA", "line 1: expected NAME:{SHA}HASH, as `htpasswd -s` writes it"),
        ("a b:{SHA}AAAA", "line 1: the user's name must be of letters, digits and '.', '_', '-', '@', '+'"),
        (
            "foo:{SHA}Ys23Ag/5IOWqZCw9QGaVDdHwH00=\n\n    foo:{SHA}Ys23Ag/5IOWqZCw9QGaVDdHwH00=",
            "line 3: this user is in an earlier line too; keep one",
        ),
    ],
)
def test_lines_of_htpasswd(lines: str, fault: str) -> None:
    users = USERS.replace("foo:{SHA}Ys23Ag/5IOWqZCw9QGaVDdHwH00=", lines)
    assert faults(users, only(basicAuth="{users: {name: users}}")) == [
        f"Secret default/users: stringData..htpasswd: {fault}"
    ]


@pytest.mark.parametrize(
    "change",
    [
        ("name: a,", "name: a, issuer: b,"),
        ("name: a,", "name: a, audiences: [b],"),
        ("AQAB", "AQAC"),
        ("name: a,", "name: a, extractFrom: {cookies: [b]},"),
    ],
)
def test_what_decides_about_tokens_changes_the_providers_key(change: tuple[str, str]) -> None:
    text = only(jwt=f"{{providers: [{{{PROVIDER}}}]}}")
    keys = [compiled(sample(more=(GATEWAY, each))).snapshot.token_providers[0].key for each in (text, text)]
    changed = compiled(sample(more=(GATEWAY, text.replace(*change)))).snapshot.token_providers[0].key
    assert keys[0] == keys[1] != changed


def warnings(*documents: str) -> list[str]:
    findings = Findings()
    compile_documents({"a.yaml": sample(more=(GATEWAY, OTHER, *documents))}, findings)
    return [f"{warning.path}: {warning.reason}" for warning in findings.warnings]


def test_what_opens_the_gateway_is_named() -> None:
    assert warnings(only(extAuth=f"{{grpc: {{{ASKED}}}, failOpen: true}}")) == [
        "spec.extAuth.failOpen: requests come in without authorization while the service cannot be reached"
    ]
    assert warnings(only(jwt="{providers: [{name: a, remoteJWKS: {uri: 'http://a.example/keys'}}]}")) == [
        (
            "spec.jwt.providers[0].remoteJWKS.uri: the keys are fetched without TLS: someone who can modify that"
            " traffic can forge tokens; use https"
        )
    ]


def test_a_routes_policy_that_opens_what_the_gateways_closes_is_named() -> None:
    cors = "{allowOrigins: ['*']}"
    both = "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: other}"
    own = only(OF_ROUTE, cors=cors).replace("name: door", "name: own").replace(f"[{OF_ROUTE}]", f"[{OF_ROUTE}, {both}]")
    assert warnings(KEYS, policy(), own) == [
        (
            "spec: replaces 'default/door' of the Gateway, so everyone may use its routes;"
            " write the authentication into this policy too"
        )
    ]
