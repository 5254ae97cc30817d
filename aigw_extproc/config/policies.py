"""Who may use a rule, as immutable values: the compiled form of a SecurityPolicy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from aigw_extproc.config.addresses import Upstream

MAX_KEY_LENGTH: Final = 1024
"""Characters of a client's API key, or of its user name and password."""
CLIENT_HEADER: Final = "x-aigw-client"
"""The client's id. Rules may match it; a client's own header of this name is never used."""


def key_digest(key: str) -> bytes:
    """Return the digest by which an API key is known."""
    return sha256(key.encode()).digest()


def password_digest(user: bytes, hashed: bytes) -> bytes:
    """Return the digest by which a user is known, from the SHA-1 hash of the password.

    No API key has the same digest: the byte 0xff is not in UTF-8.
    """
    return sha256(b"\xff" + user + b"\0" + hashed).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeys:
    """Clients that are known by an API key, or by a user name and password."""

    clients: Mapping[bytes, str] = field(repr=False, hash=False)
    """The client's id by the digest of its key (`key_digest`, `password_digest`); keys are not kept."""
    basic: bool = False
    """Whether these are users of Basic authentication."""
    headers: tuple[str, ...] = ()
    """Where keys are accepted besides `Authorization` and `x-api-key`; names in lower case."""
    params: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    forward_header: str | None = None
    """The header that tells the upstream the client's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPlace:
    """Where a request may have a token: exactly one of the three."""

    header: str = ""
    prefix: str = ""
    """What precedes the token in the header, such as `Bearer `."""
    param: str = ""
    cookie: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteKeys:
    """A JSON Web Key Set that Envoy fetches."""

    uri: str
    upstream: Upstream
    cache_seconds: float
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenProvider:
    """An issuer of JSON Web Tokens, which Envoy verifies."""

    name: str
    key: str
    """Names it in Envoy's filter and metadata. It has a digest of everything that decides which tokens are valid, so
    that a token that was verified by other rules than these counts for nothing."""
    issuer: str = ""
    audiences: tuple[str, ...] = ()
    keys: RemoteKeys | str
    """Where its keys are, or the JSON Web Key Set itself."""
    places: tuple[TokenPlace, ...]
    claim_headers: tuple[tuple[str, str], ...] = ()
    """Headers, in lower case, and the claims that they have."""

    @property
    def by_place(self) -> Iterator[tuple[str, TokenPlace]]:
        """Yield each place with a key of its own: a good token in one of them counts, whatever is in the others."""
        return ((f"{self.key}/{index}", place) for index, place in enumerate(self.places))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Clients that are known by a token of one of these providers."""

    providers: tuple[TokenProvider, ...]
    optional: bool = False
    """Whether a request without any token may come in too. One with an invalid token may not."""
    client_claim: str = "sub"
    """The claim with the client's id; of nested ones the names, with dots between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimMatch:
    """One of these values must be the claim, or an element of it if `listed`."""

    name: str
    values: frozenset[str]
    listed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMatch:
    """A token of this provider, with all of these scopes and claims."""

    provider: str
    scopes: tuple[str, ...] = ()
    claims: tuple[ClaimMatch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRule:
    """Whether clients that meet every condition may come in."""

    allow: bool
    headers: tuple[tuple[str, frozenset[str]], ...] = ()
    """Headers with the client's identity, which the gateway sets, and their values."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    token: TokenMatch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """Which of the known clients may use a rule: the first rule that applies decides."""

    rules: tuple[AuthorizationRule, ...] = ()
    allow: bool = False
    """What is done if none applies."""

    @property
    def by_address(self) -> bool:
        """Whether the client's address must be known."""
        return any(rule.networks for rule in self.rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtAuth:
    """A service that Envoy asks about each request."""

    key: str
    """Names it in Envoy's metadata, where a filter behind Envoy's own notes that the service was asked."""
    upstream: Upstream
    grpc: bool
    path: str = ""
    """What precedes the request's path in the check of an HTTP service."""
    headers: tuple[str, ...] = ()
    """Of the client's headers, those that the service gets; for gRPC, none means all."""
    to_upstream: tuple[str, ...] = ()
    """Headers of an HTTP service's answer that rules may match and the upstream gets; names in lower case."""
    to_client: tuple[str, ...] = ()
    """Headers of an HTTP service's answer that are added to the response."""
    body_bytes: int = 0
    """The largest body that the service gets; 0 for none."""
    fail_open: bool = False
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """Which pages of other sites may use the gateway. Envoy answers their preflights."""

    origins: tuple[str, ...]
    """`https://a.example`, with `*` for a part of it, or `*`."""
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age_seconds: int | None = None
    credentials: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A SecurityPolicy. A client must meet all parts of it."""

    name: str
    """`namespace/name`."""
    keys: ApiKeys | None = None
    tokens: Tokens | None = None
    authorization: Authorization | None = None
    ext_auth: ExtAuth | None = None
    cors: Cors | None = None

    @property
    def open(self) -> bool:
        """Whether it keeps nobody out, such as one of `cors` alone."""
        return self.keys is None and self.tokens is None and self.authorization is None and self.ext_auth is None

    @property
    def client_headers(self) -> frozenset[str]:
        """The headers that have the client's id."""
        forwarded = self.keys.forward_header if self.keys is not None else None
        return frozenset({CLIENT_HEADER, forwarded or CLIENT_HEADER})

    @property
    def claim_headers(self) -> frozenset[str]:
        """The headers that have claims of the client's token, or are set by the authorization service."""
        providers = self.tokens.providers if self.tokens is not None else ()
        claims = (header for provider in providers for header, _ in provider.claim_headers)
        return frozenset((*claims, *(self.ext_auth.to_upstream if self.ext_auth is not None else ())))

    @property
    def forwarded(self) -> frozenset[str]:
        """The headers about the client that the upstream gets."""
        forwarded = self.keys.forward_header if self.keys is not None else None
        return self.claim_headers | ({forwarded} if forwarded is not None else set())
