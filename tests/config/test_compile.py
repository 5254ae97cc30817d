"""Tests for aigw_extproc.config.compile.configuration: entire configurations, and every problem of broken ones."""

import base64
import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw_extproc.aws.identity import Credentials, DefaultChain
from aigw_extproc.config.compile.configuration import compile_documents
from aigw_extproc.config.snapshot import (
    Address,
    AwsAuth,
    Backend,
    HeaderMatch,
    RoutedModel,
    Rule,
    Schema,
    Snapshot,
    Tls,
    Upstream,
)
from aigw_extproc.errors import ConfigError
from tests.config.sample import (
    ALL,
    BACKEND,
    POLICY,
    ROUTE,
    SECRET,
    SERVICE,
    TLS,
    compiled,
    join,
    problems,
    sample,
)

CREDENTIALS = Credentials(access_key_id="AKIDEXAMPLE", secret_access_key="canary-of-a-secret")
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
CA = f"""
apiVersion: v1
kind: ConfigMap
metadata: {{name: ca}}
data: {{ca.crt: "{PEM.encode("unicode_escape").decode()}"}}
"""
GATEWAY_LIMIT = """
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: {name: limit}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]
  connection: {bufferLimit: 50Mi}
"""


def test_sample():
    upstream = Upstream(
        cluster="default/backend",
        host="bedrock.example.com",
        addresses=(Address(host="bedrock.example.com", port=443),),
        tls=Tls(server_name="bedrock.example.com"),
    )
    backend = Backend(
        name="default/service/route/route/rule/0/ref/0",
        schema=Schema(name="AWSBedrock"),
        upstream=upstream,
        auth=AwsAuth(region="us-east-1", source=CREDENTIALS),
        route="default/route",
    )
    rule = Rule(
        name="default/route/rule/0",
        matches=((HeaderMatch(name="x-ai-eg-model", value="nova"),),),
        backends=(backend,),
        owned_by="Envoy AI Gateway",
        created=0,
    )
    assert compiled(sample()).snapshot == Snapshot(rules=(rule,))


def test_order_of_documents_and_files_does_not_matter():
    apart = {f"{index}.yaml": text for index, text in enumerate(reversed(ALL))}
    assert compile_documents(apart).snapshot == compiled(sample()).snapshot


def test_policy_with_only_a_region_leaves_credentials_to_the_default_chain():
    text = sample((", credentialsFile: {secretRef: {name: secret}}", ""), without=(SECRET,))
    assert compiled(text).snapshot.rules[0].backends[0].auth == AwsAuth(region="us-east-1", source=DefaultChain())


def test_other_schemas_are_accepted_unsigned():
    text = sample(("AWSBedrock", "OpenAI"), without=(POLICY, SECRET))
    backend = compiled(text).snapshot.rules[0].backends[0]
    assert (backend.schema, backend.auth) == (Schema(name="OpenAI", prefix="/v1"), None)


@pytest.mark.parametrize(
    ("schema", "host", "prefix"),
    [
        ("name: OpenAI", "bedrock-runtime.us-east-1.amazonaws.com", "/openai/v1"),
        ("name: OpenAI", "bedrock-runtime-fips.us-west-2.amazonaws.com", "/openai/v1"),
        ("name: OpenAI, prefix: /api", "bedrock-runtime.us-east-1.amazonaws.com", "/api"),
        ("name: OpenAI, version: v1beta/openai", "api.example.com", "v1beta/openai"),
        ("name: OpenAI, version: a, prefix: b", "api.example.com", "b"),
    ],
)
def test_the_prefix_of_an_openai_api(schema: str, host: str, prefix: str) -> None:
    text = sample(("name: AWSBedrock", schema), ("bedrock.example.com", host))
    assert compiled(text).snapshot.rules[0].backends[0].schema.prefix == prefix


