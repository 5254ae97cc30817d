"""Who sends a request, and whether a policy lets them in.

API keys and passwords are found in the request itself (`api_keys`). Tokens are verified by Envoy, which also knows the
client's address and whether an authorization service was asked: `Verified` has what it says. No client can set that,
and without it the policies that need it let nobody in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

import msgspec

from aigw_extproc.api_keys import KeyRing
from aigw_extproc.config.policies import (
    CLIENT_HEADER,
    AuthorizationRule,
    ClaimMatch,
    Policy,
    TokenMatch,
    TokenProvider,
)
from aigw_extproc.config.resources.names import is_header_value
from aigw_extproc.errors import FilterMissing, GatewayError, InvalidPassword, InvalidToken, Unauthenticated

MAX_CLAIM_LENGTH: Final = 256
"""Characters of a claim that becomes a header or the client's id; a longer one is taken for absent."""
FAULT_SUFFIX: Final = "!"
"""What follows a provider's key in Envoy's metadata where a token was not valid."""
_NOT_A_TOKEN: Final = 4  # status JwtBadFormat of Envoy's jwt_verify_lib: it may be an API key


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What Envoy says about a client."""

    tokens: Mapping[str, Any] = {}
    """The claims of valid tokens by the provider's key and place; with `FAULT_SUFFIX`, why a token is not valid."""
    asked: Mapping[str, Any] = {}
    """The keys of authorization services that let the request pass."""
    answered: Mapping[str, Any] = {}
    """Headers of the authorization service's answer."""
    address: str = ""
    """Where the client connects from; empty if that is not known."""


NOTHING: Final = Verified()


class Token(msgspec.Struct, frozen=True):
    """A valid token."""

    provider: TokenProvider
    claims: Mapping[str, Any]


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The sender of a request."""

    clients: Mapping[str, str] = {}
    """The client's id by the name of each policy that knows a key of the request."""
    tokens: Mapping[str, tuple[Token, ...]] = {}
    """The valid tokens by the name of each policy that accepts them."""
    faults: Mapping[str, str] = {}
    """Why a token is not valid, by the name of each policy that would accept one in that place."""
    ids: Mapping[str, str] = {}
    """The client's id, by its key or its token, by the name of each policy that knows it."""
    client: str = ""
    """The client's id; empty if it is unknown, or differs between policies."""
    presented: str = ""
    """What there was that could be valid: a `key`, a `password`, or nothing."""
    verified: Verified = NOTHING

    @property
    def owner(self) -> str:
        """The sender as the owner of stored responses, as a digest; empty for those that are not known.

        Ids of different policies are different clients.
        """
        known = sorted((policy, client) for policy, client in self.ids.items() if client)
        return sha256(repr(known).encode()).hexdigest() if known else ""


ANONYMOUS: Final = Caller()


