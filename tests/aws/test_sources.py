"""Tests for aigw_extproc.aws.credentials.sources, with local servers that issue credentials."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from aigw_extproc.aws import identity
from aigw_extproc.aws.credentials import sources
from aigw_extproc.aws.credentials.found_credentials import FoundCredentials, SourceFailed
from aigw_extproc.aws.credentials.sources import find
from aigw_extproc.aws.identity import (
    AssumeRole,
    BearerToken,
    Credentials,
    CredentialSource,
    DefaultChain,
    OidcExchange,
    Profile,
)
from tests.aws.parts import OTHER_ROLE, ROLE, Agent, Provider, Sts
from tests.docs.pages import table
from tests.envoy_config.running import refused_port

REGION = "us-east-1"
STATIC = Credentials(access_key_id="AKIDOFTEST", secret_access_key="static-secret")
AMBIENT = Credentials(access_key_id="AKIDAMBIENT", secret_access_key="ambient-secret", session_token="ambient-token")
FILE = Credentials(access_key_id="AKIDOFFILE", secret_access_key="file-secret")
FILE_TEXT = "aws_access_key_id = AKIDOFFILE\naws_secret_access_key = file-secret\n"

Environment = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def local_sts(environment: Environment, sts: Sts) -> None:
    environment.setenv("AWS_ENDPOINT_URL_STS", sts.url)


def session(sts: Sts, name: str) -> Credentials:
    """Return the credentials that STS issued last for that session name."""
    last = sts.issued(name)[-1]
    return Credentials(
        access_key_id=last.access_key_id, secret_access_key=last.secret_access_key, session_token=last.session_token
    )


def lasts(credentials: FoundCredentials, seconds: float) -> bool:
    """Return whether the credentials expire in about that many seconds."""
    return credentials.expires_at is not None and abs(credentials.expires_at - time.time() - seconds) < 60


def failure(source: CredentialSource) -> str:
    with pytest.raises(SourceFailed) as raised:
        find(source, REGION)
    return str(raised.value)


def test_every_source_has_a_finder_and_a_description() -> None:
    assert sources._FINDERS.keys() == identity._DESCRIPTIONS.keys() == set(get_args(CredentialSource))


# --- setting up the providers of the default chain ---------------------------------------------------------------


def set_up_keys(environment: Environment, folder: Path, agent: Agent) -> None:
    environment.setenv("AWS_ACCESS_KEY_ID", AMBIENT.access_key_id)
    environment.setenv("AWS_SECRET_ACCESS_KEY", AMBIENT.secret_access_key)
    environment.setenv("AWS_SESSION_TOKEN", str(AMBIENT.session_token))


def set_up_bearer(environment: Environment, folder: Path, agent: Agent) -> None:
    environment.setenv("AWS_BEARER_TOKEN_BEDROCK", "ambient-key")


def set_up_irsa(environment: Environment, folder: Path, agent: Agent, session_name: str = "irsa") -> None:
    (folder / "token").write_text("a.projected.token")
    environment.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(folder / "token"))
    environment.setenv("AWS_ROLE_ARN", ROLE)
    environment.setenv("AWS_ROLE_SESSION_NAME", session_name)


def set_up_file(environment: Environment, folder: Path, agent: Agent) -> None:
    (folder / "shared").write_text(f"[default]\n{FILE_TEXT}")
    environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "shared"))


def set_up_role_profile(environment: Environment, folder: Path, agent: Agent) -> None:
    text = f"[default]\nrole_arn = {OTHER_ROLE}\nrole_session_name = shared\nsource_profile = base\n[base]\n{FILE_TEXT}"
    (folder / "shared").write_text(text)
    environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "shared"))


def set_up_named_profile(environment: Environment, folder: Path, agent: Agent) -> None:
    (folder / "shared").write_text(f"[named]\n{FILE_TEXT}")
    environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "shared"))
    environment.setenv("AWS_PROFILE", "named")


def set_up_pod_identity(environment: Environment, folder: Path, agent: Agent) -> None:
    (folder / "pod-token").write_text(agent.token)
    for name, value in agent.environment(folder / "pod-token").items():
        environment.setenv(name, value)


def set_up_missing_profile(environment: Environment, folder: Path, agent: Agent) -> None:
    environment.setenv("AWS_PROFILE", "lost")


SetUp = Callable[[Environment, Path, Agent], None]

# --- precedence: the table in docs/credentials.md -----------------------------------------------------------------

ALL_SET_UPS = [
    set_up_bearer,
    set_up_keys,
    set_up_irsa,
    set_up_file,
    set_up_role_profile,
    set_up_named_profile,
    set_up_missing_profile,
    set_up_pod_identity,
]
KEYS_IN_SECRET = Profile(
    file=f"[default]\nrole_arn = {ROLE}\nrole_session_name = of-secret\nsource_profile = base\n[base]\n"
    "aws_access_key_id = AKIDOFSECRET\naws_secret_access_key = s\n"
)


@pytest.mark.parametrize("set_up", ALL_SET_UPS)
@pytest.mark.parametrize(
    ("source", "method"),
    [
        (STATIC, "configuration"),
        (BearerToken(token="key-of-secret"), "configuration"),
        (KEYS_IN_SECRET, "assume-role"),
        (AssumeRole(base=STATIC, role_arn=ROLE, session_name="on-keys"), "assume-role (configuration)"),
    ],
    ids=["keys", "API key", "role", "role on top"],
)
def test_a_secret_takes_precedence_over_the_environment(
    environment: Environment, tmp_path: Path, agent: Agent, set_up: SetUp, source: CredentialSource, method: str
) -> None:
    set_up(environment, tmp_path, agent)
    credentials = find(source, REGION)
    assert credentials.method == method
    assert agent.requests == []
    if isinstance(source, Credentials | BearerToken):
        assert credentials.identity == source


SET_UPS: dict[str, SetUp] = {
    "`AWS_BEARER_TOKEN_BEDROCK`": set_up_bearer,
    "`AWS_ACCESS_KEY_ID`": set_up_keys,
    "IRSA": set_up_irsa,
    "keys in the shared files": set_up_file,
    "a role in the shared files": set_up_role_profile,
    "a profile of `AWS_PROFILE`": set_up_named_profile,
    "Pod Identity": set_up_pod_identity,
}
METHODS = {
    "`AWS_BEARER_TOKEN_BEDROCK`": "environment variable AWS_BEARER_TOKEN_BEDROCK",
    "`AWS_ACCESS_KEY_ID`": "env",
    "IRSA": "assume-role-with-web-identity",
    "keys in the shared files": "shared-credentials-file",
    "a role in the shared files": "assume-role",
}
ROWS = [(stronger, weaker) for stronger, weaker in table("docs/credentials.md", "## What wins") if stronger in SET_UPS]


def test_the_rows_are_read_from_the_page() -> None:
    assert len(ROWS) == 8


@pytest.mark.parametrize(("stronger", "weaker"), ROWS)
def test_the_default_chain_has_the_precedence_of_an_sdk(
    environment: Environment, tmp_path: Path, agent: Agent, stronger: str, weaker: str
) -> None:
    for provider in (weaker, stronger):
        SET_UPS[provider](environment, tmp_path, agent)
    assert find(DefaultChain(), REGION).method == METHODS[stronger]


def test_a_role_on_the_chain_ignores_an_api_key(environment: Environment, sts: Sts, tmp_path: Path) -> None:
    environment.setenv("AWS_BEARER_TOKEN_BEDROCK", "ambient-key")
    environment.setenv("AWS_ACCESS_KEY_ID", AMBIENT.access_key_id)
    environment.setenv("AWS_SECRET_ACCESS_KEY", AMBIENT.secret_access_key)
    source = AssumeRole(base=DefaultChain(), role_arn=ROLE, session_name="past-the-key")
    assert find(source, REGION).identity == session(sts, "past-the-key")


# --- IRSA ---------------------------------------------------------------------------------------------------------


def test_irsa(environment: Environment, tmp_path: Path, agent: Agent, sts: Sts) -> None:
    set_up_irsa(environment, tmp_path, agent, "irsa-alone")
    credentials = find(DefaultChain(), REGION)
    assert credentials.identity == session(sts, "irsa-alone")
    assert credentials.method == "assume-role-with-web-identity"
    assert lasts(credentials, 3600)
    assert [one.role_arn for one in sts.issued("irsa-alone")] == [ROLE]  # one call


def test_irsa_without_its_token(environment: Environment, tmp_path: Path, agent: Agent) -> None:
    set_up_irsa(environment, tmp_path, agent)
    (tmp_path / "token").unlink()
    assert failure(DefaultChain()) == f"FileNotFoundError: [Errno 2] No such file or directory: '{tmp_path}/token'"


def test_unreachable_sts(environment: Environment, tmp_path: Path, agent: Agent) -> None:
    set_up_irsa(environment, tmp_path, agent)
    with refused_port() as port:
        environment.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{port}")
        begun = time.monotonic()
        expected = f'EndpointConnectionError: Could not connect to the endpoint URL: "http://127.0.0.1:{port}/"'
        assert failure(DefaultChain()) == expected
    assert time.monotonic() - begun < 5


# --- Pod Identity -------------------------------------------------------------------------------------------------


def test_pod_identity(environment: Environment, tmp_path: Path, agent: Agent) -> None:
    set_up_pod_identity(environment, tmp_path, agent)
    credentials = find(DefaultChain(), REGION)
    [issued] = agent.issued
    assert credentials.identity == Credentials(
        access_key_id=issued["AccessKeyId"],
        secret_access_key=issued["SecretAccessKey"],
        session_token=issued["Token"],
    )
    assert credentials.method == "container-role"
    assert lasts(credentials, 6 * 3600)


@pytest.mark.parametrize("lifetime", [600, 890, 1000])
def test_the_agent_is_called_once_for_short_lifetimes(
    environment: Environment, tmp_path: Path, agent: Agent, lifetime: float
) -> None:
    agent.lifetime = lifetime
    set_up_pod_identity(environment, tmp_path, agent)
    assert lasts(find(DefaultChain(), REGION), lifetime)
    assert agent.requests == ["GET /v1/credentials"]


def test_the_pods_token_is_read_at_each_call(environment: Environment, tmp_path: Path, agent: Agent) -> None:
    set_up_pod_identity(environment, tmp_path, agent)
    find(DefaultChain(), REGION)
    agent.token = "second-token"
    (tmp_path / "pod-token").write_text("second-token")
    assert find(DefaultChain(), REGION).method == "container-role"


def test_a_wrong_pod_token(environment: Environment, tmp_path: Path, agent: Agent) -> None:
    set_up_pod_identity(environment, tmp_path, agent)
    agent.token = "canary-of-the-right-token"
    text = failure(DefaultChain())
    assert "Unauthorized" in text
    assert "canary" not in text


# --- roles --------------------------------------------------------------------------------------------------------


def test_assume_role(sts: Sts) -> None:
    source = AssumeRole(base=STATIC, role_arn=ROLE, session_name="tenant", external_id="tenant-7", duration_seconds=900)
    credentials = find(source, REGION)
    [issued] = sts.issued("tenant")
    assert credentials.identity == session(sts, "tenant")
    assert (issued.role_arn, issued.external_id) == (ROLE, "tenant-7")
    assert lasts(credentials, 900)


def test_a_chain_of_two_roles(sts: Sts) -> None:
    first = AssumeRole(base=STATIC, role_arn=ROLE, session_name="first-of-two")
    credentials = find(AssumeRole(base=first, role_arn=OTHER_ROLE, session_name="second-of-two"), REGION)
    assert [one.role_arn for one in sts.issued("first-of-two")] == [ROLE]
    assert credentials.identity == session(sts, "second-of-two")
    assert credentials.method == "assume-role (assume-role (configuration))"


def test_an_api_key_cannot_assume_a_role() -> None:
    source = AssumeRole(base=BearerToken(token="canary"), role_arn=ROLE)
    assert failure(source) == "a Bedrock API key cannot assume a role"


def test_a_role_that_sts_refuses() -> None:
    text = failure(AssumeRole(base=STATIC, role_arn="x", session_name="refused"))
    assert text.startswith("ParamValidationError: Parameter validation failed:")


def test_a_profile_with_a_source_profile(sts: Sts) -> None:
    text = (
        f"[dev]\nrole_arn = {ROLE}\nsource_profile = base\nexternal_id = tenant-8\nrole_session_name = of-profile\n"
        f"duration_seconds = 1800\n[base]\n{FILE_TEXT}"
    )
    credentials = find(Profile(file=text, name="dev"), REGION)
    [issued] = sts.issued("of-profile")
    assert credentials.identity == session(sts, "of-profile")
    assert (issued.role_arn, issued.external_id) == (ROLE, "tenant-8")
    assert credentials.method == "assume-role"
    assert lasts(credentials, 1800)


def test_a_profile_with_a_chain_of_profiles(sts: Sts) -> None:
    text = (
        f"[default]\nrole_arn = {OTHER_ROLE}\nsource_profile = middle\nrole_session_name = end-of-profiles\n"
        f"[middle]\nrole_arn = {ROLE}\nsource_profile = base\nrole_session_name = middle-of-profiles\n"
        f"[base]\n{FILE_TEXT}"
    )
    credentials = find(Profile(file=text), REGION)
    assert [one.role_arn for one in sts.issued("middle-of-profiles")] == [ROLE]
    assert credentials.identity == session(sts, "end-of-profiles")


def test_a_profile_with_a_credential_source(environment: Environment, sts: Sts) -> None:
    environment.setenv("AWS_ACCESS_KEY_ID", AMBIENT.access_key_id)
    environment.setenv("AWS_SECRET_ACCESS_KEY", AMBIENT.secret_access_key)
    text = f"[default]\nrole_arn = {ROLE}\ncredential_source = Environment\nrole_session_name = of-environment\n"
    assert find(Profile(file=text), REGION).identity == session(sts, "of-environment")


def test_the_file_of_a_profile_is_deleted(environment: Environment, tmp_path: Path) -> None:
    environment.setattr("tempfile.tempdir", str(tmp_path))
    find(KEYS_IN_SECRET, REGION)
    assert list(tmp_path.iterdir()) == []


# --- an OpenID provider -------------------------------------------------------------------------------------------


def oidc(provider: Provider, session_name: str, **fields: object) -> OidcExchange:
    values = {"issuer": provider.url, "client_id": provider.client_id, "client_secret": provider.client_secret}
    return OidcExchange(**{**values, **fields}, role_arn=ROLE, session_name=session_name)


def test_oidc(provider: Provider, sts: Sts) -> None:
    source = oidc(provider, "ai-gateway-p", issuer=f"{provider.url}/tenant/", scopes=("a", "b"), audience="sts")
    credentials = find(source, REGION)
    assert credentials.identity == session(sts, "ai-gateway-p")
    assert (credentials.method, lasts(credentials, 3600)) == ("oidc", True)
    assert provider.requests == ["GET /tenant/.well-known/openid-configuration", "POST /token"]
    assert provider.forms == [
        {
            "grant_type": ["client_credentials"],
            "client_id": ["gateway"],
            "client_secret": [provider.client_secret],
            "scope": ["a b"],
            "audience": ["sts"],
        }
    ]


def test_oidc_with_a_token_endpoint(provider: Provider) -> None:
    find(oidc(provider, "ai-gateway-q", token_endpoint=f"{provider.url}/token"), REGION)
    assert provider.requests == ["POST /token"]


def test_oidc_with_a_wrong_secret(provider: Provider) -> None:
    text = failure(oidc(provider, "ai-gateway-r", client_secret="canary-of-a-wrong-one"))
    assert text == f"the OpenID provider answered 401 at {provider.url}/token"


def test_oidc_with_an_unreachable_provider(provider: Provider) -> None:
    with refused_port() as port:
        text = failure(oidc(provider, "ai-gateway-s", issuer=f"http://127.0.0.1:{port}"))
    assert text.startswith("ConnectError: ")


def test_oidc_with_a_token_endpoint_of_another_scheme(provider: Provider) -> None:
    """Such as an https provider that names an http endpoint, which would get the secret in clear."""
    provider.discovery = {"token_endpoint": "ftp://127.0.0.1/token"}
    text = failure(oidc(provider, "ai-gateway-t"))
    assert text == f"the OpenID provider {provider.url} names a token endpoint with another URL scheme"
    assert provider.requests == ["GET /.well-known/openid-configuration"]


@pytest.mark.parametrize(
    ("discovery", "fault"),
    [
        (["canary"], "Expected `object`, got `array`"),
        ({"endpoint": "canary"}, "Object missing required field `token_endpoint`"),
    ],
)
def test_oidc_with_an_invalid_discovery_document(provider: Provider, discovery: object, fault: str) -> None:
    provider.discovery = discovery
    url = f"{provider.url}/.well-known/openid-configuration"
    text = failure(oidc(provider, "ai-gateway-u"))
    assert text == f"the OpenID provider's answer at {url} cannot be used: {fault}"
