"""The places where an AWS SDK looks for credentials, in its order, and why one of them has none.

https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
The names are botocore's own (`METHOD` of its providers).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the places depend on."""

    environment: Mapping[str, str] = field(repr=False)
    profile: str
    """The profile that is looked at: AWS_PROFILE, or `default`."""
    credentials_file: str
    credentials_file_exists: bool
    config_file: str
    config_file_exists: bool


@dataclass(frozen=True, slots=True)
class Place:
    """One place."""

    title: str
    """In words that operators use."""
    why_empty: Callable[[Facts], str]
    """Why it has no credentials, given that it has none."""
    next_step: str
    """What to do when it should have had some, and failed."""


def why_not(method: str, facts: Facts) -> str:
    """Why one place has no credentials: `IRSA (web identity): AWS_WEB_IDENTITY_TOKEN_FILE is not set`."""
    place = PLACES.get(method)
    return f"{place.title}: {place.why_empty(facts)}" if place else f"{method}: has none"


def title(method: str) -> str:
    """A place in words that operators use."""
    return PLACES[method].title if method in PLACES else method


def next_step(method: str) -> str:
    """What to do when a place failed."""
    return PLACES[method].next_step if method in PLACES else NOWHERE


NOWHERE: Final = (
    "give this process credentials in one of these places, or name a Secret in `credentialsFile` of the "
    "BackendSecurityPolicy"
)


def _unset(*names: str) -> Callable[[Facts], str]:
    """None of these variables is set, or all are empty."""

    def why(facts: Facts) -> str:
        empty = [name for name in names if name in facts.environment]
        return (
            f"{empty[0]} is empty" if empty else f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not set"
        )

    return why


def _unnamed(*keys: str) -> Callable[[Facts], str]:
    """The profile has none of these settings."""
    return lambda facts: f"profile '{facts.profile}' has no {' or '.join(keys)}"


def _no_web_identity(facts: Facts) -> str:
    return f"AWS_WEB_IDENTITY_TOKEN_FILE is not set, and {_unnamed('web_identity_token_file')(facts)}"


def _no_credentials_file(facts: Facts) -> str:
    if not facts.credentials_file_exists:
        return f"{facts.credentials_file} does not exist"
    return f"{facts.credentials_file} has no aws_access_key_id in profile '{facts.profile}'"


def _no_config_file(facts: Facts) -> str:
    if not facts.config_file_exists:
        return f"{facts.config_file} does not exist"
    return f"{facts.config_file} has no aws_access_key_id in profile '{facts.profile}'"


def _no_metadata(facts: Facts) -> str:
    if facts.environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return "AWS_EC2_METADATA_DISABLED switches it off"
    return "169.254.169.254 does not answer, or the instance has no role"


_KEYS: Final = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY both, or neither"
_TRUST: Final = (
    "see the role's ARN and its trust policy: it must allow sts:AssumeRole to the identity that takes it on, with the "
    "external id if it asks for one"
)
_IRSA: Final = (
    "see the annotation eks.amazonaws.com/role-arn of the ServiceAccount, that the cluster's OIDC provider is one of "
    "the account's (`aws iam list-open-id-connect-providers`), and that the role's trust policy names it, the audience "
    "sts.amazonaws.com and system:serviceaccount:NAMESPACE:NAME"
)
_POD_IDENTITY: Final = (
    "see that the agent runs (`kubectl get daemonset eks-pod-identity-agent -n kube-system`) and that the association "
    "is there (`aws eks list-pod-identity-associations --cluster-name NAME`); then restart the pod"
)
_PROFILE: Final = "see what the profile says; `aws configure list --profile NAME` shows how the AWS CLI reads it"

PLACES: Final[Mapping[str, Place]] = {
    "env": Place("environment", _unset("AWS_ACCESS_KEY_ID"), _KEYS),
    "assume-role": Place("role of a profile", _unnamed("role_arn"), _TRUST),
    "assume-role-with-web-identity": Place("IRSA (web identity)", _no_web_identity, _IRSA),
    "sso": Place("IAM Identity Center", _unnamed("sso_session", "sso_account_id"), "run `aws sso login`"),
    "shared-credentials-file": Place("credentials file", _no_credentials_file, _PROFILE),
    "login": Place("console sign-in", _unnamed("login_session"), "run `aws login`"),
    "custom-process": Place(
        "process",
        _unnamed("credential_process"),
        "run the command of credential_process by hand: it must print JSON as the AWS CLI expects it",
    ),
    "config-file": Place("config file", _no_config_file, _PROFILE),
    "ec2-credentials-file": Place("file of the old EC2 tools", _unset("AWS_CREDENTIAL_FILE"), _PROFILE),
    "boto-config": Place("boto's file", lambda _: "neither /etc/boto.cfg nor ~/.boto has keys", _PROFILE),
    "container-role": Place(
        "container (Pod Identity, ECS)",
        _unset("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        _POD_IDENTITY,
    ),
    "iam-role": Place(
        "instance metadata (EC2)",
        _no_metadata,
        "attach a role to the instance; in a container, a hop limit of 2 (`aws ec2 modify-instance-metadata-options`)",
    ),
}