class Callers:
    """The identification of callers by all policies of a snapshot."""

    __slots__ = ("_by_name", "_places", "_ring", "client_headers", "identity", "keyless", "policies")

    def __init__(self, policies: Iterable[Policy]) -> None:
        self.policies = policies = tuple(policies)
        self._by_name = {policy.name: policy for policy in policies}
        self._ring = KeyRing(policies) if any(policy.keys for policy in policies) else None
        self._places: dict[str, tuple[str, TokenProvider]] = {}
        for policy in policies:
            for provider in policy.tokens.providers if policy.tokens is not None else ():
                self._places.update({key: (policy.name, provider) for key, _ in provider.by_place})
        self.keyless = tuple(policy for policy in policies if policy.keys is None)
        """The policies that a request without any key could meet."""
        self.client_headers = frozenset({CLIENT_HEADER}).union(*(policy.client_headers for policy in policies))
        """The headers with the client's id."""
        self.identity = self.client_headers.union(*(policy.claim_headers for policy in policies))
        """Those, and the ones with claims of a token: a client's own are never used."""

    def identify(self, headers: Mapping[str, str], verified: Verified) -> Caller:
        """Return the sender of a request."""
        clients, presented = self._ring.identify(headers) if self._ring is not None else ({}, "")
        if not verified.tokens:
            client = _only(clients.values())
            return Caller(clients=clients, ids=clients, client=client, presented=presented, verified=verified)
        tokens, faults = self._tokens(verified.tokens)
        named = {name: _claimed_id(self._by_name[name], found) for name, found in tokens.items()}
        ids = named | dict(clients)
        return Caller(
            clients=clients,
            tokens=tokens,
            faults=faults,
            ids=ids,
            client=_only(ids.values()),
            presented=presented,
            verified=verified,
        )

    def _tokens(self, metadata: Mapping[str, Any]) -> tuple[dict[str, tuple[Token, ...]], dict[str, str]]:
        tokens: dict[str, tuple[Token, ...]] = {}
        faults: dict[str, str] = {}
        for key, value in metadata.items():
            place = self._places.get(key.removesuffix(FAULT_SUFFIX))
            if place is None:
                continue
            policy, provider = place
            if not key.endswith(FAULT_SUFFIX):
                tokens[policy] = (*tokens.get(policy, ()), Token(provider, value))
            elif value.get("code") != _NOT_A_TOKEN:
                faults[policy] = str(value.get("message", "not valid"))
        return tokens, faults


def client_of(policy: Policy, caller: Caller) -> str:
    """Return the client's id by a policy; empty if the policy does not know it."""
    return caller.clients.get(policy.name) or _claimed_id(policy, caller.tokens.get(policy.name, ()))


def authentication_fault(policy: Policy, caller: Caller) -> GatewayError | None:
    """Return why a policy does not know the caller; None if it does, or need not."""
    if policy.ext_auth is not None and policy.ext_auth.key not in caller.verified.asked:
        return FilterMissing()
    if policy.keys is not None and policy.name not in caller.clients:
        return _password_fault(caller) if policy.keys.basic else _key_fault(caller)
    if policy.tokens is not None and policy.name not in caller.tokens:
        fault = caller.faults.get(policy.name)
        if fault is not None or not policy.tokens.optional:
            return _token_fault(fault)
    return None


def is_authorized(policy: Policy, caller: Caller) -> bool:
    """Return whether a policy's `authorization` lets a caller in whom it knows."""
    authorization = policy.authorization
    if authorization is None:
        return True
    address = address_of(caller.verified) if authorization.by_address else None
    if authorization.by_address and address is None:
        return False  # a rule that denies could be for this address
    headers = identity_headers(policy, caller)
    tokens = caller.tokens.get(policy.name, ())
    for rule in authorization.rules:
        if _applies(rule, headers, tokens, address):
            return rule.allow
    return authorization.allow


def is_admitted(policy: Policy, caller: Caller) -> bool:
    """Return whether a policy lets a caller in."""
    return authentication_fault(policy, caller) is None and is_authorized(policy, caller)


def identity_headers(policy: Policy, caller: Caller) -> dict[str, str]:
    """Return the headers that say who the caller is, by one policy."""
    headers = dict(_claimed(caller.tokens.get(policy.name, ()))) | _answered(policy, caller)
    client = client_of(policy, caller)
    if client:
        headers[CLIENT_HEADER] = client
        if policy.keys is not None and policy.keys.forward_header is not None:
            headers[policy.keys.forward_header] = client
    return headers


def _key_fault(caller: Caller) -> Unauthenticated:
    if caller.presented:
        return Unauthenticated("the API key is not valid for this gateway")
    return Unauthenticated("an API key is required, as 'Authorization: Bearer KEY' or 'x-api-key: KEY'")


def _password_fault(caller: Caller) -> InvalidPassword:
    message = "a user name and password are required, as 'Authorization: Basic CREDENTIALS'"
    if caller.presented:
        message = "the user name or the password is not valid for this gateway"
    return InvalidPassword(message, challenge='Basic realm="gateway"')


