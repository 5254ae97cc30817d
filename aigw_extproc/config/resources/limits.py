"""`rateLimit` of BackendTrafficPolicy, and QuotaPolicy, field by field: how much clients may use.

* https://gateway.envoyproxy.io/docs/api/extension_types/#ratelimitspec
* https://aigateway.envoyproxy.io/docs/api/#quotapolicy
What is not served is refused: without it, a client could use more than the file allows.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from aigw_extproc.config.limits import MAX_LIMIT, Unit
from aigw_extproc.config.resources.ai_gateway import Name, ObjectRef, Resource, ResourcePart
from aigw_extproc.config.resources.decode import Discarded, refused

_Amount = Annotated[int, msgspec.Meta(ge=0, le=MAX_LIMIT)]
_Selectors = msgspec.Meta(max_length=8)  # the limit of the format's CRDs
_Other = Annotated[Discarded, refused("not supported, so other requests would be counted; select by headers")]


class HeaderSelector(ResourcePart, frozen=True, kw_only=True):
    """One condition on a header; Distinct counts each of its values apart."""

    name: Name
    type: Literal["Exact", "RegularExpression", "Distinct"] = "Exact"
    value: str | None = None
    invert: bool = False


class SourceCidr(ResourcePart, frozen=True, kw_only=True):
    """`sourceCIDR`: where the client connects from; Distinct counts each address apart."""

    value: Name
    type: Literal["Exact", "Distinct"] = "Exact"
    invert: Annotated[Discarded, refused("not supported, so other clients would be limited; name the networks")] = None


class ClientSelector(ResourcePart, frozen=True, kw_only=True):
    """A conjunction of conditions."""

    headers: tuple[HeaderSelector, ...] = ()
    source_cidr: SourceCidr | None = msgspec.field(default=None, name="sourceCIDR")
    methods: _Other = None
    path: _Other = None
    query_params: _Other = None


class LimitValue(ResourcePart, frozen=True, kw_only=True):
    """`limit`: what each period has."""

    requests: _Amount
    unit: Unit


class CostMetadata(ResourcePart, frozen=True, kw_only=True):
    """Where a cost is."""

    namespace: Name
    key: Name


class CostSpec(ResourcePart, frozen=True, kw_only=True):
    """What one request or response takes."""

    from_: Literal["Number", "Metadata"] = msgspec.field(name="from")
    number: _Amount | None = None
    metadata: CostMetadata | None = None


class Cost(ResourcePart, frozen=True, kw_only=True):
    """`cost`: what is taken before a request is sent, and after its response."""

    request: CostSpec | None = None
    response: CostSpec | None = None


class RateLimitRule(ResourcePart, frozen=True, kw_only=True):
    """One limit, and which requests it is for."""

    limit: LimitValue
    client_selectors: Annotated[tuple[ClientSelector, ...], _Selectors] = ()
    cost: Cost = Cost()
    shared: bool = False
    shadow_mode: bool = False


class RateLimitRules(ResourcePart, frozen=True, kw_only=True):
    """`global` and `local`: every rule that applies to a request must let it pass."""

    rules: tuple[RateLimitRule, ...] = ()


class RateLimitSpec(ResourcePart, frozen=True, kw_only=True):
    """`rateLimit`."""

    type: Literal["Global", "Local"] | None = None
    global_: RateLimitRules | None = msgspec.field(default=None, name="global")
    local: RateLimitRules | None = None


class QuotaValue(ResourcePart, frozen=True, kw_only=True):
    """A number of tokens in a period."""

    limit: _Amount
    duration: Literal["1s", "1m", "1h", "1d"]


class QuotaRule(ResourcePart, frozen=True, kw_only=True):
    """A bucket for some of the requests."""

    quota: QuotaValue
    client_selectors: Annotated[tuple[ClientSelector, ...], _Selectors] = ()
    shadow_mode: bool = False


class QuotaDefinition(ResourcePart, frozen=True, kw_only=True):
    """The buckets of a model: one with something left is enough."""

    default_bucket: QuotaValue | None = None
    bucket_rules: tuple[QuotaRule, ...] = ()
    mode: Literal["Shared"] = "Shared"
    cost_expression: str | None = None


class ModelQuota(ResourcePart, frozen=True, kw_only=True):
    """The quota of a model, by the backend's name for it."""

    model_name: Name
    quota: QuotaDefinition


class ServiceQuota(ResourcePart, frozen=True, kw_only=True):
    """The quota of each model that has none of its own, all of them together."""

    quota: QuotaValue
    cost_expression: str | None = None


class QuotaPolicySpec(ResourcePart, frozen=True, kw_only=True):
    """`spec` of QuotaPolicy."""

    target_refs: tuple[ObjectRef, ...] = ()
    service_quota: ServiceQuota | None = None
    per_model_quotas: tuple[ModelQuota, ...] = ()


class QuotaPolicy(Resource, frozen=True, kw_only=True):
    """How many tokens may be used of a backend's models."""

    spec: QuotaPolicySpec
