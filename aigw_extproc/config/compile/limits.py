"""Compilation of `rateLimit` of BackendTrafficPolicies, and of QuotaPolicies, into limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

from aigw_extproc.config.compile.annotations import FAIL_OPEN, RESERVE, check_flags, flag_of
from aigw_extproc.config.compile.costs import check_expression
from aigw_extproc.config.limits import (
    EXPRESSION,
    MONEY,
    TOTAL_TOKENS,
    USAGE,
    Condition,
    Kind,
    Limit,
    Quotas,
    Unit,
)
from aigw_extproc.config.pattern import InvalidPattern, Pattern
from aigw_extproc.config.resources.ai_gateway import AI_GATEWAY, AIServiceBackend
from aigw_extproc.config.resources.catalog import Catalog, Item, Key
from aigw_extproc.config.resources.decode import suggestion
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.limits import (
    ClientSelector,
    CostSpec,
    HeaderSelector,
    QuotaDefinition,
    QuotaPolicy,
    QuotaValue,
    RateLimitRule,
    RateLimitSpec,
)
from aigw_extproc.config.resources.names import is_header_name
from aigw_extproc.config.snapshot import Rule

COSTS_NAMESPACE: Final = "io.envoy.ai_gateway"
_UNITS: Final[Mapping[str, Unit]] = {"1s": "Second", "1m": "Minute", "1h": "Hour", "1d": "Day"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Selection:
    """Which requests a limit is for."""

    conditions: tuple[Condition, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    by_address: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """The limits of a policy: each route has counters of its own, but for those that are shared."""

    shared: tuple[Limit, ...] = ()
    each: tuple[Limit, ...] = ()
    keys: tuple[tuple[str, Place], ...] = ()
    """Keys of costs, and where they are named."""

    def of(self, route: Key) -> tuple[Limit, ...]:
        """Return the limits of a route."""
        return (*self.shared, *(replace(one, name=f"{one.name} {'/'.join(route)}") for one in self.each))

    def check_costs(self, route: Key, rule: Rule) -> None:
        """Record costs that a rule of a route does not have."""
        for key, place in self.keys:
            known = {cost.key for backend in rule.backends for cost in backend.costs} | {*USAGE, MONEY}
            if rule.backends and key not in known:
                place.problem(
                    f"no cost of the route '{'/'.join(route)}' has the key {place.show(key)}: add it to llmRequestCosts"
                    f"{suggestion(key, sorted(known))}"
                )


NO_LIMITS: Final = RateLimits()


def compile_rate_limits(spec: RateLimitSpec, name: str, annotations: Mapping[str, Any], place: Place) -> RateLimits:
    """Return the limits of a policy named `namespace/name`."""
    shared: list[Limit] = []
    each: list[Limit] = []
    parts = {"global": spec.global_, "local": spec.local}
    if not any(part is not None and part.rules for part in parts.values()):
        place.problem("must have rules in global or local: it would limit nothing")
    if spec.type is not None and parts[spec.type.lower()] is None:
        place.field(spec.type.lower()).problem(f"required, but missing: the type is {spec.type}")
    keys: list[tuple[str, Place]] = []
    fail_open, reserve = flag_of(annotations, FAIL_OPEN), flag_of(annotations, RESERVE)
    for field, part in parts.items():
        for index, rule in enumerate(part.rules if part is not None else ()):
            where = place.field(field).field("rules").item(index)
            limit = _limit(rule, f"{name} {field} {index}", where)
            metered = isinstance(limit.response_cost, str)
            limit = replace(
                limit, policy=f"BackendTrafficPolicy {name}", fail_open=fail_open, reserve=reserve and metered
            )
            (shared if rule.shared else each).append(limit)
            if isinstance(limit.response_cost, str):
                keys.append((limit.response_cost, where.field("cost.response.metadata.key")))
    if reserve and not keys:
        place.problem(f"has no cost of a response, which {RESERVE} would reserve")
    return RateLimits(shared=tuple(shared), each=tuple(each), keys=tuple(keys))


def _limit(rule: RateLimitRule, name: str, place: Place) -> Limit:
    selection = _selection(rule.client_selectors, place.field("clientSelectors"))
    request, response = rule.cost.request, rule.cost.response
    request_cost = 1 if request is None else _number(request, place.field("cost.request"))
    response_cost = 0 if response is None else _cost(response, place.field("cost.response"))
    kind: Kind = "requests" if isinstance(response_cost, int) else "money" if response_cost == MONEY else "tokens"
    return Limit(
        # What is counted is a part of the name: a changed rule begins at zero, a changed limit does not.
        name=f"{name} {rule.limit.unit} {response_cost} {selection}",
        policy="",
        limit=rule.limit.requests,
        unit=rule.limit.unit,
        request_cost=request_cost,
        response_cost=response_cost,
        kind=kind,
        conditions=selection.conditions,
        networks=selection.networks,
        by_address=selection.by_address,
        shadow=rule.shadow_mode,
    )


def _number(cost: CostSpec, place: Place) -> int:
    if cost.from_ != "Number":
        place.field("from").refuse("must be Number: nothing is known of a request's cost before its response")
    elif cost.number is None:
        place.field("number").problem("required, but missing")
    return cost.number or 0


def _cost(cost: CostSpec, place: Place) -> int | str:
    if cost.from_ == "Number":
        return _number(cost, place)
    if cost.metadata is None:
        place.field("metadata").problem("required, but missing")
        return 0
    if cost.metadata.namespace != COSTS_NAMESPACE:
        shown = place.show(cost.metadata.namespace)
        place.field("metadata.namespace").refuse(f"must be {COSTS_NAMESPACE!r}, got {shown}: others are not read")
    return cost.metadata.key


def _selection(selectors: Iterable[ClientSelector], place: Place) -> _Selection:
    """Return the conditions of all selectors, which must all be met."""
    conditions: list[Condition] = []
    networks: list[IPv4Network | IPv6Network] = []
    by_address = False
    for index, selector in enumerate(selectors):
        where = place.item(index)
        if not selector.headers and selector.source_cidr is None:
            where.problem("must have headers or sourceCIDR")
        conditions += (_condition(each, where.field("headers").item(n)) for n, each in enumerate(selector.headers))
        source = selector.source_cidr
        if source is not None:
            networks += _network(source.value, where.field("sourceCIDR.value"))
            by_address = by_address or source.type == "Distinct"
    return _Selection(conditions=tuple(conditions), networks=tuple(networks), by_address=by_address)


def _condition(spec: HeaderSelector, place: Place) -> Condition:
    name = spec.name.lower()
    if not is_header_name(name):
        place.field("name").problem(f"{place.show(spec.name)} is not a valid header name")
    if spec.type == "Distinct":
        if spec.value is not None or spec.invert:
            place.problem("of type Distinct it has neither value nor invert: each value has a count of its own")
        return Condition(name=name, distinct=True)
    if spec.value is None:
        place.field("value").problem(f"required for type {spec.type}, but missing")
    value, pattern = spec.value or "", None
    if spec.type == "RegularExpression":
        try:
            pattern = Pattern(value)
        except InvalidPattern as fault:
            place.field("value").problem(f"{place.show(value)} is not a regular expression of RE2: {fault}")
    return Condition(name=name, value=value, pattern=pattern, inverted=spec.invert)


def _network(text: str, place: Place) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(text, strict=False)]
    except ValueError:
        place.problem(f"must be a network such as 10.0.0.0/8, got {place.show(text)}")
        return []


def compile_quotas(catalog: Catalog) -> dict[Key, Quotas]:
    """Return the quotas of each AIServiceBackend. Of two for one model the first policy's, by name, is in effect."""
    quotas: dict[Key, Quotas] = {}
    for item in sorted(catalog.all(QuotaPolicy), key=lambda item: item.key):
        annotations = item.resource.metadata.annotations or {}
        check_flags(annotations, (FAIL_OPEN,), item.place.field("metadata.annotations"))
        for key in _backends(item, catalog):
            quotas[key] = _merged(quotas.get(key, Quotas()), _quotas(item, key))
    return quotas


