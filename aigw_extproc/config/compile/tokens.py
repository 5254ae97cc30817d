"""Compilation of `jwt` of SecurityPolicies: the issuers of tokens, which Envoy verifies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from aigw_extproc.config.compile.asked_services import AskedServices, at_uri, only_ref
from aigw_extproc.config.compile.clients import identity_header
from aigw_extproc.config.compile.mutations import check_unique
from aigw_extproc.config.compile.secret_values import configmap_value
from aigw_extproc.config.compile.settings import PREFIX
from aigw_extproc.config.policies import RemoteKeys, TokenPlace, TokenProvider, Tokens
from aigw_extproc.config.resources.catalog import Item
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.infrastructure import ConfigMap
from aigw_extproc.config.resources.names import duration, is_header_name
from aigw_extproc.config.resources.security import Jwt, JwtProvider, LocalJwks, RemoteJwks, SecurityPolicy, TokenPlaces

CLIENT_CLAIM: Final = f"{PREFIX}client-claim"
"""The annotation of a policy with the name of the claim that is the client's id; the default is `sub`."""
_CACHE_SECONDS: Final = 300.0  # Envoy Gateway's default
_KEYS: Final = "jwks"  # the key of a ConfigMap with a JSON Web Key Set

# Envoy's default, and x-api-key for the SDKs that send it.
_DEFAULT_PLACES: Final = (
    TokenPlace(header="authorization", prefix="Bearer "),
    TokenPlace(header="x-api-key"),
    TokenPlace(param="access_token"),
)


def compile_tokens(item: Item[SecurityPolicy], jwt: Jwt, services: AskedServices) -> Tokens:
    """Return the clients that are known by a token."""
    place = item.place.field("spec.jwt.providers")
    if not jwt.providers:
        place.problem("must have at least one provider")
    check_unique((provider.name for provider in jwt.providers), place, "name")
    providers = [_provider(item, one, place.item(n), services) for n, one in enumerate(jwt.providers)]
    claim = (item.resource.metadata.annotations or {}).get(CLIENT_CLAIM, "sub")
    if not isinstance(claim, str) or not claim.strip("."):
        item.place.field("metadata.annotations").field(CLIENT_CLAIM).problem("must be the name of a claim, such as sub")
    return Tokens(
        providers=tuple(provider for provider in providers if provider is not None),
        optional=jwt.optional,
        client_claim=str(claim),
    )


def _provider(
    item: Item[SecurityPolicy], spec: JwtProvider, place: Place, services: AskedServices
) -> TokenProvider | None:
    keys = _keys(item, spec, place, services)
    places = tuple(_places(spec.extract_from, place.field("extractFrom"))) or _DEFAULT_PLACES
    claims = [
        (identity_header(claim.header, place.field("claimToHeaders").item(n).field("header")) or "", claim.claim)
        for n, claim in enumerate(spec.claim_to_headers)
    ]
    if keys is None:
        return None
    return TokenProvider(
        name=spec.name,
        key=f"{item.namespace}/{item.name}/{spec.name}/{_digest(spec, keys, places)}",
        issuer=spec.issuer,
        audiences=spec.audiences,
        keys=keys,
        places=places,
        claim_headers=tuple(claims),
    )


def _digest(spec: JwtProvider, keys: RemoteKeys | str, places: tuple[TokenPlace, ...]) -> str:
    """Return a digest of everything that decides which tokens are valid."""
    source: list[Any] = [keys]
    if isinstance(keys, RemoteKeys):
        tls = keys.upstream.tls
        source = [keys.uri, *map(str, keys.upstream.addresses), [tls.server_name, tls.ca_pem] if tls else None]
    where = [[place.header, place.prefix, place.param, place.cookie] for place in places]
    return sha256(json.dumps([spec.issuer, spec.audiences, source, where]).encode()).hexdigest()[:16]


def _keys(
    item: Item[SecurityPolicy], spec: JwtProvider, place: Place, services: AskedServices
) -> RemoteKeys | str | None:
    match spec.remote_jwks, spec.local_jwks:
        case RemoteJwks() as remote, None:
            return _remote(item, remote, place.field("remoteJWKS"), services)
        case None, LocalJwks() as local:
            return _local(item, local, place.field("localJWKS"), services)
        case _:
            place.problem("must have exactly one of remoteJWKS and localJWKS")
            return None


def _remote(item: Item[SecurityPolicy], spec: RemoteJwks, place: Place, services: AskedServices) -> RemoteKeys | None:
    upstream = at_uri(spec.uri, place.field("uri"))
    if spec.backend_refs and upstream is not None:
        where = place.field("backendRefs")
        ref = only_ref(spec.backend_refs, where)
        upstream = services.named(ref, item.namespace, where.item(0)) if ref is not None else None
    seconds = _CACHE_SECONDS if spec.cache_duration is None else duration(spec.cache_duration)
    if not seconds:
        place.field("cacheDuration").problem(f"must be a duration such as 300s, got {place.show(spec.cache_duration)}")
    if upstream is None or not seconds:
        return None
    retry = spec.backend_settings.retry if spec.backend_settings is not None else None
    retries = retry.num_retries if retry is not None else 0
    return RemoteKeys(uri=spec.uri, upstream=upstream, cache_seconds=seconds, retries=retries)


def _local(item: Item[SecurityPolicy], spec: LocalJwks, place: Place, services: AskedServices) -> str | None:
    text, where = spec.inline, place.field("inline")
    if spec.type == "ValueRef":
        where = place.field("valueRef")
        if spec.value_ref is None:
            where.problem("required for the type ValueRef")
            return None
        configmap = services.catalog.find(ConfigMap, (item.namespace, spec.value_ref.name), where.field("name"))
        if configmap is None:
            return None
        data = configmap.resource.data
        text = configmap_value(configmap, _KEYS if _KEYS in data or not data else next(iter(data)))
    if text is None or not _is_key_set(text):
        where.problem("must be a JSON Web Key Set: a JSON object with the list `keys`")
        return None
    return text


def _is_key_set(text: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and isinstance(value.get("keys"), list) and bool(value["keys"])


def _places(spec: TokenPlaces | None, place: Place) -> Iterator[TokenPlace]:
    if spec is None:
        return
    for index, header in enumerate(spec.headers):
        if not is_header_name(header.name):
            place.field("headers").item(index).field("name").problem(
                f"{place.show(header.name)} is not a valid header name"
            )
        yield TokenPlace(header=header.name.lower(), prefix=header.value_prefix)
    yield from (TokenPlace(param=name) for name in spec.params)
    yield from (TokenPlace(cookie=name) for name in spec.cookies)
