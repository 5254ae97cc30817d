"""The configuration as one immutable value, resolved and validated: what a stream binds when it starts.

`config.resources` says what users write, `config.compile` turns it into this. Reload swaps one reference to a
`Snapshot`; nothing here is ever changed in place, and nothing here does I/O.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import msgspec

from aigw_extproc.aws.identity import CredentialSource
from aigw_extproc.bedrock.families import Families, builtin

MODEL_HEADER: Final = "x-ai-eg-model"
"""The header that stands for the model that a request names in its body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The API that a backend speaks: `AWSBedrock`, `AWSAnthropic`, `OpenAI`…"""

    name: str
    version: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """TLS to the upstream."""

    server_name: str
    """SNI, and the name that the certificate must carry."""
    ca_pem: str | None = None
    """Trusted certificates; None for the system's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where Envoy connects: a DNS name or an IP address."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One Envoy cluster: a `Backend` resource with its TLS policy."""

    cluster: str
    """The cluster's name, `namespace/name` of the Backend."""
    host: str
    """The HTTP host of requests to it; the signature covers exactly this."""
    addresses: tuple[Address, ...]
    tls: Tls | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderMutation:
    """Headers to set on and remove from the upstream request; names in lower case."""

    set: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyMutation:
    """Top-level fields to set in and remove from the translated body. `remove` is applied first."""

    set: tuple[tuple[str, msgspec.Raw], ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCredentials:
    """Credentials in the headers of a request, put there by a filter that the operator trusts."""

    prefix: str = "x-aigw-aws-"
    """Of the headers `access-key-id`, `secret-access-key` and `session-token`."""
    fallback: bool = True
    """Whether a request without them is signed with the configured credentials; otherwise it gets a 401."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsAuth:
    """How requests to a backend are signed."""

    region: str
    source: CredentialSource
    override: RequestCredentials | None = None
    """Whose credentials a request may bring along instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSettings:
    """What this gateway can be told of a backend, in annotations of its AIServiceBackend."""

    dropped_parameters: str = "report"
    """What becomes of a request with parameters that Bedrock has no word for: `report` or `refuse`."""
    fetch_images: bool = True
    """Whether images behind http(s) URLs are fetched."""
    families: Families = field(default_factory=builtin)
    """What is known of the models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One `backendRefs` entry of a rule, with everything that a request to it needs."""

    name: str
    """`ns/backend/route/r/rule/i/ref/j`: in metrics, logs and metadata."""
    schema: Schema
    upstream: Upstream
    auth: AwsAuth | None = None
    model_override: str | None = None
    weight: int = 1
    priority: int = 0
    header_mutation: HeaderMutation = HeaderMutation()
    body_mutation: BodyMutation = BodyMutation()
    settings: BackendSettings = field(default_factory=BackendSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderMatch:
    """One header condition. `pattern` must match the whole value; without it the value must be equal."""

    name: str
    value: str
    pattern: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of an AIGatewayRoute."""

    name: str
    """`namespace/route/rule/i`."""
    hostnames: tuple[str, ...] = ()
    """Hosts for which the rule holds, lower case, `*.example.com` for a wildcard; empty for all."""
    matches: tuple[tuple[HeaderMatch, ...], ...] = ()
    """Any of these, each a conjunction; empty for a rule that takes everything."""
    backends: tuple[Backend, ...]
    owned_by: str
    created: int
    """Seconds since 1970, for the list of models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An entry of the list of models."""

    id: str
    owned_by: str
    created: int
    """Seconds since 1970; 0 when the configuration does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All of the configuration. Rules stand in the order in which they were written."""

    rules: tuple[Rule, ...]
    buffer_limit: int = 50 * 1024 * 1024
    """Bytes of a request body, at most (ClientTrafficPolicy `connection.bufferLimit`)."""

    @property
    def upstreams(self) -> tuple[Upstream, ...]:
        """Every upstream that a rule can reach, once each, in order of first use."""
        found = {backend.upstream.cluster: backend.upstream for rule in self.rules for backend in rule.backends}
        return tuple(found.values())

    @property
    def auths(self) -> tuple[AwsAuth, ...]:
        """Everything that says who signs, once for each source, in order of first use.

        Without those of backends that only take a request's own credentials: nobody asks these sources.
        """
        auths = (backend.auth for rule in self.rules for backend in rule.backends if backend.auth is not None)
        found: dict[CredentialSource, AwsAuth] = {}
        for auth in auths:
            if auth.override is None or auth.override.fallback:
                found.setdefault(auth.source, auth)
        return tuple(found.values())

    @property
    def models(self) -> tuple[Model, ...]:
        """Every model that a rule names exactly, once each, in the order of the rules."""
        found: dict[str, Model] = {}
        for rule in self.rules:
            for condition in (condition for match in rule.matches for condition in match):
                if condition.name == MODEL_HEADER and condition.pattern is None:
                    model = Model(id=condition.value, owned_by=rule.owned_by, created=rule.created)
                    found.setdefault(model.id, model)
        return tuple(found.values())
