"""Who signs: the values that an AWS credential source yields."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An AWS access key pair, with a session token when it is temporary. Its repr shows no secret."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultChain:
    """Credentials come from where an AWS SDK would look: environment, IRSA, Pod Identity, profile, IMDS."""
