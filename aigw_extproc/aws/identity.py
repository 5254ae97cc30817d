"""Who signs: what a credential source yields, and what sources there are. No repr here shows a secret."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An AWS access key pair, with a session token when it is temporary."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerToken:
    """A Bedrock API key: it goes along as it is, and nothing is signed.

    https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html
    """

    token: str = field(repr=False)


Identity = Credentials | BearerToken
"""What proves to AWS who asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultChain:
    """Credentials come from where an AWS SDK would look: environment, IRSA, Pod Identity, profile, IMDS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile of a credentials file that names a role or another source instead of keys."""

    file: str = field(repr=False)
    """The file's text."""
    name: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcExchange:
    """A token from an OpenID provider, by client credentials, for a role that trusts the provider.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    audience: str | None = None
    token_endpoint: str | None = None
    """Where tokens are issued; None to ask the issuer."""
    role_arn: str
    session_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumeRole:
    """A role that another source's credentials may take on.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """

    base: CredentialSource
    role_arn: str
    session_name: str = "aigw-extproc"
    external_id: str | None = None
    duration_seconds: int | None = None


CredentialSource = Credentials | BearerToken | DefaultChain | Profile | OidcExchange | AssumeRole
"""Where credentials come from: they themselves, or where to find them."""
