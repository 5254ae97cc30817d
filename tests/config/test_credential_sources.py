"""Tests for aigw_extproc.config.compile.credential_sources: every source of credentials in a policy."""

import pytest

from aigw_extproc.aws.identity import (
    AssumeRole,
    BearerToken,
    Credentials,
    CredentialSource,
    DefaultChain,
    Identity,
    OidcExchange,
    Profile,
)
from aigw_extproc.config.snapshot import AwsAuth, RequestCredentials
from tests.config.sample import SECRET, compiled, problems, sample

CANARY = "canary-of-a-secret"
STATIC = "awsCredentials: {region: us-east-1, credentialsFile: {secretRef: {name: secret}}}"
AMBIENT = "awsCredentials: {region: us-east-1}"
KEYS = Credentials(access_key_id="AKIDEXAMPLE", secret_access_key=CANARY)
ROLE = "arn:aws:iam::111122223333:role/bedrock"
OIDC = f"""awsCredentials:
    region: us-east-1
    oidcExchangeToken:
      oidc:
        provider: {{issuer: "https://login.example.com/tenant"}}
        clientID: gateway
        clientSecret: {{name: secret}}
        scopes: [bedrock, offline]
      aud: sts
      awsRoleArn: {ROLE}"""
CLIENT_SECRET = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: secret}}\nstringData: {{client-secret: {CANARY}}}"
API_KEY = f'apiVersion: v1\nkind: Secret\nmetadata: {{name: secret}}\nstringData: {{apiKey: "{CANARY}\\n"}}'
KEY_POLICY = "type: APIKey\n  apiKey: {secretRef: {name: secret}}"
POLICY_AT = "BackendSecurityPolicy default/policy"


def with_role(*lines: str) -> tuple[str, str]:
    """Return a change of the sample: the policy's annotation with these lines of YAML."""
    value = "".join(f"\n      {line}" for line in lines)
    annotated = f"metadata:\n  name: policy\n  annotations:\n    aigw-extproc/assume-role: |{value}"
    return "metadata: {name: policy}", annotated


def auth(*changes: tuple[str, str], secret: str = SECRET) -> AwsAuth:
    configuration = compiled(sample(*changes, without=(SECRET,), more=(secret,)))
    assert CANARY not in "".join(map(str, configuration.ignored)) + repr(configuration.snapshot)
    result = configuration.snapshot.rules[0].backends[0].auth
    assert result is not None
    return result


def source(*changes: tuple[str, str], secret: str = SECRET) -> CredentialSource | Identity:
    return auth(*changes, secret=secret).source


def faults(*changes: tuple[str, str], secret: str = SECRET) -> list[str]:
    result = problems(sample(*changes, without=(SECRET,), more=(secret,)))
    assert CANARY not in "".join(result)
    return result


def secret_with(text: str) -> str:
    indented = "".join(f"\n    {line}" for line in text.splitlines())
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: secret}}\nstringData:\n  credentials: |{indented}\n"


def test_keys_in_a_secret():
    assert source() == KEYS


def test_only_a_region():
    assert source((STATIC, AMBIENT)) == DefaultChain()


def test_another_profile_of_the_secret():
    text = f"[default]\naws_access_key_id = A\naws_secret_access_key = B\n[dev]\naws_access_key_id = AKIDEXAMPLE\n\
aws_secret_access_key = {CANARY}\n"
    assert (
        source(("{secretRef: {name: secret}}", "{secretRef: {name: secret}, profile: dev}"), secret=secret_with(text))
        == KEYS
    )


def test_a_role_in_a_secret():
    text = f"[default]\nrole_arn = {ROLE}\nsource_profile = base\n[base]\naws_access_key_id = A\n\
aws_secret_access_key = {CANARY}\n"
    assert source(secret=secret_with(text)) == Profile(file=text, name="default")


