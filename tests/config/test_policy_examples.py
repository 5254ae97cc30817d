"""Every policy of the public examples, for a route or a gateway of ours: served or refused, none without effect.

The examples are those of https://gateway.envoyproxy.io/docs/tasks/security/; docs/security.md has the same table.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from aigw_extproc.config.compile.configuration import compile_documents
from aigw_extproc.config.resources.findings import Findings
from aigw_extproc.errors import ConfigError
from tests.config.sample import ROUTE, sample

ON_ROUTE = [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "route"}]
ON_GATEWAY = [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "eg"}]
GATEWAY = "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: eg}, spec: {}}\n"
JWKS = '{"keys": [{"kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB"}]}'
REMOTE = {"uri": "https://login.example.com/jwks.json"}
ISSUER = {"name": "example", "issuer": "https://login.example.com", "remoteJWKS": REMOTE}


def policy(targets: Any = ON_ROUTE, **spec: Any) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "SecurityPolicy",
            "metadata": {"name": "example"},
            "spec": {"targetRefs": targets, **spec},
        }
    )


def resource(kind: str, name: str, *, group: str = "v1", **content: Any) -> str:
    return yaml.safe_dump({"apiVersion": group, "kind": kind, "metadata": {"name": name}, **content})


def client_traffic(**spec: Any) -> str:
    return resource("ClientTrafficPolicy", "client", group="gateway.envoyproxy.io/v1alpha1", spec=spec)


def allowing(**principal: Any) -> dict[str, Any]:
    return {"defaultAction": "Deny", "rules": [{"action": "Allow", "principal": principal}]}


IN_CONFIGMAP = {"group": "", "kind": "ConfigMap", "name": "jwks"}
KEY_SECRET = resource("Secret", "apikey-secret", stringData={"client1": "supersecret"})
USERS = resource("Secret", "basic-auth", stringData={".htpasswd": "foo:{SHA}Ys23Ag/5IOWqZCw9QGaVDdHwH00=\n"})
API_KEYS = {"credentialRefs": [{"group": "", "kind": "Secret", "name": "apikey-secret"}]}
FROM_HEADER = {**API_KEYS, "extractFrom": [{"headers": ["x-api-key"]}]}
TLS_OF_SERVICE = resource(
    "BackendTLSPolicy",
    "grpc-ext-auth-btls",
    group="gateway.networking.k8s.io/v1alpha3",
    spec={
        "targetRefs": [{"group": "", "kind": "Service", "name": "grpc-ext-auth"}],
        "validation": {
            "caCertificateRefs": [{"name": "ca", "group": "", "kind": "ConfigMap"}],
            "hostname": "grpc-ext-auth",
        },
    },
)
CA = resource("ConfigMap", "ca", data={"ca.crt": "-----BEGIN CERTIFICATE-----\n"})

SERVED: dict[str, tuple[str, ...]] = {
    "API keys": (policy(apiKeyAuth=FROM_HEADER), KEY_SECRET),
    "API keys, client id forwarded": (
        policy(apiKeyAuth={**API_KEYS, "forwardClientIDHeader": "x-client-id"}),
        KEY_SECRET,
    ),
    "API keys and authorization by client": (
        policy(apiKeyAuth=API_KEYS, authorization=allowing(headers=[{"name": "x-aigw-client", "values": ["client1"]}])),
        KEY_SECRET,
    ),
    "Basic authentication": (policy(basicAuth={"users": {"name": "basic-auth"}}), USERS),
    "Basic authentication, user name forwarded": (
        policy(basicAuth={"users": {"name": "basic-auth"}, "forwardUsernameHeader": "x-username"}),
        USERS,
    ),
    "JWT, remote keys": (policy(jwt={"providers": [{"name": "example", "remoteJWKS": REMOTE}]}),),
    "JWT, keys in the policy": (
        policy(jwt={"providers": [{"name": "example", "localJWKS": {"type": "Inline", "inline": JWKS}}]}),
    ),
    "JWT, keys in a ConfigMap": (
        policy(jwt={"providers": [{"name": "example", "localJWKS": {"type": "ValueRef", "valueRef": IN_CONFIGMAP}}]}),
        resource("ConfigMap", "jwks", data={"jwks": JWKS}),
    ),
    "JWT, keys of a Backend": (
        policy(
            jwt={
                "providers": [
                    {
                        **ISSUER,
                        "remoteJWKS": {
                            **REMOTE,
                            "cacheDuration": "60s",
                            "backendRefs": [{"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "backend"}],
                            "backendSettings": {"retry": {"numRetries": 3}},
                        },
                    }
                ]
            }
        ),
    ),
    "JWT, optional": (policy(jwt={"optional": True, "providers": [ISSUER]}),),
    "JWT, claims to headers": (
        policy(
            jwt={
                "providers": [
                    {**ISSUER, "claimToHeaders": [{"header": "x-sub", "claim": "sub"}], "recomputeRoute": True}
                ]
            }
        ),
    ),
    "JWT, from headers, cookies and parameters": (
        policy(
            jwt={
                "providers": [
                    {
                        **ISSUER,
                        "extractFrom": {
                            "headers": [{"name": "x-token", "valuePrefix": "Token "}],
                            "cookies": ["session"],
                            "params": ["token"],
                        },
                    }
                ]
            }
        ),
    ),
    "JWT claims and scopes": (
        policy(
            jwt={"providers": [ISSUER]},
            authorization=allowing(
                jwt={
                    "provider": "example",
                    "scopes": ["read", "add", "modify"],
                    "claims": [
                        {"name": "user.name", "values": ["John Doe"]},
                        {"name": "user.roles", "valueType": "StringArray", "values": ["admin"]},
                    ],
                }
            ),
        ),
    ),
    "IP addresses": (policy(authorization=allowing(clientCIDRs=["10.0.1.0/24"])),),
    "IP addresses behind proxies": (
        policy(authorization=allowing(clientCIDRs=["10.0.1.0/24"])),
        client_traffic(clientIPDetection={"xForwardedFor": {"numTrustedHops": 1}}),
    ),
    "External authorization, HTTP": (
        policy(
            extAuth={
                "http": {
                    "backendRefs": [{"name": "http-ext-auth", "port": 9002}],
                    "headersToBackend": ["x-current-user"],
                    "headersToClientOnSuccess": ["set-cookie"],
                }
            }
        ),
    ),
    "External authorization, gRPC with TLS": (
        policy(ON_GATEWAY, extAuth={"grpc": {"backendRefs": [{"name": "grpc-ext-auth", "port": 9002}]}}),
        TLS_OF_SERVICE,
        CA,
    ),
    "CORS": (
        policy(
            cors={
                "allowOrigins": ["http://*.foo.com:8080", "https://*"],
                "allowMethods": ["GET", "POST"],
                "allowHeaders": ["x-header-1"],
                "exposeHeaders": ["x-header-3"],
                "maxAge": "24h",
                "allowCredentials": True,
            }
        ),
    ),
}

OIDC = {"provider": {"issuer": "https://accounts.example.com"}, "clientID": "a", "clientSecret": {"name": "s"}}
BY_METHOD = {"action": "Allow", "operation": {"methods": ["GET"]}, "principal": {"clientCIDRs": ["10.0.0.0/8"]}}
BY_HEADER = {"headerMatches": [{"name": "x-user", "exact": "example"}], "methods": ["GET"]}
SPIFFE = {"subjectAltNames": {"uris": [{"value": "spiffe://a/b"}]}}
GRPC = {"grpc": {"backendRefs": [{"name": "grpc-ext-auth", "port": 9002}]}}
PRINCIPAL = "spec.authorization.rules[0].principal"
REFUSED: dict[str, tuple[str, tuple[str, ...]]] = {
    "OIDC": ("spec.oidc", (policy(oidc=OIDC),)),
    "CSRF": ("spec.csrf", (policy(csrf={"additionalOrigins": [{"type": "Exact", "value": "www.example.com"}]}),)),
    "Headers and methods": ("spec.authentication", (policy(authentication={"rules": [BY_HEADER]}),)),
    "Authorization by method": (
        "spec.authorization.rules[0].operation",
        (policy(authorization={"rules": [BY_METHOD]}),),
    ),
    "Authorization by the client's own header": (
        f"{PRINCIPAL}.headers[0]",
        (policy(authorization=allowing(headers=[{"name": "x-user-id", "values": ["u1"]}])),),
    ),
    "Client certificates": (f"{PRINCIPAL}.clientCert", (policy(authorization=allowing(clientCert=SPIFFE)),)),
    "Mutual TLS": (
        "spec.tls.clientValidation",
        (client_traffic(tls={"clientValidation": {"caCertificateRefs": [{"kind": "Secret", "name": "ca"}]}}),),
    ),
    "GeoIP": (
        f"{PRINCIPAL}.clientIPGeoLocations",
        (policy(authorization=allowing(clientIPGeoLocations=[{"anonymous": {"isAnonymous": True}}])),),
    ),
    "IP addresses in another header": (
        "spec.clientIPDetection.customHeader",
        (
            policy(authorization=allowing(clientCIDRs=["10.0.1.0/24"])),
            client_traffic(clientIPDetection={"customHeader": {"name": "x-real-ip"}}),
        ),
    ),
    "External authorization of one of several routes": (
        "spec.extAuth",
        (policy(extAuth=GRPC), ROUTE.replace("name: route", "name: another")),
    ),
    "CORS of one of several routes": (
        "spec.cors",
        (policy(cors={"allowOrigins": ["https://a.example.com"]}), ROUTE.replace("name: route", "name: another")),
    ),
    "A policy merged with the gateway's": (
        "spec.mergeType",
        (policy(mergeType="StrategicMerge", apiKeyAuth=API_KEYS), KEY_SECRET),
    ),
    "Targets by labels": (
        "spec.targetSelectors",
        (policy(targetSelectors=[{"kind": "HTTPRoute", "matchLabels": {"a": "b"}}], apiKeyAuth=API_KEYS), KEY_SECRET),
    ),
}


@pytest.mark.parametrize("name", SERVED)
def test_an_example_that_is_served(name: str) -> None:
    findings = Findings()
    snapshot = compile_documents({"a.yaml": sample(more=(GATEWAY, *SERVED[name]))}, findings).snapshot
    [policy] = snapshot.policies
    assert policy.open is (name == "CORS")
    about = [str(note) for note in findings.ignored if "SecurityPolicy" in str(note)]
    assert [note for note in about if "recomputeRoute" not in note] == []


@pytest.mark.parametrize("name", REFUSED)
def test_an_example_that_is_refused(name: str) -> None:
    field, documents = REFUSED[name]
    with pytest.raises(ConfigError) as caught:
        compile_documents({"a.yaml": sample(more=(GATEWAY, *documents))})
    assert [problem.path for problem in caught.value.problems] == [field]


def test_the_table_of_the_documentation_is_this_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| (served|refused)\b", page, re.MULTILINE)
    assert dict(rows) == dict.fromkeys(SERVED, "served") | dict.fromkeys(REFUSED, "refused")
