"""Tests for aigw_extproc.doctor.credentials and .identity, against moto's STS."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import boto3
import httpx
import pytest

from aigw_extproc.aws.credentials.found_credentials import FoundCredentials
from aigw_extproc.aws.identity import AssumeRole, Credentials, CredentialSource, DefaultChain, Profile
from aigw_extproc.doctor.checks import Check, CheckOutcome
from aigw_extproc.doctor.credentials import LookupResult, describe, look_up
from aigw_extproc.doctor.identity import identify

REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/bedrock"
KEYS = Credentials(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key="canary-secret")
INI = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-secret\n"


def result_of(source: CredentialSource) -> LookupResult:
    return look_up(source, REGION, now=time.time())


def only(result: LookupResult) -> Check:
    (check,) = result.checks
    return check


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / ".aws"
    folder.mkdir()
    return folder


@pytest.fixture
def refusing_sts() -> Iterator[str]:
    """STS that denies a role whose trust policy does not name the token's subject."""
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Refusing(BaseHTTPRequestHandler):
    """https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html"""

    def do_POST(self) -> None:
        body = (
            b"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
            b"<Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>"
        )
        self.send_response(403)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_access_key)
    check = only(result_of(DefaultChain()))
    assert (check.detail, check.notes) == ("environment: access key AKIA…MPLE, no expiry known", ())


def test_a_stray_session_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_access_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of another key")
    result = result_of(DefaultChain())
    (check,) = result.checks
    assert (check.outcome, result.identity is not None) == (CheckOutcome.FAILED, True)
    assert check.detail == (
        "environment: temporary access key AKIA…MPLE, no expiry known: a long-term key (AKIA…) with a session token, "
        "which belongs to another key: AWS refuses them together"
    )
    assert check.next_step == "unset AWS_SESSION_TOKEN, or remove aws_session_token from the profile"
    assert "of another key" not in check.detail


def test_providers_before_the_one_with_credentials(files: Path) -> None:
    (files / "credentials").write_text(INI)
    check = only(result_of(DefaultChain()))
    assert check.detail == "credentials file: access key AKIA…MPLE, no expiry known"
    assert check.notes == (
        "environment: AWS_ACCESS_KEY_ID is not set",
        "role of a profile: profile 'default' has no role_arn",
        (
            "IRSA (web identity): AWS_WEB_IDENTITY_TOKEN_FILE is not set, and profile 'default' has no "
            "web_identity_token_file"
        ),
        "IAM Identity Center: profile 'default' has no sso_session or sso_account_id",
    )


def test_a_bedrock_api_key_comes_first(monkeypatch: pytest.MonkeyPatch, files: Path) -> None:
    (files / "credentials").write_text(INI)
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "canary-api-key")
    assert only(result_of(DefaultChain())).detail == (
        "environment variable AWS_BEARER_TOKEN_BEDROCK: a Bedrock API key, which is sent instead of a signature"
    )


def test_no_credentials_at_all() -> None:
    check = only(result_of(DefaultChain()))
    assert check.detail == "no source of the AWS SDK's default chain has any"
    assert check.notes == (
        "environment: AWS_ACCESS_KEY_ID is not set",
        "role of a profile: profile 'default' has no role_arn",
        (
            "IRSA (web identity): AWS_WEB_IDENTITY_TOKEN_FILE is not set, and profile 'default' has no "
            "web_identity_token_file"
        ),
        "IAM Identity Center: profile 'default' has no sso_session or sso_account_id",
        "credentials file: ~/.aws/credentials does not exist",
        "console sign-in: profile 'default' has no login_session",
        "process: profile 'default' has no credential_process",
        "config file: ~/.aws/config does not exist",
        "legacy EC2 credentials file: AWS_CREDENTIAL_FILE is not set",
        "boto config file: neither /etc/boto.cfg nor ~/.boto has keys",
        (
            "container (Pod Identity, ECS): AWS_CONTAINER_CREDENTIALS_FULL_URI and "
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI are not set"
        ),
        "instance metadata (EC2): AWS_EC2_METADATA_DISABLED disables it",
    )