def test_oidc():
    assert source((STATIC, OIDC), secret=CLIENT_SECRET) == OidcExchange(
        issuer="https://login.example.com/tenant",
        client_id="gateway",
        client_secret=CANARY,
        scopes=("bedrock", "offline"),
        audience="sts",
        role_arn=ROLE,
        session_name="ai-gateway-policy",
    )


def test_oidc_with_faults():
    changes = [(STATIC, OIDC), ("https://login.example.com/tenant", "http://login.example.com"), (ROLE, "bedrock")]
    assert faults(*changes) == [
        (
            f"{POLICY_AT}: spec.awsCredentials.oidcExchangeToken.oidc.provider.issuer:"
            " 'http://login.example.com' is not an https URL, which is required since a secret is sent there"
        ),
        (
            f"{POLICY_AT}: spec.awsCredentials.oidcExchangeToken.awsRoleArn:"
            " 'bedrock' is not the ARN of a role, such as arn:aws:iam::111122223333:role/bedrock"
        ),
        "Secret default/secret: stringData: the key 'client-secret' is missing",
    ]


def test_another_grant():
    assert faults((STATIC, OIDC), ("      aud: sts", "      grantType: password"), secret=CLIENT_SECRET) == [
        f"{POLICY_AT}: spec.awsCredentials.oidcExchangeToken.grantType: must be 'client_credentials', got 'password'"
    ]


def test_two_sources():
    both = OIDC.replace(
        "    oidcExchangeToken:", "    credentialsFile: {secretRef: {name: secret}}\n    oidcExchangeToken:"
    )
    assert faults((STATIC, both)) == [
        f"{POLICY_AT}: spec.awsCredentials: has both credentialsFile and oidcExchangeToken; keep one"
    ]


# --- API keys ---------------------------------------------------------------------------------------------------


def test_api_key_without_the_trailing_line_break():
    result = auth((f"type: AWSCredentials\n  {STATIC}", KEY_POLICY), secret=API_KEY)
    assert result == AwsAuth(region="", source=BearerToken(token=CANARY))


def test_api_key_of_a_regional_host():
    host = "bedrock-runtime.eu-west-1.amazonaws.com"
    changes = [(f"type: AWSCredentials\n  {STATIC}", KEY_POLICY), ("bedrock.example.com", host)]
    assert auth(*changes, secret=API_KEY).region == "eu-west-1"


def test_api_key_of_two_words():
    changed = API_KEY.replace("\\n", " x")
    assert faults((f"type: AWSCredentials\n  {STATIC}", KEY_POLICY), secret=changed) == [
        "Secret default/secret: stringData.apiKey: must be one line without spaces"
    ]


def test_api_key_policy_without_a_key():
    assert faults((f"type: AWSCredentials\n  {STATIC}", "type: APIKey")) == [
        f"{POLICY_AT}: spec.apiKey: required with type APIKey, but missing"
    ]


def test_api_key_cannot_assume_a_role():
    change = with_role(f"roleArn: {ROLE}")
    key = (f"type: AWSCredentials\n  {STATIC}", KEY_POLICY)
    assert faults(change, key, secret=API_KEY) == [
        (
            f"{POLICY_AT}: metadata.annotations.aigw-extproc/assume-role:"
            " a Bedrock API key cannot assume a role; it needs type AWSCredentials"
        )
    ]


# --- assumed role -----------------------------------------------------------------------------------------------


def test_role_assumed_with_keys():
    assert source(with_role(f"roleArn: {ROLE}")) == AssumeRole(base=KEYS, role_arn=ROLE)


def test_role_assumed_with_the_default_chain_with_everything():
    change = with_role(f"roleArn: {ROLE}", "externalId: tenant-7", "sessionName: gateway", "durationSeconds: 3600")
    assert source(change, (STATIC, AMBIENT)) == AssumeRole(
        base=DefaultChain(), role_arn=ROLE, external_id="tenant-7", session_name="gateway", duration_seconds=3600
    )


