"""Compilation of AIGatewayRoutes into rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

import msgspec

from aigw_extproc.aws.names import host_region
from aigw_extproc.bedrock.prices import Price
from aigw_extproc.config.compile.costs import compile_costs, merged
from aigw_extproc.config.compile.durations import compile_timeouts
from aigw_extproc.config.compile.mutations import check_mutations, check_unique, merge_bodies, merge_headers
from aigw_extproc.config.compile.services import Service
from aigw_extproc.config.compile.settings import compile_route_prices
from aigw_extproc.config.compile.targets import Attached
from aigw_extproc.config.compile.traffic import Traffic
from aigw_extproc.config.costs import RequestCost
from aigw_extproc.config.pattern import InvalidPattern, Pattern
from aigw_extproc.config.policies import Policy
from aigw_extproc.config.resources import ai_gateway as resources
from aigw_extproc.config.resources.ai_gateway import AI_GATEWAY, AIGatewayRoute, AIServiceBackend
from aigw_extproc.config.resources.catalog import Catalog, Item, Key
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.names import is_header_name, is_host_pattern
from aigw_extproc.config.snapshot import Backend, HeaderMatch, Rule, Schema

# https://www.rfc-editor.org/rfc/rfc3339 with an offset
_Time = Annotated[datetime, msgspec.Meta(tz=True)]


def compile_rules(
    catalog: Catalog,
    services: Mapping[Key, Service],
    access: Attached[Policy],
    traffic: Traffic,
    costs: tuple[RequestCost, ...] = (),
) -> tuple[Rule, ...]:
    """Return the rules of every route, in order. `costs` are the gateway's."""
    rules: list[Rule] = []
    for item in catalog.all(AIGatewayRoute):
        spec, extras = checked_spec(item), compile_extras(item, costs)
        for index, rule in enumerate(spec.rules):
            compiled = extras.apply(compile_rule(item, index, rule, catalog, services))
            rules.append(traffic.apply(item.key, replace(compiled, policy=access.of(item.key))))
    return tuple(rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What a route adds to the backends of all its rules."""

    costs: tuple[RequestCost, ...]
    prices: Mapping[str, Price]
    """They take precedence over a backend's own."""

    def apply(self, rule: Rule) -> Rule:
        """Return a rule of the route with them."""
        return replace(rule, backends=tuple(map(self._added, rule.backends)))

    def _added(self, backend: Backend) -> Backend:
        backend = replace(backend, costs=self.costs)
        if not self.prices:
            return backend
        prices = backend.settings.prices.overridden(self.prices)
        return replace(backend, settings=replace(backend.settings, prices=prices))


def compile_extras(item: Item[AIGatewayRoute], costs: tuple[RequestCost, ...]) -> Extras:
    """Return what a route adds to its backends, and record what is wrong with it. `costs` are the gateway's."""
    own = compile_costs(item.resource.spec.llm_request_costs, item.place.field("spec.llmRequestCosts"))
    prices = compile_route_prices(item.resource.metadata.annotations, item.place.field("metadata.annotations"))
    return Extras(costs=merged(own, costs), prices=prices)


def checked_spec(item: Item[AIGatewayRoute]) -> resources.RouteSpec:
    """Return the spec of a route, and record what is wrong with it as a whole."""
    spec, place = item.resource.spec, item.place.field("spec")
    for index, hostname in enumerate(spec.hostnames):
        if not is_host_pattern(hostname):
            place.field("hostnames").item(index).problem(
                f"{place.show(hostname)} is not a DNS name or wildcard, such as *.a.example"
            )
    if not spec.rules:
        place.field("rules").problem("must have at least one rule")
    check_unique((rule.name for rule in spec.rules), place.field("rules"), "name")
    return spec


def compile_rule(
    item: Item[AIGatewayRoute],
    index: int,
    rule: resources.RouteRule,
    catalog: Catalog,
    services: Mapping[Key, Service],
) -> Rule:
    """Return one rule of a route with its usable backends, without its policies, and record what is wrong with it."""
    place = item.place.field("spec.rules").item(index)
    if not rule.backend_refs:
        place.field("backendRefs").problem("must name at least one AIServiceBackend")
    elif not any(ref.weight for ref in rule.backend_refs):
        place.field("backendRefs").problem("all weights are 0, so no backend would receive requests")
    timeouts = compile_timeouts(rule, place)
    compiled = [_backend(item, index, number, catalog, services) for number in range(len(rule.backend_refs))]
    return Rule(
        name=f"{item.namespace}/{item.name}/rule/{index}",
        hostnames=tuple(hostname.lower() for hostname in item.resource.spec.hostnames),
        matches=tuple(_match(match, place.field("matches").item(n)) for n, match in enumerate(rule.matches)),
        backends=tuple(replace(backend, timeouts=timeouts) for backend in compiled if backend is not None),
        owned_by=rule.models_owned_by,
        created=_created(item, rule, place),
    )


def _backend(
    item: Item[AIGatewayRoute], index: int, number: int, catalog: Catalog, services: Mapping[Key, Service]
) -> Backend | None:
    ref = item.resource.spec.rules[index].backend_refs[number]
    place = item.place.field("spec.rules").item(index).field("backendRefs").item(number)
    key = (ref.namespace or item.namespace, ref.name)
    service = services.get(key)
    check_mutations(ref, place, signed=service is not None and service.signed)
    if (ref.group or AI_GATEWAY, ref.kind or "AIServiceBackend") != (AI_GATEWAY, "AIServiceBackend"):
        place.problem(f"only AIServiceBackends are supported, got {ref.kind} ({ref.group})")
        return None
    if catalog.find(AIServiceBackend, key, place.field("name")) is None or service is None:
        return None
    spec = service.spec
    return Backend(
        name=f"{key[0]}/{key[1]}/route/{item.name}/rule/{index}/ref/{number}",
        schema=_schema(spec.schema, service),
        upstream=service.upstream,
        auth=service.auth,
        model_override=ref.model_name_override or None,
        weight=ref.weight,
        priority=ref.priority,
        header_mutation=merge_headers(spec.header_mutation, ref.header_mutation),
        body_mutation=merge_bodies(spec.body_mutation, ref.body_mutation),
        settings=service.settings,
        route=f"{item.namespace}/{item.name}",
    )


def _schema(schema: resources.ApiSchema, service: Service) -> Schema:
    """Return the schema; older files have the prefix of an OpenAI API in `version`."""
    prefix = schema.prefix
    if schema.name == "OpenAI":
        # https://docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html
        default = "/v1" if host_region(service.upstream.host) is None else "/openai/v1"
        prefix = prefix or schema.version or default
    return Schema(name=schema.name, version=schema.version, prefix=prefix)


def _match(match: resources.Match, place: Place) -> tuple[HeaderMatch, ...]:
    check_unique((header.name.lower() for header in match.headers), place.field("headers"), "name")
    return tuple(_condition(header, place.field("headers").item(index)) for index, header in enumerate(match.headers))


def _condition(header: resources.HeaderMatchSpec, place: Place) -> HeaderMatch:
    if not is_header_name(header.name):
        place.field("name").problem(f"{place.show(header.name)} is not a valid header name")
    pattern = None
    if header.type == "RegularExpression":
        try:
            pattern = Pattern(header.value)
        except InvalidPattern as fault:
            place.field("value").problem(
                f"{place.show(header.value)} is not a regular expression of RE2, Envoy's language: {fault}"
            )
    return HeaderMatch(name=header.name.lower(), value=header.value, pattern=pattern)


def _created(item: Item[AIGatewayRoute], rule: resources.RouteRule, place: Place) -> int:
    text = rule.models_created_at or item.resource.metadata.creation_timestamp
    if text is None:
        return 0
    try:
        return int(msgspec.convert(text, _Time).timestamp())
    except msgspec.ValidationError:
        field = place.field("modelsCreatedAt") if rule.models_created_at else item.place.field("metadata")
        field.problem(f"{place.show(text)} is not an RFC 3339 time, such as 2024-05-21T10:00:00Z")
        return 0