def test_half_a_pair_ends_the_chain(monkeypatch: pytest.MonkeyPatch, files: Path) -> None:
    (files / "credentials").write_text(INI)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key_id)
    check = only(result_of(DefaultChain()))
    assert (check.detail, check.next_step) == (
        (
            "environment failed, so later sources are not tried: PartialCredentialsError: Partial "
            "credentials found in env, missing: AWS_SECRET_ACCESS_KEY"
        ),
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY both, or neither",
    )


def test_a_profile_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "missing")
    check = only(result_of(DefaultChain()))
    assert check.outcome.value == "failed"
    assert "The config profile (missing) could not be found" in check.detail


def test_irsa(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a.web.token")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    check = only(result_of(DefaultChain()))
    assert check.detail.startswith("IRSA (web identity): temporary access key ASIA…")
    assert check.detail.endswith(("expires in 59 min", "expires in 1 h 0 min"))


def test_irsa_without_its_token_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    check = only(result_of(DefaultChain()))
    assert check.detail == (
        "IRSA (web identity) failed, so later sources are not tried: FileNotFoundError: [Errno 2] No such "
        f"file or directory: '{tmp_path / 'token'}'"
    )
    assert check.next_step is not None
    assert check.next_step.startswith("check the annotation eks.amazonaws.com/role-arn of the ServiceAccount")


def test_a_pod_identity_agent_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/v1/credentials")
    check = only(result_of(DefaultChain()))
    assert check.detail.startswith("container (Pod Identity, ECS) failed, so later sources are not tried: ")
    assert len(check.notes) == 10
    assert check.next_step is not None
    assert check.next_step.startswith("check that the agent runs (`kubectl get daemonset eks-pod-identity-agent")


def test_an_agent_address_that_botocore_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://agent.test/v1/credentials")
    check = only(result_of(DefaultChain()))
    assert check.detail.startswith("container (Pod Identity, ECS) failed, so later sources are not tried: ")


@pytest.mark.parametrize(
    ("left", "lifetime"),
    [
        (None, "no expiry known"),
        (-61.0, "EXPIRED"),
        (59.0, "expires in 0 min"),
        (3599.0, "expires in 59 min"),
        (7322.0, "expires in 2 h 2 min"),
    ],
)
def test_lifetime(left: float | None, lifetime: str) -> None:
    found = FoundCredentials(identity=KEYS, method="env", expires_at=None if left is None else 1000.0 + left)
    assert describe(found, 1000.0) == f"environment: access key AKIA…MPLE, {lifetime}"


def test_a_profile_of_a_secret_without_keys() -> None:
    check = only(result_of(Profile(file="[default]\nregion = us-east-1\n")))
    assert (check.outcome.value, check.next_step) == (
        "failed",
        "check what the profile in the Secret has: keys, or a role_arn with a source_profile",
    )


def test_an_assumed_role() -> None:
    base, role = result_of(AssumeRole(base=KEYS, role_arn=ROLE)).checks
    assert (base.name, role.name, role.outcome.value) == ("credentials", "role", "ok")
    assert role.detail.startswith(f"{ROLE}: assume-role (configuration): temporary access key ASIA…")


def test_a_role_without_credentials_to_assume_it() -> None:
    _, role = result_of(AssumeRole(base=DefaultChain(), role_arn=ROLE)).checks
    assert (role.outcome.value, role.detail) == ("skipped", f"no credentials to assume {ROLE} with")


def test_a_role_ignores_an_api_key_in_the_environment(monkeypatch: pytest.MonkeyPatch, files: Path) -> None:
    (files / "credentials").write_text(INI)
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "canary-api-key")
    base, role = result_of(AssumeRole(base=DefaultChain(), role_arn=ROLE)).checks
    assert (base.outcome.value, base.detail) == (
        "skipped",
        (
            "STS does not accept the API key of AWS_BEARER_TOKEN_BEDROCK: the role is assumed with credentials of the "
            "next source in the chain"
        ),
    )
    assert role.detail.startswith(f"{ROLE}: assume-role (shared-credentials-file): temporary access key ASIA…")


