"""Compilation of `authorization` of SecurityPolicies: which of the known clients may come in."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from aigw_extproc.config.policies import (
    CLIENT_HEADER,
    ApiKeys,
    Authorization,
    AuthorizationRule,
    ClaimMatch,
    Policy,
    TokenMatch,
    Tokens,
)
from aigw_extproc.config.resources import security
from aigw_extproc.config.resources.catalog import Item
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.security import SecurityPolicy


def compile_authorization(item: Item[SecurityPolicy], keys: ApiKeys | None, tokens: Tokens | None) -> Authorization:
    """Return the rules of a policy, for the clients that it knows by keys and tokens."""
    spec, place = item.resource.spec.authorization or security.Authorization(), item.place.field("spec.authorization")
    policy = Policy(name="", keys=keys, tokens=tokens)
    rules = [_rule(rule, policy, place.field("rules").item(index)) for index, rule in enumerate(spec.rules)]
    return Authorization(rules=tuple(rules), allow=spec.default_action == "Allow")


def _rule(spec: security.AuthorizationRule, policy: Policy, place: Place) -> AuthorizationRule:
    principal, where = spec.principal, place.field("principal")
    if not principal.headers and not principal.client_cidrs and principal.jwt is None:
        where.problem("must have headers, clientCIDRs or jwt")
    return AuthorizationRule(
        allow=spec.action == "Allow",
        headers=tuple(
            _header(header, policy, where.field("headers").item(n)) for n, header in enumerate(principal.headers)
        ),
        networks=tuple(_networks(principal.client_cidrs, where.field("clientCIDRs"))),
        token=_token(principal.jwt, policy.tokens, where.field("jwt")) if principal.jwt is not None else None,
    )


def _header(spec: security.PrincipalHeader, policy: Policy, place: Place) -> tuple[str, frozenset[str]]:
    name = spec.name.lower()
    if policy.keys is None and policy.tokens is None:
        place.problem("without apiKeyAuth, basicAuth or jwt any client could send this header")
    elif name not in policy.client_headers | policy.claim_headers:
        known = sorted((policy.client_headers | policy.claim_headers) - {CLIENT_HEADER})
        expected = " or ".join((*known, CLIENT_HEADER))
        place.field("name").problem(f"must be {expected}, which the gateway sets itself, got {place.show(spec.name)}")
    return name, frozenset(spec.values)


def _networks(cidrs: tuple[str, ...], place: Place) -> list[IPv4Network | IPv6Network]:
    networks = []
    for index, text in enumerate(cidrs):
        try:
            networks.append(ip_network(text, strict=False))
        except ValueError:
            place.item(index).problem(f"must be a network such as 10.0.0.0/8, got {place.show(text)}")
    return networks


def _token(spec: security.JwtPrincipal, tokens: Tokens | None, place: Place) -> TokenMatch:
    if tokens is None or spec.provider not in {provider.name for provider in tokens.providers}:
        place.field("provider").problem(f"must be a provider of this policy's jwt, got {place.show(spec.provider)}")
    if not spec.scopes and not spec.claims:
        place.problem("must have scopes or claims")
    claims = [
        ClaimMatch(name=claim.name, values=frozenset(claim.values), listed=claim.value_type == "StringArray")
        for claim in spec.claims
    ]
    return TokenMatch(provider=spec.provider, scopes=spec.scopes, claims=tuple(claims))
