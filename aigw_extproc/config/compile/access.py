"""Compilation of SecurityPolicies: who may use each route.

A policy of a route replaces the gateway's for the rules of that route, as in Envoy Gateway:
https://gateway.envoyproxy.io/docs/concepts/gateway_api_extensions/security-policy/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from aigw_extproc.config.compile.secret_values import key_place, secret_value
from aigw_extproc.config.resources.ai_gateway import AI_GATEWAY, AIGatewayRoute, ObjectRef
from aigw_extproc.config.resources.catalog import Catalog, Item, Key
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.infrastructure import GATEWAY_API, Gateway, SecretResource
from aigw_extproc.config.resources.names import is_header_name
from aigw_extproc.config.resources.security import ApiKeyAuth, Authorization, ExtractFrom, Principal, SecurityPolicy
from aigw_extproc.config.snapshot import MAX_KEY_LENGTH, ApiKeys

DIGEST_PREFIX: Final = "sha256:"
"""Begins a value that is the digest of a key, in hexadecimal, instead of the key."""

# https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/: keys of `data`
CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,253}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_KEY: Final = re.compile(rf"[\x21-\x2b\x2d-\x7e]{{1,{MAX_KEY_LENGTH}}}")  # a comma separates repeated headers
_NO_KEYS: Final = frozenset(
    [
        "connection",
        "content-length",
        "content-type",
        "host",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "x-amzn-trace-id",
        "x-aigw-client",
        "x-forwarded-proto",
        "x-request-id",
    ]
)
"""Headers that have a meaning of their own on the way to the upstream, or are logged."""
_NO_IDENTITY: Final = _NO_KEYS | {"accept", "authorization", "cookie", "x-ai-eg-backend", "x-ai-eg-model", "x-api-key"}
_ROUTES: Final = ((GATEWAY_API, "HTTPRoute"), (AI_GATEWAY, "AIGatewayRoute"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The policy of each route that has one, and the gateway's for all others."""

    routes: Mapping[Key, ApiKeys]
    gateway: ApiKeys | None

    def of(self, route: Key) -> ApiKeys | None:
        """Return the clients that may use a route; None for everyone."""
        return self.routes.get(route, self.gateway)


def compile_access(catalog: Catalog) -> Access:
    """Return who may use each route, by the SecurityPolicies of the catalog."""
    attached: dict[Key | None, ApiKeys] = {}
    for item in catalog.all(SecurityPolicy):
        keys = _api_keys(item, catalog)
        for target, place in _targets(item, catalog):
            if target in attached:
                place.problem(f"SecurityPolicy '{attached[target].policy}' is already attached to it; keep one")
            elif keys is not None:
                attached[target] = keys
    gateway = attached.pop(None, None)
    return Access(routes={key: keys for key, keys in attached.items() if key is not None}, gateway=gateway)


def secret_clients(item: Item[SecretResource]) -> dict[bytes, str]:
    """Return the client ids in a Secret by the digests of their keys, and record what cannot be used."""
    clients: dict[bytes, str] = {}
    for name in sorted(item.resource.data | item.resource.string_data):
        place, digest = key_place(item, name), _digest(item, name)
        if CLIENT_ID.fullmatch(name) is None:
            place.problem("the client's id must be of letters, digits, '.', '_' and '-'")
        elif digest is not None and digest in clients:
            place.problem(f"has the same key as the client '{clients[digest]}'; each client needs its own")
        elif digest is not None:
            clients[digest] = name
    return clients


def _targets(item: Item[SecurityPolicy], catalog: Catalog) -> Iterator[tuple[Key | None, Place]]:
    """Yield the routes that the policy is attached to, None for the gateway."""
    spec, place = item.resource.spec, item.place.field("spec")
    refs = [(ref, place.field("targetRefs").item(index)) for index, ref in enumerate(spec.target_refs)]
    if spec.target_ref is not None:
        refs.append((spec.target_ref, place.field("targetRef")))
    if not refs:
        place.field("targetRefs").problem("must name a Gateway, HTTPRoute or AIGatewayRoute")
    for ref, where in refs:
        yield from _target(item, ref, where, catalog)


def _target(
    item: Item[SecurityPolicy], ref: ObjectRef, place: Place, catalog: Catalog
) -> Iterator[tuple[Key | None, Place]]:
    key, kind = (item.namespace, ref.name), (ref.group or GATEWAY_API, ref.kind)
    if ref.section_name is not None:
        place.field("sectionName").problem("not supported: a policy is for all rules of a route, or for all routes")
    elif ref.namespace not in (None, item.namespace):
        place.field("namespace").problem("a policy and its target must be in the same namespace")
    elif kind == (GATEWAY_API, "Gateway"):
        if catalog.find(Gateway, key, place.field("name")) is not None:
            yield None, place
    elif kind in _ROUTES or (ref.group, ref.kind) == (None, "AIGatewayRoute"):
        # An AIGatewayRoute is an HTTPRoute of the same name in Envoy AI Gateway.
        if catalog.find(AIGatewayRoute, key, place.field("name")) is not None:
            yield key, place
    else:
        place.field("kind").problem(f"must be Gateway, HTTPRoute or AIGatewayRoute, got {place.show(ref.kind)}")


