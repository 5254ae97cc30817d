"""What a file asks for and would not get is refused; what would be a mistake is named."""

import pytest

from aigw_extproc.config.compile.configuration import compile_documents
from aigw_extproc.config.resources.findings import Findings
from aigw_extproc.config.resources.other_kinds import IGNORED, REFUSED
from aigw_extproc.errors import ConfigError
from tests.config.sample import ROUTE, compiled, problems, sample


def refused(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        compiled(text)
    return [str(problem).removeprefix("a.yaml: ") for problem in caught.value.problems if problem.unsupported]


@pytest.mark.parametrize(("group", "kind"), REFUSED)
def test_a_kind_that_would_not_be_obeyed_is_refused(group: str, kind: str):
    other = f"{{apiVersion: {group}/v1, kind: {kind}, metadata: {{name: a}}, spec: {{}}}}\n"
    assert refused(sample(more=(other,))) == [f"{kind} default/a: {REFUSED[group, kind]}"]


@pytest.mark.parametrize(("group", "kind"), IGNORED)
def test_a_kind_without_effect_is_ignored(group: str, kind: str):
    other = f"{{apiVersion: {group}/v1, kind: {kind}, metadata: {{name: a}}}}\n".replace(": /v1", ": v1")
    assert [str(note) for note in compiled(sample(more=(other,))).ignored] == [
        f"a.yaml: {kind} default/a: {IGNORED[group, kind]}"
    ]


AI = "aigateway.envoyproxy.io/v1beta1"
ENVOY = "gateway.envoyproxy.io/v1alpha1"
GATEWAY = "gateway.networking.k8s.io/v1"
NOT_ENFORCED = "not supported yet, so it would not be enforced; remove it"
NOT_VERIFIED = "client certificates are not verified here, so everyone would be let in; remove it"


def resource(api_version: str, kind: str, spec: str, name: str = "a") -> str:
    return f"{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: {name}}}, spec: {spec}}}\n"


@pytest.mark.parametrize(
    ("api_version", "kind", "spec", "expected"),
    [
        (AI, "GatewayConfig", "{forwardProxy: {}}", "spec.forwardProxy: not supported yet; requests would go to AWS"),
        (
            *(ENVOY, "ClientTrafficPolicy", "{connection: {connectionLimit: {value: 10}}}"),
            f"spec.connection.connectionLimit: {NOT_ENFORCED}",
        ),
        (ENVOY, "ClientTrafficPolicy", "{tls: {clientValidation: {}}}", f"spec.tls.clientValidation: {NOT_VERIFIED}"),
        (GATEWAY, "Gateway", "{tls: {frontend: {default: {}}}}", f"spec.tls.frontend: {NOT_VERIFIED}"),
    ],
)
def test_a_resource_that_would_not_be_obeyed_is_refused(api_version: str, kind: str, spec: str, expected: str):
    (problem,) = refused(sample(more=(resource(api_version, kind, spec),)))
    assert problem.startswith(f"{kind} default/a: {expected}")


def test_a_second_gateway_is_refused():
    gateways = (resource(GATEWAY, "Gateway", "{}", name) for name in "ab")
    (problem,) = refused(sample(more=tuple(gateways)))
    assert problem.startswith("Gateway default/b: there is one gateway here, so clients of 'a' could use its routes")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("  rules:", "  rateLimitsFromHeaders: true\n  rules:"),
            f"AIGatewayRoute default/route: spec.rateLimitsFromHeaders: {NOT_ENFORCED}",
        ),
        *(
            (
                ("AWSBedrock", schema),
                f"AIServiceBackend default/service: spec.schema.name: {schema} is not supported",
            )
            for schema in ("Anthropic", "AzureOpenAI", "Cohere", "GCPVertexAI", "GCPAnthropic")
        ),
    ],
)
def test_a_field_that_would_not_be_obeyed_is_refused(change: tuple[str, str], expected: str):
    (problem,) = refused(sample(change))
    assert problem.startswith(expected)


@pytest.mark.parametrize("kind", ["AnthropicAPIKey", "AzureAPIKey", "AzureCredentials", "GCPCredentials"])
def test_credentials_of_other_providers_are_refused(kind: str):
    (problem,) = refused(sample(("AWSBedrock", "OpenAI"), ("type: AWSCredentials", f"type: {kind}")))
    assert problem.startswith(f"BackendSecurityPolicy default/policy: spec.type: {kind} is not supported")