def _token_fault(fault: str | None) -> InvalidToken:
    if fault is None:
        return InvalidToken("a token is required, as 'Authorization: Bearer TOKEN'")
    # https://www.rfc-editor.org/rfc/rfc6750#section-3.1
    return InvalidToken(f"the token is not valid: {fault}", challenge='Bearer error="invalid_token"')


def _applies(
    rule: AuthorizationRule,
    headers: Mapping[str, str],
    tokens: Iterable[Token],
    address: IPv4Address | IPv6Address | None,
) -> bool:
    if rule.networks and not any(address in network for network in rule.networks):
        return False
    if not all(headers.get(name) in values for name, values in rule.headers):
        return False
    return rule.token is None or any(_matches(rule.token, token) for token in tokens)


def _matches(wanted: TokenMatch, token: Token) -> bool:
    if token.provider.name != wanted.provider or not _scopes(token.claims).issuperset(wanted.scopes):
        return False
    return all(_has(token.claims, claim) for claim in wanted.claims)


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    # https://www.rfc-editor.org/rfc/rfc8693#section-4.2; some issuers send a list, or name it `scp`
    value = claims.get("scope", claims.get("scp", ""))
    return frozenset(value.split() if isinstance(value, str) else map(str, value) if isinstance(value, list) else ())


def _has(claims: Mapping[str, Any], wanted: ClaimMatch) -> bool:
    value = _claim(claims, wanted.name)
    if wanted.listed:
        return isinstance(value, list) and any(_text(each) in wanted.values for each in value)
    return _text(value) in wanted.values


def _claim(claims: Any, name: str) -> Any:
    """Return a claim; of nested ones the names are joined with dots, as in Envoy."""
    if not isinstance(claims, Mapping):
        return None
    if name in claims:
        return claims[name]
    outer, _, rest = name.partition(".")
    return _claim(claims.get(outer), rest) if rest else None


def _text(value: Any) -> str | None:
    """Return a claim of text, a number or a boolean as text. Numbers come as floats in Envoy's metadata."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return value if isinstance(value, str) else None


def _as_header(claims: Mapping[str, Any], name: str) -> str:
    text = _text(_claim(claims, name)) or ""
    return text if len(text) <= MAX_CLAIM_LENGTH and is_header_value(text) else ""


def _claimed_id(policy: Policy, tokens: Iterable[Token]) -> str:
    if policy.tokens is None:
        return ""
    name = policy.tokens.client_claim
    return next(filter(None, (_as_header(token.claims, name) for token in tokens)), "")


def _claimed(tokens: Iterable[Token]) -> Iterator[tuple[str, str]]:
    """Yield the headers with claims: those on which all tokens agree that could set them."""
    values: dict[str, set[str]] = {}
    for token in tokens:
        for header, claim in token.provider.claim_headers:
            values.setdefault(header, set()).add(_as_header(token.claims, claim))
    return ((header, only) for header, found in values.items() if (only := _only(found)))


def claimed_headers(policies: Iterable[Policy], caller: Caller) -> dict[str, str]:
    """Return the headers with claims by which rules are chosen, before it is known which policy decides."""
    headers = dict(_claimed(token for tokens in caller.tokens.values() for token in tokens))
    for policy in policies if caller.verified.answered else ():
        headers |= _answered(policy, caller)
    return headers


def _answered(policy: Policy, caller: Caller) -> dict[str, str]:
    """Return the headers that an authorization service has set."""
    names = policy.ext_auth.to_upstream if policy.ext_auth is not None else ()
    found = {name: _as_header(caller.verified.answered, name) for name in names}
    return {name: value for name, value in found.items() if value}


def _only(ids: Iterable[str]) -> str:
    """Return the only value; empty if there are several."""
    found = set(ids)
    return found.pop() if len(found) == 1 else ""


def address_of(verified: Verified) -> IPv4Address | IPv6Address | None:
    """Return the client's address; None if it is not known, or the client is on a unix socket."""
    try:
        address = ip_address(verified.address.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