def _api_keys(item: Item[SecurityPolicy], catalog: Catalog) -> ApiKeys | None:
    auth, place = item.resource.spec.api_key_auth, item.place.field("spec.apiKeyAuth")
    if auth is None:
        place.problem("required: a SecurityPolicy without it keeps nobody out")
        return None
    if not auth.sanitize:
        place.field("sanitize").ignore("API keys are always removed from requests to the upstream")
    clients = _clients(item, auth, catalog, place.field("credentialRefs"))
    forward_header = _forward_header(auth.forward_client_id_header, place.field("forwardClientIDHeader"))
    sources = [_extract_from(source, place.field("extractFrom").item(n)) for n, source in enumerate(auth.extract_from)]
    return ApiKeys(
        policy=f"{item.namespace}/{item.name}",
        clients=clients,
        denied=_denied(item, frozenset(clients.values()), forward_header),
        headers=_unique(name.lower() for source in sources for name in source.headers),
        params=_unique(name for source in sources for name in source.params),
        cookies=_unique(name for source in sources for name in source.cookies),
        forward_header=forward_header,
    )


def _denied(item: Item[SecurityPolicy], clients: frozenset[str], forward_header: str | None) -> frozenset[str]:
    """Return the clients that `authorization` keeps out."""
    authorization, place = item.resource.spec.authorization, item.place.field("spec.authorization.rules")
    if authorization is None:
        return frozenset()
    for index, rule in enumerate(authorization.rules):
        _check_principal(rule.principal, forward_header, place.item(index).field("principal.headers"))
    return frozenset(client for client in clients if _action(authorization, client) == "Deny")


def _action(authorization: Authorization, client: str) -> str:
    """Return the action of the first rule for a client, or the default."""
    for rule in authorization.rules:
        if any(client in header.values for header in rule.principal.headers):
            return rule.action
    return authorization.default_action


def _check_principal(principal: Principal, forward_header: str | None, place: Place) -> None:
    known = [name for name in (forward_header, "x-aigw-client") if name is not None]
    if len(principal.headers) != 1:
        place.problem("must have exactly one header, with the ids of clients as its values")
    for index, header in enumerate(principal.headers):
        if header.name.lower() not in known:
            where = place.item(index).field("name")
            where.problem(f"must be {' or '.join(known)}, which have the client's id, got {where.show(header.name)}")


def _clients(item: Item[SecurityPolicy], auth: ApiKeyAuth, catalog: Catalog, place: Place) -> dict[bytes, str]:
    if not auth.credential_refs:
        place.problem("must name at least one Secret")
    clients: dict[bytes, str] = {}
    for index, ref in enumerate(auth.credential_refs):
        where = place.item(index)
        if (ref.group or "", ref.kind or "Secret") != ("", "Secret"):
            where.field("kind").problem(f"must be Secret, got {where.show(ref.kind)}")
            continue
        secret = catalog.find(SecretResource, (ref.namespace or item.namespace, ref.name), where.field("name"))
        if secret is None:
            continue
        found = secret_clients(secret)
        if not secret.resource.data and not secret.resource.string_data:
            # Revoking the last key must not be an error, or that key would stay valid.
            where.field("name").warn(f"Secret '{secret.namespace}/{secret.name}' has no entry, so nobody can come in")
        _check_distinct(clients, found, where.field("name"))
        clients |= found
    return clients


def _check_distinct(known: Mapping[bytes, str], further: Mapping[bytes, str], place: Place) -> None:
    for digest, client in further.items():
        if digest in known:
            place.problem(f"the key of '{client}' is also that of '{known[digest]}' in another Secret of this policy")
        elif client in known.values():
            place.problem(f"the client '{client}' is in another Secret of this policy too; keep one")


def _digest(item: Item[SecretResource], name: str) -> bytes | None:
    value, place = secret_value(item, name), key_place(item, name)
    if value is None:
        return None
    value = value.strip()  # files of mounted Secrets often end with a line break
    if value.startswith(DIGEST_PREFIX):
        if _DIGEST.fullmatch(value.removeprefix(DIGEST_PREFIX)):
            return bytes.fromhex(value.removeprefix(DIGEST_PREFIX))
        place.problem(f"after {DIGEST_PREFIX} there must be 64 hexadecimal digits in lower case")
    elif not value:
        place.problem("the key is empty")
    elif _KEY.fullmatch(value) is None:
        place.problem(f"a key has 1 to {MAX_KEY_LENGTH} ASCII characters, without spaces and commas")
    else:
        return sha256(value.encode()).digest()
    return None


def _extract_from(source: ExtractFrom, place: Place) -> ExtractFrom:
    if sum(map(bool, (source.headers, source.params, source.cookies))) != 1:
        place.problem("must have exactly one of headers, params and cookies")
    for index, name in enumerate(source.headers):
        where = place.field("headers").item(index)
        if not is_header_name(name):
            where.problem(f"{where.show(name)} is not a valid header name")
        elif name.lower() in _NO_KEYS:
            where.problem(f"{where.show(name)} has another meaning, and may be logged or forwarded; use x-api-key")
    return source


def _forward_header(name: str | None, place: Place) -> str | None:
    if name is None:
        return None
    if not is_header_name(name):
        place.problem(f"{place.show(name)} is not a valid header name")
    elif name.lower() in _NO_IDENTITY - {"x-aigw-client"} or name.lower().startswith(("x-amz", "x-envoy-")):
        place.problem(f"{place.show(name)} has another meaning; use a name such as x-client-id")
    return name.lower()


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
