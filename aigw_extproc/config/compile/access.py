"""Compilation of SecurityPolicies: who may use each route.

A policy of a route replaces the gateway's for the rules of that route, as in Envoy Gateway:
https://gateway.envoyproxy.io/docs/concepts/gateway_api_extensions/security-policy/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from aigw_extproc.config.compile.asked_services import AskedServices
from aigw_extproc.config.compile.authorization import compile_authorization
from aigw_extproc.config.compile.clients import compile_api_keys, compile_users
from aigw_extproc.config.compile.ext_auth import compile_cors, compile_ext_auth
from aigw_extproc.config.compile.settings import PREFIX
from aigw_extproc.config.compile.targets import Attached, attach
from aigw_extproc.config.compile.tokens import CLIENT_CLAIM, compile_tokens
from aigw_extproc.config.policies import ApiKeys, Policy
from aigw_extproc.config.resources.ai_gateway import AIGatewayRoute
from aigw_extproc.config.resources.catalog import Catalog, Item
from aigw_extproc.config.resources.decode import suggestion
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.security import SecurityPolicy

_FILTERS: Final[tuple[tuple[str, Callable[[Policy], object]], ...]] = (
    ("extAuth", lambda policy: policy.ext_auth),
    ("cors", lambda policy: policy.cors),
)
"""The fields of a policy that are filters of Envoy, which run before the model and so the route is known."""


def compile_access(catalog: Catalog, services: AskedServices) -> Attached[Policy]:
    """Return who may use each route, by the SecurityPolicies of the catalog."""
    policies = [(item, _policy(item, catalog, services)) for item in catalog.all(SecurityPolicy)]
    access = attach(policies, catalog)
    places = {policy.name: item.place.field("spec") for item, policy in policies}
    _check_filters(access, catalog, places)
    _warn_of_replaced(access, places)
    return access


def _policy(item: Item[SecurityPolicy], catalog: Catalog, services: AskedServices) -> Policy:
    spec, place = item.resource.spec, item.place.field("spec")
    _check_annotations(item)
    keys: ApiKeys | None = None
    if spec.api_key_auth is not None:
        keys = compile_api_keys(item, spec.api_key_auth, catalog)
    if spec.basic_auth is not None:
        keys = compile_users(item, spec.basic_auth, catalog)
        if spec.api_key_auth is not None:
            place.field("basicAuth").problem("a client has either an API key or a password; keep apiKeyAuth or this")
    tokens = compile_tokens(item, spec.jwt, services) if spec.jwt is not None else None
    policy = Policy(
        name=f"{item.namespace}/{item.name}",
        keys=keys,
        tokens=tokens,
        ext_auth=compile_ext_auth(item, spec.ext_auth, services) if spec.ext_auth is not None else None,
        cors=compile_cors(spec.cors, place.field("cors")) if spec.cors is not None else None,
        authorization=compile_authorization(item, keys, tokens) if spec.authorization is not None else None,
    )
    parts = (spec.api_key_auth, spec.basic_auth, spec.jwt, spec.ext_auth, spec.cors, spec.authorization)
    if all(part is None for part in parts):
        place.problem("must have apiKeyAuth, basicAuth, jwt, extAuth, authorization or cors: it would keep nobody out")
    return policy


def _check_annotations(item: Item[SecurityPolicy]) -> None:
    for name in item.resource.metadata.annotations or {}:
        if name.startswith(PREFIX) and name != CLIENT_CLAIM:
            place = item.place.field("metadata.annotations").field(name)
            place.problem(f"unknown annotation{suggestion(name, [CLIENT_CLAIM], cutoff=0.8)}")


def _check_filters(access: Attached[Policy], catalog: Catalog, places: Mapping[str, Place]) -> None:
    """Refuse filters of Envoy that are not the same for all routes."""
    policies = [access.of(item.key) for item in catalog.all(AIGatewayRoute)]
    for field, value in _FILTERS:
        values = {None if policy is None else value(policy) for policy in policies}
        if len(values) < 2:
            continue
        gateways = value(access.gateway) if access.gateway is not None else None
        if catalog.independent and gateways is not None:
            # One route's author must not close all the others'.
            for name in {policy.name for policy in access.routes.values() if value(policy) != gateways}:
                places[name].field(field).refuse(
                    "Envoy does this before the model and its route are known: it must be as in the Gateway's policy"
                )
            continue
        for name in {policy.name for policy in policies if policy is not None and value(policy) is not None}:
            places[name].field(field).refuse(
                "Envoy does this before the model and its route are known: attach this policy to the Gateway"
                " and to no route, or to every route"
            )


def _warn_of_replaced(access: Attached[Policy], places: Mapping[str, Place]) -> None:
    """Name the policies of routes that open what the gateway's closes: that is how Envoy Gateway replaces them."""
    if access.gateway is None or access.gateway.open:
        return
    for policy in dict.fromkeys(access.routes.values()):
        if policy.open:
            places[policy.name].warn(
                f"replaces '{access.gateway.name}' of the Gateway, so everyone may use its routes;"
                " write the authentication into this policy too"
            )
