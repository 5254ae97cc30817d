"""The problems of broken configurations: one change to the sample each, and every problem that it causes."""

import pytest

from tests.config.sample import BACKEND, POLICY, ROUTE, SECRET, SERVICE, problems, sample

ROUTE_AT = "AIGatewayRoute default/route: spec.rules[0]"
HOSTNAMES_AT = "AIGatewayRoute default/route: spec.hostnames"
POLICY_AT = "BackendSecurityPolicy default/policy: spec"
AWS_AT = f"{POLICY_AT}.awsCredentials"
BACKEND_AT = "Backend default/backend: spec"
TLS_AT = "BackendTLSPolicy default/tls: spec"

MISSING = {
    "service": (
        SERVICE,
        [
            f"{POLICY_AT}.targetRefs[0].name: there is no AIServiceBackend 'default/service'",
            f"{ROUTE_AT}.backendRefs[0].name: there is no AIServiceBackend 'default/service'",
        ],
    ),
    "policy": (
        POLICY,
        [
            (
                "AIServiceBackend default/service: spec.schema.name:"
                " AWSBedrock needs a BackendSecurityPolicy that names this AIServiceBackend in its targetRefs"
            ),
        ],
    ),
    "backend": (
        BACKEND,
        [
            f"{TLS_AT}.targetRefs[0].name: there is no Backend 'default/backend'",
            "AIServiceBackend default/service: spec.backendRef.name: there is no Backend 'default/backend'",
        ],
    ),
    "secret": (
        SECRET,
        [
            f"{AWS_AT}.credentialsFile.secretRef.name: there is no Secret 'default/secret'",
        ],
    ),
}


@pytest.mark.parametrize("name", MISSING)
def test_missing_resource(name: str):
    document, expected = MISSING[name]
    assert problems(sample(without=(document,))) == expected


