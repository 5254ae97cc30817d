"""The credential providers of an AWS SDK, in its order, and why one of them has no credentials.

https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
Providers are named by botocore's own `METHOD`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class SdkSettings:
    """The settings that the providers read."""

    environment: Mapping[str, str] = field(repr=False)
    profile: str
    """AWS_PROFILE, or `default`."""
    credentials_file: str
    credentials_file_exists: bool
    config_file: str
    config_file_exists: bool


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider."""

    title: str
    """The name that operators use; botocore's where there is no other."""
    why_empty: Callable[[SdkSettings], str]
    """Return why the provider has no credentials, given that it has none."""
    next_step: str
    """What to do when the provider failed."""


def why_empty(method: str, settings: SdkSettings) -> str:
    """Return why a provider has no credentials: `IRSA (web identity): AWS_WEB_IDENTITY_TOKEN_FILE is not set`."""
    known = provider(method)
    return f"{known.title}: {known.why_empty(settings)}"


def provider(method: str) -> Provider:
    """Return the provider that botocore calls `method`, which may be unknown."""
    return PROVIDERS.get(method) or Provider(method, lambda _: "no credentials", ADD_CREDENTIALS)


ADD_CREDENTIALS: Final = (
    "give this process credentials in one of these ways, or name a Secret in `credentialsFile` of the "
    "BackendSecurityPolicy"
)


def _unset(*names: str) -> Callable[[SdkSettings], str]:
    """Return the reason of a provider that needs one of these variables."""

    def why(settings: SdkSettings) -> str:
        empty = [name for name in names if name in settings.environment]
        return (
            f"{empty[0]} is empty" if empty else f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not set"
        )

    return why


def _unnamed(*keys: str) -> Callable[[SdkSettings], str]:
    """Return the reason of a provider that needs one of these settings in the profile."""
    return lambda settings: f"profile '{settings.profile}' has no {' or '.join(keys)}"


def _no_web_identity(settings: SdkSettings) -> str:
    return f"AWS_WEB_IDENTITY_TOKEN_FILE is not set, and {_unnamed('web_identity_token_file')(settings)}"


def _no_credentials_file(settings: SdkSettings) -> str:
    return _no_keys(settings.credentials_file, settings.credentials_file_exists, settings)


def _no_config_file(settings: SdkSettings) -> str:
    return _no_keys(settings.config_file, settings.config_file_exists, settings)


def _no_keys(file: str, exists: bool, settings: SdkSettings) -> str:
    return f"{file} has no aws_access_key_id in profile '{settings.profile}'" if exists else f"{file} does not exist"


def _no_metadata(settings: SdkSettings) -> str:
    if settings.environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return "AWS_EC2_METADATA_DISABLED disables it"
    return "169.254.169.254 does not answer, or the instance has no role"


_KEYS: Final = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY both, or neither"
_TRUST: Final = (
    "check the role's ARN and its trust policy: it must allow sts:AssumeRole to the identity that assumes it, with the "
    "external id if it requires one"
)
_IRSA: Final = (
    "check the annotation eks.amazonaws.com/role-arn of the ServiceAccount, that the account has the cluster's OIDC "
    "provider (`aws iam list-open-id-connect-providers`), and that the role's trust policy names it, the audience "
    "sts.amazonaws.com and system:serviceaccount:NAMESPACE:NAME"
)
_POD_IDENTITY: Final = (
    "check that the agent runs (`kubectl get daemonset eks-pod-identity-agent -n kube-system`) and that the "
    "association exists (`aws eks list-pod-identity-associations --cluster-name NAME`); then restart the pod"
)
_PROFILE: Final = "check the profile; `aws configure list --profile NAME` shows how the AWS CLI reads it"

PROVIDERS: Final[Mapping[str, Provider]] = {
    "env": Provider("environment", _unset("AWS_ACCESS_KEY_ID"), _KEYS),
    "assume-role": Provider("role of a profile", _unnamed("role_arn"), _TRUST),
    "assume-role-with-web-identity": Provider("IRSA (web identity)", _no_web_identity, _IRSA),
    "sso": Provider("IAM Identity Center", _unnamed("sso_session", "sso_account_id"), "run `aws sso login`"),
    "shared-credentials-file": Provider("credentials file", _no_credentials_file, _PROFILE),
    "login": Provider("console sign-in", _unnamed("login_session"), "run `aws login`"),
    "custom-process": Provider(
        "process",
        _unnamed("credential_process"),
        "run the command of credential_process by hand: it must print JSON in the AWS CLI's format",
    ),
    "config-file": Provider("config file", _no_config_file, _PROFILE),
    "ec2-credentials-file": Provider("legacy EC2 credentials file", _unset("AWS_CREDENTIAL_FILE"), _PROFILE),
    "boto-config": Provider("boto config file", lambda _: "neither /etc/boto.cfg nor ~/.boto has keys", _PROFILE),
    "container-role": Provider(
        "container (Pod Identity, ECS)",
        _unset("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        _POD_IDENTITY,
    ),
    "iam-role": Provider(
        "instance metadata (EC2)",
        _no_metadata,
        "attach a role to the instance; containers need a hop limit of 2 (`aws ec2 modify-instance-metadata-options`)",
    ),
}