@pytest.mark.parametrize("prefix", ["/a?b", "/a/../b", "/a b", "%2e"])
def test_a_prefix_that_is_not_a_path(prefix: str) -> None:
    text = sample(("{name: AWSBedrock}", f"{{name: OpenAI, prefix: '{prefix}'}}"))
    assert problems(text) == [
        f"AIServiceBackend default/service: spec.schema.prefix: '{prefix}' is not a valid path prefix, such as /v1"
    ]


def test_bedrocks_openai_endpoint_needs_a_policy_too() -> None:
    host = ("bedrock.example.com", "bedrock-runtime.us-east-1.amazonaws.com")
    assert problems(sample(("AWSBedrock", "OpenAI"), host, without=(POLICY, SECRET))) == [
        (
            "AIServiceBackend default/service: spec.schema.name: OpenAI needs a BackendSecurityPolicy that names this"
            " AIServiceBackend in its targetRefs"
        )
    ]


def test_references_across_namespaces():
    text = sample(
        ("backendRefs: [{name: service}]", "backendRefs: [{name: service, namespace: other}]"),
        ("metadata: {name: service}", "metadata: {name: service, namespace: other}"),
        ("metadata: {name: policy}", "metadata: {name: policy, namespace: other}"),
        ("{name: backend, kind: Backend", "{name: backend, namespace: default, kind: Backend"),
        ("secretRef: {name: secret}", "secretRef: {name: secret, namespace: default}"),
    )
    backend = compiled(text).snapshot.rules[0].backends[0]
    assert (backend.name, backend.auth, backend.upstream.cluster) == (
        "other/service/route/route/rule/0/ref/0",
        AwsAuth(region="us-east-1", source=CREDENTIALS),
        "default/backend",
    )


def test_policy_applies_in_its_own_namespace_only():
    text = sample(("metadata: {name: policy}", "metadata: {name: policy, namespace: other}"))
    assert problems(text) == [
        (
            "BackendSecurityPolicy other/policy: spec.awsCredentials.credentialsFile.secretRef.name:"
            " there is no Secret 'other/secret'; did you mean 'default/secret'?"
        ),
        (
            "BackendSecurityPolicy other/policy: spec.targetRefs[0].name:"
            " there is no AIServiceBackend 'other/service'; did you mean 'default/service'?"
        ),
        (
            "AIServiceBackend default/service: spec.schema.name:"
            " AWSBedrock needs a BackendSecurityPolicy that names this AIServiceBackend in its targetRefs"
        ),
    ]


def test_old_versions():
    text = sample(
        ("aigateway.envoyproxy.io/v1beta1", "aigateway.envoyproxy.io/v1alpha1"),
        ("gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1alpha3"),
    )
    assert compiled(text).snapshot == compiled(sample()).snapshot


def test_tls_policy_v1alpha2():
    text = sample(
        ("gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1alpha2"),
        (
            "targetRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: backend}]",
            "targetRef: {group: gateway.envoyproxy.io, kind: Backend, name: backend}",
        ),
        ("validation: {wellKnownCACertificates", "tls: {wellKnownCACerts"),
    )
    assert compiled(text).snapshot == compiled(sample()).snapshot


def test_certificates_of_a_configmap_and_a_secret():
    secret = CA.replace("ConfigMap", "Secret").replace("\ndata:", "\nstringData:")
    text = sample(
        (
            "wellKnownCACertificates: System",
            "caCertificateRefs: [{kind: ConfigMap, name: ca, group: ''}, {kind: Secret, name: ca}]",
        ),
        more=(CA, secret),
    )
    assert compiled(text).snapshot.upstreams[0].tls == Tls(server_name="bedrock.example.com", ca_pem=f"{PEM}\n{PEM}")