def test_backends_without_weight_may_have_another_priority():
    compiled(sample(("[{name: service}]", "[{name: service}, {name: service, priority: 1, weight: 0}]")))


@pytest.mark.parametrize(
    ("api_version", "kind", "expected"),
    [
        (
            "aigateway.envoyproxy.io/v1beta1",
            "AIGatewayRoutes",
            "kind: there is no AIGatewayRoutes in aigateway.envoyproxy.io; did you mean 'AIGatewayRoute'?",
        ),
        (
            "gateway.envoyproxy.io/v1alpha1",
            "SecurityPolcy",
            "kind: there is no SecurityPolcy in gateway.envoyproxy.io; did you mean 'SecurityPolicy'?",
        ),
        (
            "gateway.envoyproxy.io/v1alpha1",
            "AIGatewayRoute",
            "kind: there is no AIGatewayRoute in gateway.envoyproxy.io; did you mean 'AIGatewayRoute'?",
        ),
        ("v1", "Secrt", "kind: unknown in v1; did you mean 'Secret'?"),
        (
            "gateway.envoyproxi.io/v1alpha1",
            "SecurityPolicy",
            "apiVersion: unknown group gateway.envoyproxi.io; did you mean 'gateway.envoyproxy.io'?",
        ),
    ],
)
def test_a_misspelt_kind_is_an_error(api_version: str, kind: str, expected: str):
    other = f"{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: a}}}}\n"
    assert problems(sample(more=(other,))) == [f"{kind} default/a: {expected}"]


@pytest.mark.parametrize("kind", ["Deployment", "Service", "NetworkPolicy", "AuthorizationPolicy", "VirtualService"])
def test_kinds_of_other_systems_are_ignored(kind: str):
    other = f"{{apiVersion: other.example/v1, kind: {kind}, metadata: {{name: a}}}}\n"
    assert len(compiled(sample(more=(other,))).ignored) == 1


@pytest.mark.parametrize("text", ["", "# the routes\n", "---\n---\n", "{}\n---\n"])
def test_a_file_without_resources_is_an_error(text: str):
    with pytest.raises(ConfigError) as caught:
        compile_documents({"a.yaml": sample(), "b.yaml": text})
    assert all(problem.file == "b.yaml" for problem in caught.value.problems)


def test_files_without_a_route_are_an_error():
    assert problems(sample(without=(ROUTE,))) == [
        "all resources: there is no AIGatewayRoute, so no request would be served"
    ]


# --- warnings ---------------------------------------------------------------------------------------------------


def warnings(*changes: tuple[str, str]) -> list[str]:
    findings = Findings()
    compile_documents({"a.yaml": sample(*changes)}, findings)
    return [str(warning) for warning in findings.warnings]


@pytest.mark.parametrize("value", ["YOUR_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID", "<access-key>", "xxxx", "changeme"])
def test_placeholders_are_named_and_not_shown(value: str):
    (warning,) = warnings(("AKIDEXAMPLE", value))
    assert warning.endswith("'aws_access_key_id' is a placeholder; fill it in")
    assert value not in warning or value == "AWS_ACCESS_KEY_ID"


@pytest.mark.parametrize(
    "host", ["bedrock.us-east-1.amazonaws.com", "bedrock-agent-runtime.us-east-1.amazonaws.com", "s3.amazonaws.com"]
)
def test_hosts_of_other_aws_services_are_named(host: str):
    (warning,) = warnings(("hostname: bedrock.example.com, port", f"hostname: {host}, port"))
    assert "spec.endpoints[0].fqdn.hostname: a host of AWS, but not Bedrock's" in warning


@pytest.mark.parametrize(
    "host",
    [
        "bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
        "vpce-0a-b.bedrock-runtime.eu-west-1.vpce.amazonaws.com",
        "vpce-0a-b.vpce-svc-0c.us-east-1.vpce.amazonaws.com",
        "proxy-123.elb.us-east-1.amazonaws.com",
        "a1b2.execute-api.us-east-1.amazonaws.com",
        "bedrock.example.com",
    ],
)
def test_hosts_of_bedrock_and_of_proxies_are_not_named(host: str):
    assert warnings(("hostname: bedrock.example.com, port", f"hostname: {host}, port")) == []