CHANGES = {
    "unknown field": (
        "backendRefs",
        "backendRef",
        [
            f"{ROUTE_AT}.backendRef: unknown field; did you mean 'backendRefs'?",
        ],
    ),
    "unknown setting leaves the rest to be checked": (
        "{name: service}]",
        "{name: servise, weigth: 1}]",
        [
            f"{ROUTE_AT}.backendRefs[0].weigth: unknown field; did you mean 'weight'?",
            f"{ROUTE_AT}.backendRefs[0].name: there is no AIServiceBackend 'default/servise'; did you mean 'service'?",
        ],
    ),
    "unknown field that is like no other": (
        "spec:\n  rules:",
        "spec:\n  zzz: 1\n  rules:",
        [
            "AIGatewayRoute default/route: spec.zzz: unknown field",
        ],
    ),
    "required field": (
        "hostname: bedrock.example.com, port: 443",
        "hostname: bedrock.example.com",
        [
            f"{BACKEND_AT}.endpoints[0].fqdn.port: required, but missing",
        ],
    ),
    "null is missing": (
        "port: 443",
        "port: null",
        [
            f"{BACKEND_AT}.endpoints[0].fqdn.port: required, but missing",
        ],
    ),
    "number for text": (
        "value: nova",
        "value: 2",
        [
            f"{ROUTE_AT}.matches[0].headers[0].value: expected text, got the number 2; put it in quotes",
        ],
    ),
    "text for number": (
        "port: 443",
        "port: '443'",
        [
            f"{BACKEND_AT}.endpoints[0].fqdn.port: expected a whole number, got '443'",
        ],
    ),
    "mapping for list": (
        "backendRefs: [{name: service}]",
        "backendRefs: {name: service}",
        [
            f"{ROUTE_AT}.backendRefs: expected a list, got a mapping",
        ],
    ),
    "text for mapping": (
        "schema: {name: AWSBedrock}",
        "schema: AWSBedrock",
        [
            "AIServiceBackend default/service: spec.schema: expected a mapping, got 'AWSBedrock'",
        ],
    ),
    "port out of range": (
        "port: 443",
        "port: 65536",
        [
            f"{BACKEND_AT}.endpoints[0].fqdn.port: must be between 1 and 65535, got 65536",
        ],
    ),
    "unknown schema": (
        "AWSBedrock",
        "Bedrock",
        [
            (
                "AIServiceBackend default/service: spec.schema.name: must be one of 'AWSAnthropic', 'AWSBedrock',"
                " 'Anthropic', 'AzureOpenAI', 'Cohere', 'GCPAnthropic', 'GCPVertexAI', 'OpenAI', got 'Bedrock';"
                " did you mean 'AWSBedrock'?"
            ),
        ],
    ),
    "empty backendRefs": (
        "backendRefs: [{name: service}]",
        "backendRefs: []",
        [
            f"{ROUTE_AT}.backendRefs: must name at least one AIServiceBackend",
        ],
    ),
    "no rules": (
        ROUTE[ROUTE.index("rules") :],
        "rules: []",
        [
            "AIGatewayRoute default/route: spec.rules: must have at least one rule",
        ],
    ),
    "weights of 0": (
        "[{name: service}]",
        "[{name: service, weight: 0}, {name: service, weight: 0}]",
        [
            f"{ROUTE_AT}.backendRefs: all weights are 0, so no backend would receive requests",
        ],
    ),
    "negative weight": (
        "[{name: service}]",
        "[{name: service, weight: -1}]",
        [
            f"{ROUTE_AT}.backendRefs[0].weight: must be 0 or more, got -1",
        ],
    ),
    "InferencePool": (
        "[{name: service}]",
        "[{name: p, kind: InferencePool, group: inference.networking.k8s.io}]",
        [
            (
                f"{ROUTE_AT}.backendRefs[0]:"
                " only AIServiceBackends are supported, got InferencePool (inference.networking.k8s.io)"
            ),
        ],
    ),
    "regular expression": (
        "value: nova",
        "value: 'a(', type: RegularExpression",
        [
            (
                f"{ROUTE_AT}.matches[0].headers[0].value:"
                " 'a(' is not a regular expression of RE2, Envoy's language: missing ): a("
            ),
        ],
    ),
    "regular expression with look-ahead": (
        "value: nova",
        "value: '(?!a).*', type: RegularExpression",
        [
            (
                f"{ROUTE_AT}.matches[0].headers[0].value:"
                " '(?!a).*' is not a regular expression of RE2, Envoy's language: invalid perl operator: (?!"
            ),
        ],
    ),
    "regular expression with a backreference": (
        "value: nova",
        r"value: '(a)\1', type: RegularExpression",
        [
            (
                f"{ROUTE_AT}.matches[0].headers[0].value:"
                r" '(a)\\1' is not a regular expression of RE2, Envoy's language: invalid escape sequence: \1"
            ),
        ],
    ),
    "header name": (
        "name: x-ai-eg-model",
        "name: ':path'",
        [
            f"{ROUTE_AT}.matches[0].headers[0].name: ':path' is not a valid header name",
        ],
    ),
    "header named twice": (
        "value: nova}",
        "value: nova}, {name: X-AI-EG-Model, value: other}",
        [
            f"{ROUTE_AT}.matches[0].headers[1].name: 'x-ai-eg-model' is already the name of entry 0",
        ],
    ),
    "hostname of a route": (
        "spec:\n  rules:",
        "spec:\n  hostnames: [a.example.com, '*', 'a.*.b']\n  rules:",
        [
            f"{HOSTNAMES_AT}[1]: '*' is not a DNS name or wildcard, such as *.a.example",
            f"{HOSTNAMES_AT}[2]: 'a.*.b' is not a DNS name or wildcard, such as *.a.example",
        ],
    ),
    "time": (
        "backendRefs: [{name: service}]",
        "backendRefs: [{name: service}]\n      modelsCreatedAt: 2024-05-21",
        [
            f"{ROUTE_AT}.modelsCreatedAt: '2024-05-21' is not an RFC 3339 time, such as 2024-05-21T10:00:00Z",
        ],
    ),
    "17 headers to set": (
        "[{name: service}]",
        "[{name: service, headerMutation: {remove: [" + "a, " * 17 + "]}}]",
        [
            f"{ROUTE_AT}.backendRefs[0].headerMutation.remove: expected at most 16 entries, got 17",
        ],
    ),
    "header of a mutation": (
        "[{name: service}]",
        ("[{name: service, headerMutation: {set: [{name: ':path', value: \"a\\nb\"}, {name: Host, value: a}]}}]"),
        [
            f"{ROUTE_AT}.backendRefs[0].headerMutation.set[0].name: ':path' is not a valid header name",
            (
                f"{ROUTE_AT}.backendRefs[0].headerMutation.set[0].value:"
                " must not contain line breaks or other control characters"
            ),
            (
                f"{ROUTE_AT}.backendRefs[0].headerMutation.set[1].name:"
                " the host is that of the Backend and cannot be changed"
            ),
        ],
    ),
    "field of a mutation twice": (
        "[{name: service}]",
        ("[{name: service, bodyMutation: {set: [{path: a, value: b}, {path: a, value: c}]}}]"),
        [
            f"{ROUTE_AT}.backendRefs[0].bodyMutation.set[1].path: 'a' is already the name of entry 0",
        ],
    ),
    "backendRef to a Service": (
        "kind: Backend, group: gateway.envoyproxy.io}\n\n---\n\napiVersion: aigateway",
        "kind: Service}\n\n---\n\napiVersion: aigateway",
        [
            (
                "AIServiceBackend default/service: spec.backendRef:"
                " must name a Backend (group gateway.envoyproxy.io), got Service (core)"
            ),
        ],
    ),
    "region": (
        "us-east-1",
        "us-east1",
        [
            f"{AWS_AT}.region: 'us-east1' is not an AWS region, such as us-east-1",
        ],
    ),
    "missing region": (
        "region: us-east-1, ",
        "",
        [
            f"{AWS_AT}.region: required, but missing",
        ],
    ),
    "missing awsCredentials": (
        "  awsCredentials: {region: us-east-1, credentialsFile: {secretRef: {name: secret}}}",
        "",
        [
            f"{AWS_AT}: required with type AWSCredentials, but missing",
        ],
    ),
    "OIDC": (
        "region: us-east-1",
        "region: us-east-1, oidcExchangeToken: {}",
        [
            f"{AWS_AT}.oidcExchangeToken.oidc: required, but missing",
            f"{AWS_AT}.oidcExchangeToken.awsRoleArn: required, but missing",
        ],
    ),
    "credentialOverride": (
        "type: AWSCredentials",
        "type: AWSCredentials\n  credentialOverride: {}",
        [
            f"{POLICY_AT}.credentialOverride: must have fromRequestHeaders",
        ],
    ),
    "security target": (
        "kind: AIServiceBackend, name",
        "kind: InferencePool, name",
        [
            (
                f"{POLICY_AT}.targetRefs[0]: must name an AIServiceBackend (group aigateway.envoyproxy.io),"
                " got InferencePool (aigateway.envoyproxy.io)"
            ),
            (
                "AIServiceBackend default/service: spec.schema.name:"
                " AWSBedrock needs a BackendSecurityPolicy that names this AIServiceBackend in its targetRefs"
            ),
        ],
    ),
    "key of a secret": (
        "  credentials:",
        "  credential:",
        [
            "Secret default/secret: stringData: the key 'credentials' is missing, but there is 'credential'",
        ],
    ),
    "base64": (
        "stringData:\n  credentials: |\n    [default]",
        "data:\n  credentials: |\n    [default]",
        [
            "Secret default/secret: data.credentials: not base64 of UTF-8 text; plain text belongs in stringData",
        ],
    ),
    "number in a secret": (
        "  credentials: |",
        "  other: 12345678\n  credentials: |",
        [
            "Secret default/secret: stringData[0]: expected text, got a number; put it in quotes",
        ],
    ),
    "no endpoints": (
        "endpoints: [{fqdn: {hostname: bedrock.example.com, port: 443}}]",
        "endpoints: []",
        [
            f"{BACKEND_AT}.endpoints: must name at least one endpoint",
        ],
    ),
    "empty endpoint": (
        "[{fqdn: {hostname: bedrock.example.com, port: 443}}]",
        "[{}]",
        [
            f"{BACKEND_AT}.endpoints[0]: must have fqdn or ip",
        ],
    ),
    "two addresses in one": (
        "port: 443}}]",
        "port: 443}, ip: {address: 10.0.0.1, port: 443}}]",
        [
            f"{BACKEND_AT}.endpoints[0]: must have fqdn or ip, not both",
        ],
    ),
    "unix socket": (
        "[{fqdn: {hostname: bedrock.example.com, port: 443}}]",
        "[{unix: {path: /a}}]",
        [
            f"{BACKEND_AT}.endpoints[0].unix: unix sockets are not supported yet; use fqdn or ip",
        ],
    ),
    "IP address as a name": (
        "hostname: bedrock.example.com, port",
        "hostname: 10.0.0.1, port",
        [
            (
                f"{BACKEND_AT}.endpoints[0].fqdn.hostname:"
                " '10.0.0.1' is not a DNS name; an IP address belongs in ip.address"
            ),
        ],
    ),
    "name with an underscore": (
        "hostname: bedrock.example.com, port",
        "hostname: a_b, port",
        [
            f"{BACKEND_AT}.endpoints[0].fqdn.hostname: 'a_b' is not a DNS name, such as api.example.com",
        ],
    ),
    "name as an IP address": (
        "fqdn: {hostname: bedrock.example.com, port: 443}",
        "ip: {address: a, port: 443}",
        [
            f"{BACKEND_AT}.endpoints[0].ip.address: 'a' is not an IP address",
        ],
    ),
    "dynamic resolver": (
        "  endpoints: [{fqdn: {hostname: bedrock.example.com, port: 443}}]",
        "  type: DynamicResolver",
        [
            f"{BACKEND_AT}.type: DynamicResolver is not supported yet; list the endpoints",
        ],
    ),
    "TLS in the Backend": (
        "  endpoints:",
        "  tls: {}\n  endpoints:",
        [
            f"{BACKEND_AT}.tls: not supported yet; attach a BackendTLSPolicy, or requests would be sent in plaintext",
        ],
    ),
    "several hosts for one signature": (
        "port: 443}}]",
        "port: 443}}, {fqdn: {hostname: b.example.com, port: 443}}]",
        [
            (
                "AIServiceBackend default/service: spec.backendRef.name: Backend 'default/backend' has the hosts"
                " bedrock.example.com, b.example.com, but an AWS signature covers only one; create a Backend for each"
            ),
        ],
    ),
    "TLS host": (
        "System, hostname: bedrock.example.com",
        "System, hostname: '*.example.com'",
        [
            f"{TLS_AT}.validation.hostname: '*.example.com' is not a DNS name",
        ],
    ),
    "no certificates": (
        "wellKnownCACertificates: System, ",
        "",
        [
            f"{TLS_AT}.validation: needs either the System certificates or caCertificateRefs",
        ],
    ),
    "missing certificates": (
        "wellKnownCACertificates: System",
        "caCertificateRefs: [{kind: ConfigMap, name: ca}]",
        [
            f"{TLS_AT}.validation.caCertificateRefs[0].name: there is no ConfigMap 'default/ca'",
        ],
    ),
    "certificates without a kind": (
        "wellKnownCACertificates: System",
        "caCertificateRefs: [{name: secret}]",
        [
            f"{TLS_AT}.validation.caCertificateRefs[0].kind: must be ConfigMap or Secret, got nothing",
        ],
    ),
    "subjectAltNames": (
        "{wellKnownCACertificates",
        "{subjectAltNames: [], wellKnownCACertificates",
        [
            f"{TLS_AT}.validation.subjectAltNames: not supported yet; only `hostname` is verified",
        ],
    ),
    "version of an API": (
        "gateway.envoyproxy.io/v1alpha1",
        "gateway.envoyproxy.io/v2",
        [
            (
                "Backend default/backend: apiVersion: 'gateway.envoyproxy.io/v2' is not supported;"
                " use gateway.envoyproxy.io/v1alpha1"
            ),
        ],
    ),
    "missing apiVersion": (
        "apiVersion: v1\n",
        "",
        [
            "Secret default/secret: apiVersion: expected text, got nothing",
        ],
    ),
    "missing kind": (
        "kind: Secret",
        "",
        [
            "document 6: kind: expected text, got nothing",
        ],
    ),
    "missing name": (
        "metadata: {name: tls}",
        "metadata: {}",
        [
            "document 5: metadata.name: required, but missing",
        ],
    ),
    "secretRef to another kind": (
        "secretRef: {name: secret}",
        "secretRef: {name: secret, kind: ConfigMap}",
        [f"{AWS_AT}.credentialsFile.secretRef: must name a Secret, got ConfigMap (core)"],
    ),
    "certificates that are none": (
        "wellKnownCACertificates: System",
        "caCertificateRefs: [{name: secret, kind: Secret}]",
        [
            "Secret default/secret: stringData: the key 'ca.crt' is missing",
        ],
    ),
    "hostname of an endpoint": (
        "port: 443}}]",
        "port: 443}, hostname: '*.example.com'}]",
        [f"{BACKEND_AT}.endpoints[0].hostname: '*.example.com' is not a DNS name"],
    ),
    "fraction for a boolean": (
        "port: 443",
        "port: true",
        [f"{BACKEND_AT}.endpoints[0].fqdn.port: expected a whole number, got the boolean true"],
    ),
    "list for a mapping of texts": (
        SECRET[SECRET.index("stringData") :],
        "stringData: [a]",
        ["Secret default/secret: stringData: expected a mapping, got a list"],
    ),
    "empty name": (
        "backendRefs: [{name: service}]",
        "backendRefs: [{name: ''}]",
        [f"{ROUTE_AT}.backendRefs[0].name: must not be empty"],
    ),
    "long value": (
        "port: 443",
        f"port: {'x' * 100}",
        [f"{BACKEND_AT}.endpoints[0].fqdn.port: expected a whole number, got '{'x' * 79}…'"],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_broken(name: str):
    old, new, expected = CHANGES[name]
    assert problems(sample((old, new))) == expected


def test_policy_reference_of_old_versions():
    text = sample(("  backendRef:", "  backendSecurityPolicyRef: {name: policy}\n  backendRef:"), without=(POLICY,))
    assert problems(text) == [
        (
            "AIServiceBackend default/service: spec.backendSecurityPolicyRef:"
            " no longer supported; name this backend in the policy's targetRefs instead"
        )
    ]


def test_certificates_without_pem():
    configmap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca}\ndata: {ca.crt: nonsense}"
    change = ("wellKnownCACertificates: System", "caCertificateRefs: [{kind: ConfigMap, name: ca}]")
    assert problems(sample(change, more=(configmap,))) == [
        f"{TLS_AT}.validation.caCertificateRefs[0].name: its key 'ca.crt' has no PEM certificate"
    ]


def test_faulty_tls_policy_is_not_reported_as_missing():
    host = "bedrock-runtime.us-east-1.amazonaws.com"
    text = sample(("bedrock.example.com", host), ("wellKnownCACertificates: System, ", ""))
    assert problems(text) == [
        f"{TLS_AT}.validation: needs either the System certificates or caCertificateRefs",
    ]