def _backends(item: Item[QuotaPolicy], catalog: Catalog) -> Iterator[Key]:
    place = item.place.field("spec.targetRefs")
    if not item.resource.spec.target_refs:
        place.problem("must name an AIServiceBackend: it would limit nothing")
    for index, ref in enumerate(item.resource.spec.target_refs):
        where = place.item(index)
        if (ref.group or AI_GATEWAY, ref.kind or "AIServiceBackend") != (AI_GATEWAY, "AIServiceBackend"):
            where.problem(f"must be an AIServiceBackend, got {ref.kind} ({ref.group})")
        elif catalog.find(AIServiceBackend, (item.namespace, ref.name), where.field("name")) is not None:
            yield item.namespace, ref.name


def _merged(first: Quotas, second: Quotas) -> Quotas:
    known = {model for model, _ in first.by_model}
    added = tuple(each for each in second.by_model if each[0] not in known)
    return Quotas(by_model=(*first.by_model, *added), others=first.others or second.others)


def _quotas(item: Item[QuotaPolicy], backend: Key) -> Quotas:
    spec, place = item.resource.spec, item.place.field("spec")
    name = f"{item.namespace}/{item.name} {'/'.join(backend)}"
    base = Limit(
        name=name,
        policy=f"QuotaPolicy {item.namespace}/{item.name}",
        limit=0,
        unit="Hour",
        request_cost=0,
        response_cost=TOTAL_TOKENS,
        kind="tokens",
        fail_open=flag_of(item.resource.metadata.annotations or {}, FAIL_OPEN),
    )
    if spec.service_quota is None and not spec.per_model_quotas:
        place.problem("must have serviceQuota or perModelQuotas: it would limit nothing")
    others: tuple[Limit, ...] = ()
    if spec.service_quota is not None:
        cost = _expression(spec.service_quota.cost_expression, place.field("serviceQuota.costExpression"))
        others = (_bucket(replace(base, response_cost=cost), spec.service_quota.quota, name),)
    models = place.field("perModelQuotas")
    return Quotas(
        by_model=tuple(
            (
                each.model_name,
                _buckets(base, each.quota, f"{name} {each.model_name}", models.item(index).field("quota")),
            )
            for index, each in enumerate(spec.per_model_quotas)
        ),
        others=others,
    )