def test_secret_in_base64():
    text = "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = canary-of-a-secret\n"
    encoded = base64.b64encode(text.encode()).decode()
    secret = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: secret}}\ndata: {{credentials: {encoded}}}"
    assert compiled(sample(without=(SECRET,), more=(secret,))).snapshot == compiled(sample()).snapshot


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("bedrock-runtime.eu-west-1.amazonaws.com", "eu-west-1"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("bedrock-runtime.eu-west-1.api.aws", "eu-west-1"),
        ("vpce-0a-b.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("bedrock-runtime.eu-west-1.amazonaws.com.example.com", "us-east-1"),
        ("notbedrock-runtime.eu-west-1.amazonaws.com", "us-east-1"),
        ("bedrock.example.com", "us-east-1"),
    ],
)
def test_host_determines_the_region_of_the_signature(host: str, region: str):
    configuration = compiled(sample(("hostname: bedrock.example.com, port", f"hostname: {host}, port")))
    auth = configuration.snapshot.rules[0].backends[0].auth
    expected = [
        (
            f"a.yaml: AIServiceBackend default/service: signed for {region}, the region of its host,"
            " not for us-east-1 of policy 'policy'"
        )
    ]
    assert auth == AwsAuth(region=region, source=CREDENTIALS)
    assert [str(ignored) for ignored in configuration.ignored] == (expected if region != "us-east-1" else [])


@pytest.mark.parametrize(
    ("endpoint", "tls", "host"),
    [
        ("fqdn: {hostname: Api.Example.com, port: 443}", True, "api.example.com"),
        ("fqdn: {hostname: api.example.com, port: 8443}", True, "api.example.com:8443"),
        ("fqdn: {hostname: api.example.com, port: 443}", False, "api.example.com:443"),
        ("fqdn: {hostname: api.example.com, port: 80}", False, "api.example.com"),
        ("ip: {address: 10.0.0.1, port: 443}", True, "bedrock.example.com"),
        ("ip: {address: 127.0.0.1, port: 8091}", False, "127.0.0.1:8091"),
        ('ip: {address: "::1", port: 8091}', False, "[::1]:8091"),
        ("ip: {address: 127.0.0.1, port: 8091}, hostname: named.example.com", False, "named.example.com:8091"),
    ],
)
def test_host_of_an_upstream(endpoint: str, tls: bool, host: str):
    text = sample(("fqdn: {hostname: bedrock.example.com, port: 443}", endpoint), without=() if tls else (TLS,))
    assert compiled(text).snapshot.upstreams[0].host == host


def test_models_in_the_order_of_rules_once_each():
    rules = """
    - matches: [{headers: [{name: X-AI-EG-Model, value: b}]}, {headers: [{name: x-ai-eg-model, value: a}]}]
      backendRefs: [{name: service}]
      modelsOwnedBy: Owner
      modelsCreatedAt: 2024-05-21T10:00:00Z
    - matches:
        - headers: [{name: x-ai-eg-model, value: b}, {name: x-tier, value: gold}]
        - headers: [{name: x-ai-eg-model, value: c}]
        - headers: [{name: x-ai-eg-model, type: RegularExpression, value: d.*}]
      backendRefs: [{name: service}]
    - backendRefs: [{name: service}]
"""
    text = sample((ROUTE[ROUTE.index("    - matches") :], rules))
    assert compiled(text).snapshot.models == (
        RoutedModel(id="b", owned_by="Owner", created=1716285600),
        RoutedModel(id="a", owned_by="Owner", created=1716285600),
        RoutedModel(id="c", owned_by="Envoy AI Gateway", created=0),
    )


def test_models_are_as_old_as_their_route_by_default():
    text = sample(("{name: route}", "{name: route, creationTimestamp: 2024-05-21T10:00:00Z}"))
    assert [model.created for model in compiled(text).snapshot.models] == [1716285600]


@pytest.mark.parametrize(
    ("value", "limit"),
    [("50Mi", 52428800), ("32768", 32768), ("1G", 1000**3), ("1.5Gi", 1610612736), ("'64k'", 64000)],
)
def test_buffer_limit(value: str, limit: int):
    text = sample(more=(GATEWAY_LIMIT.replace("50Mi", value),))
    assert compiled(text).snapshot.buffer_limit == limit


