"""Identities that authorise requests, and the sources of credentials. No repr here shows a secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An AWS access key pair, with a session token if it is temporary."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerToken:
    """A Bedrock API key, which is sent with a request instead of a signature.

    https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html
    """

    token: str = field(repr=False)


Identity = Credentials | BearerToken
"""What authorises a request to AWS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultChain:
    """The default chain of an AWS SDK: environment, IRSA, Pod Identity, profile, IMDS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile of a credentials file, with a role or another source instead of keys."""

    file: str = field(repr=False)
    """The file's content."""
    name: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcExchange:
    """An OpenID provider's token, by client credentials, exchanged for a role that trusts the provider.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    audience: str | None = None
    token_endpoint: str | None = None
    """The URL that issues tokens; None to discover it from the issuer."""
    role_arn: str
    session_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumeRole:
    """A role that is assumed with another source's credentials.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """

    base: CredentialSource
    role_arn: str
    session_name: str = "aigw-extproc"
    external_id: str | None = None
    duration_seconds: int | None = None


CredentialSource = Credentials | BearerToken | DefaultChain | Profile | OidcExchange | AssumeRole
"""Fixed credentials, or where to get them."""

_DESCRIPTIONS: dict[type, Callable[..., str]] = {
    DefaultChain: lambda _: "default chain",
    Credentials: lambda _: "configuration",
    BearerToken: lambda _: "API key",
    Profile: lambda source: f"profile {source.name}",
    OidcExchange: lambda source: f"OpenID provider {source.issuer} as {source.role_arn}",
    AssumeRole: lambda source: f"{describe(source.base)} as {source.role_arn}",
}


def describe(source: CredentialSource) -> str:
    """Return a source's kind and role, for logs and metrics, without secrets."""
    return _DESCRIPTIONS[type(source)](source)