def test_irsa_of_a_role_that_is_denied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, refusing_sts: str) -> None:
    (tmp_path / "token").write_text("canary.web.token")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", refusing_sts)
    check = only(result_of(DefaultChain()))
    assert check.detail == (
        "IRSA (web identity) failed, so later sources are not tried: AssumeRoleWithWebIdentity: AccessDenied: "
        "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    )
    assert check.notes == (
        "environment: AWS_ACCESS_KEY_ID is not set",
        "role of a profile: profile 'default' has no role_arn",
    )


def test_a_role_that_is_denied(strict_sts: str) -> None:
    with powerless_user(strict_sts) as user:
        _, role = result_of(AssumeRole(base=user, role_arn=ROLE)).checks
    assert role.detail == (
        f"{ROLE}: AssumeRole: AccessDenied: User: arn:aws:iam::123456789012:user/nobody is not authorized to perform: "
        "sts:AssumeRole"
    )
    assert role.next_step == (
        "check the role's ARN and its trust policy: it must allow sts:AssumeRole to the identity that assumes it, with "
        "the external id if it requires one"
    )


# --- identity -------------------------------------------------------------------------------------------------------


def test_account_and_arn(strict_sts: str) -> None:
    with powerless_user(strict_sts) as user:
        assert identify(user, REGION).detail == "account 123456789012, arn:aws:iam::123456789012:user/nobody"


def test_a_key_that_sts_does_not_know(strict_sts: str) -> None:
    with powerless_user(strict_sts):
        check = identify(KEYS, REGION)
    assert check.detail == "InvalidClientTokenId: The security token included in the request is invalid."
    assert check.next_step == (
        "AWS does not know this access key: check that it is active, that a temporary key (ASIA…) comes with its "
        "session token, and that the region is enabled for the account"
    )


def test_a_secret_of_another_key(strict_sts: str) -> None:
    with powerless_user(strict_sts) as user:
        check = identify(Credentials(access_key_id=user.access_key_id, secret_access_key="canary-secret"), REGION)
    assert check.detail.startswith("SignatureDoesNotMatch: ")
    assert check.next_step == "the secret access key does not belong to the access key id, or the clock is wrong"


def test_other_errors_of_sts_are_no_failure(monkeypatch: pytest.MonkeyPatch, refusing_sts: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", refusing_sts)
    check = identify(KEYS, REGION)
    assert (check.outcome.value, check.detail) == (
        "skipped",
        "STS refused to answer: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity",
    )


def test_unreachable_sts_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    check = identify(KEYS, REGION)
    assert (check.outcome.value, check.detail) == (
        "skipped",
        (
            "STS cannot be reached, which only this check needs: Could not connect to the endpoint URL: "
            '"http://127.0.0.1:9/"'
        ),
    )


@contextmanager
def powerless_user(moto_url: str) -> Iterator[Credentials]:
    """A user without a policy; from then on moto checks signatures and policies."""
    keys = {"aws_access_key_id": "setup", "aws_secret_access_key": "setup"}
    iam = boto3.session.Session().client("iam", region_name=REGION, endpoint_url=moto_url, **keys)
    iam.create_user(UserName="nobody")
    made = iam.create_access_key(UserName="nobody")["AccessKey"]
    httpx.post(f"{moto_url}/moto-api/reset-auth", content="0").raise_for_status()
    yield Credentials(access_key_id=made["AccessKeyId"], secret_access_key=made["SecretAccessKey"])