def test_buffer_limits_must_agree():
    text = sample(more=(GATEWAY_LIMIT, GATEWAY_LIMIT.replace("50Mi", "51Mi").replace("name: limit", "name: other")))
    assert problems(text) == [
        (
            "ClientTrafficPolicy default/other: spec.connection.bufferLimit:"
            " ClientTrafficPolicy 'limit' sets another value for the only gateway"
        )
    ]


@pytest.mark.parametrize(
    ("headers", "trusted"),
    [
        ("{requestID: Generate}", False),
        ("{requestID: PreserveOrGenerate}", True),
        ("{preserveXRequestID: true}", True),
        ("{enableEnvoyHeaders: true}", False),
    ],
)
def test_a_clients_request_id_is_trusted_on_request(headers: str, trusted: bool):
    policy = GATEWAY_LIMIT.replace("connection: {bufferLimit: 50Mi}", f"headers: {headers}")
    assert compiled(sample(more=(policy,))).snapshot.trust_request_id == trusted


def test_a_request_id_that_would_not_be_handled_so_is_refused():
    text = sample(more=(GATEWAY_LIMIT.replace("connection: {bufferLimit: 50Mi}", "headers: {requestID: Disable}"),))
    assert problems(text) == [
        (
            "ClientTrafficPolicy default/limit: spec.headers.requestID:"
            " must be one of 'Generate', 'PreserveOrGenerate', got 'Disable'"
        )
    ]


def test_repeated_resources_are_ignored_when_nothing_with_an_effect_differs():
    repeated = SERVICE.replace("{name: service}", "{name: service, labels: {a: b}}")
    configuration = compile_documents({"a.yaml": sample(), "b.yaml": repeated})
    assert configuration.snapshot == compiled(sample()).snapshot
    assert [str(ignored) for ignored in configuration.ignored] == [
        "b.yaml: AIServiceBackend default/service: repeats the resource in a.yaml"
    ]


def test_explicit_credentials_replace_the_default_chain():
    chain = POLICY.replace(", credentialsFile: {secretRef: {name: secret}}", "").replace("name: policy", "name: chain")
    for order in ((*ALL, chain), (chain, *ALL)):
        configuration = compiled(join(*order))
        assert configuration.snapshot == compiled(sample()).snapshot
        assert len(configuration.ignored) == 1


# --- problems ---------------------------------------------------------------------------------------------------

ROUTE_AT = "AIGatewayRoute default/route: spec.rules[0]"
POLICY_AT = "BackendSecurityPolicy default/policy: spec"
AWS_AT = f"{POLICY_AT}.awsCredentials"
BACKEND_AT = "Backend default/backend: spec"


def test_every_problem_at_once():
    text = sample(
        ("value: nova", "value: 2"),
        ("port: 443", "port: 0"),
        ("us-east-1", "here"),
        ("aws_secret_access_key", "aws_secret_key"),
        ("name: backend, kind", "name: bakend, kind"),
    )
    assert problems(text) == [
        f"{ROUTE_AT}.matches[0].headers[0].value: expected text, got the number 2; put it in quotes",
        f"{BACKEND_AT}.endpoints[0].fqdn.port: must be between 1 and 65535, got 0",
        f"{AWS_AT}.region: 'here' is not an AWS region, such as us-east-1",
        (
            "Secret default/secret: stringData.credentials: in section [default] of the credentials file"
            " 'aws_secret_access_key' is missing; did you mean 'aws_secret_key'?"
        ),
        (
            "AIServiceBackend default/service: spec.backendRef.name:"
            " there is no Backend 'default/bakend'; did you mean 'backend'?"
        ),
    ]


def test_problems_come_in_the_order_of_the_files():
    with pytest.raises(ConfigError) as caught:
        compile_documents({"b.yaml": sample(without=(SECRET,)), "a.yaml": BACKEND.replace("443", "0")})
    assert [problem.file for problem in caught.value.problems] == ["b.yaml", "a.yaml"]


def test_nothing_is_missing_with_unreadable_text():
    assert problems(join(*ALL[:-1], "a: [b\nc: d")) == [
        "document 6: line 48, column 2: not valid YAML: did not find expected ',' or ']'"
    ]


