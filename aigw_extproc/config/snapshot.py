"""The configuration as one immutable value, resolved and validated. Each stream keeps the snapshot it started with.

`config.resources` decodes what users write, `config.compile` turns it into a `Snapshot`. A reload replaces the
reference to it; nothing is changed in place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from aigw_extproc.aws.identity import CredentialSource
from aigw_extproc.bedrock import prices
from aigw_extproc.bedrock.families import Families, builtin
from aigw_extproc.bedrock.prices import Prices
from aigw_extproc.config.addresses import Address as Address
from aigw_extproc.config.addresses import Tls as Tls
from aigw_extproc.config.addresses import Upstream as Upstream
from aigw_extproc.config.costs import RequestCost
from aigw_extproc.config.pattern import Pattern
from aigw_extproc.config.policies import Cors, ExtAuth, Policy, RemoteKeys, TokenProvider
from aigw_extproc.config.traffic import Failover, Timeouts

MODEL_HEADER: Final = "x-ai-eg-model"
"""The header that rules match for the model in a request's body."""
BEDROCK_SCHEMAS: Final = ("AWSBedrock", "AWSAnthropic")
"""Schemas of Bedrock's own operations, which serve its models by their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The API that a backend speaks: `AWSBedrock`, `AWSAnthropic`, `OpenAI`…"""

    name: str
    version: str = ""
    prefix: str = ""


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
    """Credentials in the headers of a request, set by a filter that the operator trusts."""

    prefix: str = "x-aigw-aws-"
    """The prefix of the headers `access-key-id`, `secret-access-key` and `session-token`."""
    fallback: bool = True
    """Whether a request without them is signed with the configured credentials; if not, it gets a 401."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsAuth:
    """How requests to a backend are signed."""

    region: str
    source: CredentialSource
    override: RequestCredentials | None = None
    """Where a request may have its own credentials instead; None if it may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """An account of Bedrock, which can list its models."""

    upstream: Upstream
    auth: AwsAuth


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSettings:
    """The settings of a backend in annotations of its AIServiceBackend."""

    dropped_parameters: str = "report"
    """What to do with parameters that Bedrock does not support: `report` or `refuse`."""
    backend_header: bool = False
    """Whether responses name the backend in `x-aigw-backend`."""
    fetch_images: bool = True
    """Whether images at http(s) URLs are fetched."""
    fetch_images_from: tuple[str, ...] = ()
    """Hosts that they are fetched from, in lower case, `*.example.com` for all below a domain; empty for any."""
    cache_points: tuple[str, ...] = ()
    """Where cache points are added to requests without any: `tools`, `system`, `turns`."""
    ping_seconds: float = 15.0
    """After how long a silence of a stream its client gets a ping; 0 for never."""
    silence_seconds: float = 300.0
    """After how long a silence a stream with pings ends with an error."""
    client_metadata: str = ""
    """The key of the client's id in the metadata of requests to Bedrock; empty for none."""
    families: Families = field(default_factory=builtin)
    """The capabilities of each model family."""
    prices: Prices = field(default_factory=prices.builtin)
    """What its models cost."""
    anthropic_names: bool = False
    """Whether Anthropic's own names of models (`claude-opus-5-5`) stand for those that can be invoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One `backendRefs` entry of a rule, resolved."""

    name: str
    """`ns/backend/route/r/rule/i/ref/j`, as in metrics, logs and metadata."""
    schema: Schema
    upstream: Upstream
    auth: AwsAuth | None = None
    model_override: str | None = None
    weight: int = 1
    priority: int = 0
    header_mutation: HeaderMutation = HeaderMutation()
    body_mutation: BodyMutation = BodyMutation()
    settings: BackendSettings = field(default_factory=BackendSettings)
    timeouts: Timeouts = field(default_factory=Timeouts)
    route: str = ""
    """`namespace/name` of the AIGatewayRoute."""
    costs: tuple[RequestCost, ...] = ()
    """What is written into Envoy's metadata at the end of each request."""

    @property
    def service(self) -> str:
        """`namespace/name` of the AIServiceBackend."""
        return self.name.partition("/route/")[0]

    @property
    def model_source(self) -> ModelSource | None:
        """The account whose models it serves; None if it cannot be asked."""
        auth = self.auth
        if self.schema.name not in BEDROCK_SCHEMAS or auth is None or (auth.override and not auth.override.fallback):
            return None
        return ModelSource(upstream=self.upstream, auth=auth)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderMatch:
    """One header condition: `pattern` must match the entire value, or without a pattern the value must be equal."""

    name: str
    value: str
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of an AIGatewayRoute."""

    name: str
    """`namespace/route/rule/i`."""
    hostnames: tuple[str, ...] = ()
    """Hosts that the rule applies to, lower case, `*.example.com` for a wildcard; empty for all."""
    matches: tuple[tuple[HeaderMatch, ...], ...] = ()
    """Alternatives, each a conjunction of conditions; empty for a rule that accepts every request."""
    backends: tuple[Backend, ...]
    """Empty for a rule that is closed, since something that it needs is wrong."""
    policy: Policy | None = None
    """Who may use it; None for everyone."""
    owned_by: str
    created: int
    """Seconds since 1970, for the list of models."""
    failover: Failover | None = None
    """How its backends are tried one after the other; None if a request has a single attempt."""

    @property
    def models(self) -> tuple[str, ...]:
        """The models that the rule names exactly, in its order."""
        conditions = (condition for match in self.matches for condition in match)
        return tuple(each.value for each in conditions if each.name == MODEL_HEADER and each.pattern is None)

    @property
    def model_patterns(self) -> tuple[tuple[Pattern, ...], ...]:
        """The matches that name no model exactly: for each, the patterns that a model has to match, all of them."""
        conditions = ([each.pattern for each in match if each.name == MODEL_HEADER] for match in self.matches or ((),))
        return tuple(tuple(filter(None, patterns)) for patterns in conditions if None not in patterns)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedModel:
    """An entry of the list of models."""

    id: str
    owned_by: str
    created: int
    """Seconds since 1970; 0 if it is neither configured nor known."""
    name: str = ""
    """As people write it; empty if it is not known."""
    legacy: bool = False
    """Whether it will be withdrawn."""
    aliases: tuple[str, ...] = ()
    """Other names that clients may use for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole configuration. Rules are in the order of the files."""

    rules: tuple[Rule, ...]
    buffer_limit: int = 50 * 1024 * 1024
    """Maximum bytes of a request body (ClientTrafficPolicy `connection.bufferLimit`)."""
    trusted_hops: int = 0
    """How many proxies before the gateway are trusted to name the client's address in `x-forwarded-for`."""
    trust_request_id: bool = False
    """Whether a client's `x-request-id` is used, instead of one that Envoy makes."""

    @property
    def upstreams(self) -> tuple[Upstream, ...]:
        """Every upstream that a rule can reach, once each, in order of first use."""
        upstreams = {backend.upstream.cluster: backend.upstream for rule in self.rules for backend in rule.backends}
        return tuple(upstreams.values())

    @property
    def failovers(self) -> tuple[Rule, ...]:
        """The rules with failover; of two with one cluster, during a change, the latest."""
        return tuple({rule.failover.cluster: rule for rule in self.rules if rule.failover is not None}.values())

    @property
    def stream_idles(self) -> tuple[float, ...]:
        """The idle timeouts of streams that rules set, in seconds, once each, in ascending order."""
        timeouts = {backend.timeouts.stream_idle for rule in self.rules for backend in rule.backends}
        return tuple(sorted(filter(None, timeouts)))

    @property
    def policies(self) -> tuple[Policy, ...]:
        """Every policy of a rule, once each; the latest of each name."""
        return tuple({rule.policy.name: rule.policy for rule in self.rules if rule.policy is not None}.values())

    @property
    def token_providers(self) -> tuple[TokenProvider, ...]:
        """Every issuer of tokens, once each. During a change there are two of a name, each with its own key."""
        tokens = (rule.policy.tokens for rule in self.rules if rule.policy is not None)
        return tuple({each.key: each for one in tokens if one is not None for each in one.providers}.values())

    @property
    def ext_auths(self) -> tuple[ExtAuth, ...]:
        """The services that are asked about each request, by time: during a change there are two."""
        services = (rule.policy.ext_auth for rule in self.rules if rule.policy is not None)
        return tuple({each.key: each for each in services if each is not None}.values())

    @property
    def by_address(self) -> bool:
        """Whether a policy decides by the client's address."""
        found = (rule.policy.authorization for rule in self.rules if rule.policy is not None)
        return any(authorization is not None and authorization.by_address for authorization in found)

    @property
    def cors(self) -> Cors | None:
        """The pages of other sites that may use the gateway; the latest during a change."""
        policies = [rule.policy.cors for rule in self.rules if rule.policy is not None]
        return policies[-1] if policies else None

    @property
    def services(self) -> tuple[Upstream, ...]:
        """Every upstream that Envoy asks about clients, once each."""
        keys = (provider.keys for provider in self.token_providers)
        remote = [each.upstream for each in keys if isinstance(each, RemoteKeys)]
        upstreams = (*remote, *(each.upstream for each in self.ext_auths))
        return tuple({upstream.cluster: upstream for upstream in upstreams}.values())

    @property
    def auths(self) -> tuple[AwsAuth, ...]:
        """One AwsAuth for each credential source, in order of first use.

        Sources of backends that only accept a request's own credentials are left out, since they are never used.
        """
        by_source: dict[CredentialSource, AwsAuth] = {}
        for auth in (backend.auth for rule in self.rules for backend in rule.backends if backend.auth is not None):
            if auth.override is None or auth.override.fallback:
                by_source.setdefault(auth.source, auth)
        return tuple(by_source.values())

    @property
    def models(self) -> tuple[RoutedModel, ...]:
        """Every model that a rule names exactly, once each, in the order of the rules."""
        models: dict[str, RoutedModel] = {}
        for rule in self.rules:
            for name in rule.models:
                models.setdefault(name, RoutedModel(id=name, owned_by=rule.owned_by, created=rule.created))
        return tuple(models.values())