def test_role_with_faults():
    change = with_role("roleArn: bedrock", "externalId: a b", "sessionName: x", "durationSeconds: 3600")
    at = f"{POLICY_AT}: metadata.annotations.aigw-extproc/assume-role"
    assert faults(change) == [
        f"{at}.roleArn: 'bedrock' is not the ARN of a role, such as arn:aws:iam::111122223333:role/bedrock",
        f"{at}.externalId: must be 2 to 1224 letters, digits or characters of _+=,.@:/-",
        f"{at}.sessionName: must be 2 to 64 letters, digits or characters of _+=,.@-",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("roleARN: x", [
            ".roleARN: unknown field; did you mean 'roleArn'?",
            ".roleArn: required, but missing",
        ]),
        (f"{{roleArn: '{ROLE}', durationSeconds: 60}}", [".durationSeconds: must be between 900 and 43200, got 60"]),
        ("roleArn: [", [
            ": must be YAML with roleArn and optionally externalId, sessionName and durationSeconds",
        ]),
        ("roleArn: !!int a:b", [
            ": must be YAML with roleArn and optionally externalId, sessionName and durationSeconds",
        ]),
        ("just text", [": expected a mapping, got 'just text'"]),
    ],
)  # fmt: skip
def test_invalid_annotation(line: str, expected: list[str]):
    at = f"{POLICY_AT}: metadata.annotations.aigw-extproc/assume-role"
    assert faults(with_role(line)) == [f"{at}{text}" for text in expected]


def test_unknown_annotation():
    change = with_role(f"roleArn: {ROLE}")
    at = f"{POLICY_AT}: metadata.annotations.aigw-extproc/asume-role"
    assert faults(change, ("assume-role", "asume-role")) == [
        f"{at}: unknown annotation; did you mean 'aigw-extproc/assume-role'?"
    ]


# --- credentials of a request -----------------------------------------------------------------------------------


def override(text: str) -> tuple[str, str]:
    return "type: AWSCredentials", f"type: AWSCredentials\n  credentialOverride: {text}"


def test_no_credentials_in_requests_by_default():
    assert auth().override is None


def test_a_request_may_have_its_own():
    expected = RequestCredentials(prefix="x-aigw-aws-", fallback=True)
    assert auth(override("{fromRequestHeaders: {}}")).override == expected


def test_a_request_must_have_its_own_with_another_prefix():
    text = "{fromRequestHeaders: {header: X-Tenant-, fallbackToConfigured: false}}"
    assert auth(override(text)).override == RequestCredentials(prefix="x-tenant-", fallback=False)


def test_sources_without_fallback_are_unused():
    text = sample(override("{fromRequestHeaders: {fallbackToConfigured: false}}"), (STATIC, AMBIENT))
    assert compiled(text).snapshot.auths == ()


def test_dynamic_metadata():
    reason = "not supported: Envoy sends no metadata to the processor; use fromRequestHeaders"
    assert faults(override("{fromDynamicMetadata: {namespace: x}}")) == [
        f"{POLICY_AT}: spec.credentialOverride.fromDynamicMetadata: {reason}"
    ]


def test_invalid_headers():
    at = f"{POLICY_AT}: spec.credentialOverride.fromRequestHeaders"
    assert faults(override("{fromRequestHeaders: {header: 'a b', fallbackToConfigured: sometimes}}")) == [
        f"{at}.fallbackToConfigured: expected true or false, got 'sometimes'",
        f"{at}.header: 'a b' is not a valid prefix of header names",
    ]


def test_no_override_for_api_keys():
    changes = [override("{fromRequestHeaders: {}}"), (f"  {STATIC}", ""), ("type: AWSCredentials", KEY_POLICY)]
    assert faults(*changes, secret=API_KEY) == [
        f"{POLICY_AT}: spec.credentialOverride: supported with type AWSCredentials only, not with APIKey"
    ]