def _buckets(base: Limit, spec: QuotaDefinition, name: str, place: Place) -> tuple[Limit, ...]:
    base = replace(base, response_cost=_expression(spec.cost_expression, place.field("costExpression")))
    if spec.default_bucket is None and not spec.bucket_rules:
        place.problem("must have defaultBucket or bucketRules: it would limit nothing")
    buckets = [] if spec.default_bucket is None else [_bucket(base, spec.default_bucket, name)]
    for index, rule in enumerate(spec.bucket_rules):
        where = place.field("bucketRules").item(index)
        selection = _selection(rule.client_selectors, where.field("clientSelectors"))
        buckets.append(
            replace(
                _bucket(base, rule.quota, f"{name} {index} {selection}"),
                conditions=selection.conditions,
                networks=selection.networks,
                by_address=selection.by_address,
                shadow=rule.shadow_mode,
            )
        )
    return tuple(replace(bucket, either=name) for bucket in buckets)


def _bucket(base: Limit, quota: QuotaValue, name: str) -> Limit:
    return replace(
        base, name=f"{name} {quota.duration} {base.response_cost}", limit=quota.limit, unit=_UNITS[quota.duration]
    )


def _expression(text: str | None, place: Place) -> str:
    if text is None:
        return TOTAL_TOKENS
    check_expression(text, place)
    return EXPRESSION + text