def test_faulty_resource_is_not_reported_as_missing():
    assert problems(sample(("endpoints", "endpoint"))) == [
        f"{BACKEND_AT}.endpoint: unknown field; did you mean 'endpoints'?"
    ]


def test_two_security_policies_for_one_backend():
    text = sample(more=(POLICY.replace("name: policy", "name: second"),))
    assert problems(text) == [
        (
            "BackendSecurityPolicy default/second: spec.targetRefs[0]:"
            " BackendSecurityPolicy 'policy' is already attached to this backend; keep one"
        )
    ]


def test_two_security_policies_of_two_regions_for_one_backend():
    chain = POLICY.replace(", credentialsFile: {secretRef: {name: secret}}", "").replace("us-east-1", "eu-west-1")
    assert problems(sample(more=(chain.replace("name: policy", "name: second"),))) == [
        (
            "BackendSecurityPolicy default/second: spec.targetRefs[0]:"
            " BackendSecurityPolicy 'policy' is already attached to this backend; keep one"
        )
    ]


def test_two_tls_policies_for_one_backend():
    text = sample(more=(TLS.replace("name: tls", "name: second"),))
    assert problems(text) == [
        (
            "BackendTLSPolicy default/second: spec.targetRefs[0]:"
            " BackendTLSPolicy 'tls' is already attached to this Backend; keep one"
        )
    ]


def test_one_name_for_two_resources():
    assert problems(sample(more=(BACKEND.replace("443", "444"),))) == [
        "Backend default/backend: already defined differently in a.yaml; rename or remove one"
    ]


def test_aws_without_tls():
    text = sample(("bedrock.example.com", "bedrock-runtime.us-east-1.amazonaws.com"), without=(TLS,))
    assert problems(text) == ["Backend default/backend: AWS requires TLS; attach a BackendTLSPolicy to this Backend"]


@pytest.mark.parametrize("value", ["0", "-1", "5Gi", "1.5", "fifty", "50MB", "true"])
def test_bad_buffer_limit(value: str):
    messages = problems(sample(more=(GATEWAY_LIMIT.replace("50Mi", value),)))
    assert [problem.partition(": must")[0].partition(": expected")[0] for problem in messages] == [
        "ClientTrafficPolicy default/limit: spec.connection.bufferLimit"
    ]


# --- ignored ----------------------------------------------------------------------------------------------------


def test_ignored_by_name():
    other = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: a, namespace: n}
---
apiVersion: example.com/v1
kind: Backend
metadata: {name: b}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec: {gatewayClassName: x, listeners: [{name: http, protocol: HTTP, port: 80}]}
"""
    text = sample(more=(other,))
    assert [str(ignored) for ignored in compiled(text).ignored] == [
        ("a.yaml: ServiceAccount n/a: credentials come from this process, by the AWS SDK's default chain"),
        "a.yaml: Backend default/b: this kind has no effect here",
        "a.yaml: Gateway default/g: spec.listeners: the listener is set on the command line (--host, --port)",
    ]


# --- properties -------------------------------------------------------------------------------------------------

DOCUMENTS = [yaml.safe_load(document) for document in ALL]


def paths(value: object, prefix: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [prefix, *(path for key, item in items for path in paths(item, (*prefix, key)))]


def replaced(value: object, path: tuple[object, ...], new: object) -> object:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def outcome(files: dict[str, str]) -> str:
    try:
        return repr(compile_documents(files))
    except ConfigError as error:
        return str(error)


@settings(max_examples=4 * settings().max_examples)
@given(path=st.sampled_from([path for path in paths(DOCUMENTS) if path]), new=ANYTHING)
def test_anything_anywhere_compiles_or_is_a_problem(path: tuple[object, ...], new: object):
    changed = replaced(DOCUMENTS, path, new)
    files = {f"{index}.json": json.dumps(document) for index, document in enumerate(changed)}
    assert "canary" not in outcome(files)
