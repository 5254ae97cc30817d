"""Envoy's filters about clients, which run before the processor: CORS, authorization services, tokens.

Envoy has one route for all requests, and the rule of a request is known only when its body is read. So these filters
refuse no token: they verify it, write its claims into dynamic metadata, and the processor decides.

* https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/jwt_authn_filter
* https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ext_authz_filter
* https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/cors_filter
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any as AnyValue

from envoy_data_plane.envoy.config.common.mutation_rules import v3 as mutation_rules
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.filters.http.cors import v3 as cors
from envoy_data_plane.envoy.extensions.filters.http.ext_authz import v3 as ext_authz
from envoy_data_plane.envoy.extensions.filters.http.filter_chain import v3 as filter_chain
from envoy_data_plane.envoy.extensions.filters.http.header_mutation import v3 as header_mutation
from envoy_data_plane.envoy.extensions.filters.http.jwt_authn import v3 as jwt
from envoy_data_plane.envoy.extensions.filters.http.set_metadata import v3 as set_metadata
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.type import v3 as type_v3
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any, Empty, Struct

from aigw_extproc.callers import FAULT_SUFFIX
from aigw_extproc.config.policies import Cors, ExtAuth, RemoteKeys, TokenPlace, TokenProvider
from aigw_extproc.config.snapshot import Snapshot
from aigw_extproc.exchange.names import ADDRESS_HEADER, ADDRESS_MARK, ASKED_NAMESPACE

CORS_FILTER = "envoy.filters.http.cors"
CLIENTS_FILTER = "aigw clients"
"""The filter whose chain is in the route: other routes do not use it, and a change of it closes no connection."""
KEYS_TIMEOUT = timedelta(seconds=5)
"""For a fetch of the keys of tokens; requests wait for the first one."""


def client_filters(snapshot: Snapshot, *, changing: bool) -> list[hcm.HttpFilter]:
    """Return the filters that do what `per_route` says: all of them if that is `changing`, or those with work to do."""
    needed = per_route(snapshot)
    filters = {CORS_FILTER: Any.pack(cors.Cors()), CLIENTS_FILTER: Any.pack(filter_chain.FilterChainConfig())}
    return [
        hcm.HttpFilter(name=name, typed_config=config) for name, config in filters.items() if changing or name in needed
    ]


def per_route(snapshot: Snapshot) -> dict[str, Any]:
    """Return what the filters do on a route or virtual host, by the policies of a snapshot."""
    config = {CORS_FILTER: Any.pack(_cors_policy(snapshot.cors))} if snapshot.cors is not None else {}
    filters = _chain(snapshot)
    if filters:
        chain = filter_chain.FilterChainConfigPerRoute(filter_chain=filter_chain.FilterChain(filters=filters))
        config[CLIENTS_FILTER] = Any.pack(chain)
    return config


def _chain(snapshot: Snapshot) -> list[core.TypedExtensionConfig]:
    filters = []
    if snapshot.ext_auths:
        # While a configuration is replaced there are two: the processor uses the older one for another second.
        filters += [_ext_authz(snapshot.ext_auths[-1]), _noted(*(service.key for service in snapshot.ext_auths))]
    if snapshot.token_providers:
        filters.append(_jwt_authn(snapshot.token_providers))
    if snapshot.by_address:
        filters += [_address(), _noted(ADDRESS_MARK)]
    return filters


def _jwt_authn(providers: tuple[TokenProvider, ...]) -> core.TypedExtensionConfig:
    """Return the filter that verifies tokens of all providers, wherever they are, and refuses none."""
    places = [(key, provider, place) for provider in providers for key, place in provider.by_place]
    anything = jwt.JwtRequirement(allow_missing_or_failed=Empty())
    each = [
        jwt.JwtRequirement(
            requires_any=jwt.JwtRequirementOrList(requirements=[jwt.JwtRequirement(provider_name=key), anything])
        )
        for key, _, _ in places
    ]
    # A list of one is an error of Envoy.
    every = each[0] if len(each) == 1 else jwt.JwtRequirement(requires_all=jwt.JwtRequirementAndList(requirements=each))
    config = jwt.JwtAuthentication(
        providers={key: _provider(key, provider, place) for key, provider, place in places},
        rules=[jwt.RequirementRule(match=route.RouteMatch(prefix="/"), requires=every)],
    )
    return core.TypedExtensionConfig(name="envoy.filters.http.jwt_authn", typed_config=Any.pack(config))


def _provider(key: str, provider: TokenProvider, place: TokenPlace) -> jwt.JwtProvider:
    local = provider.keys if isinstance(provider.keys, str) else None
    return jwt.JwtProvider(
        issuer=provider.issuer,
        audiences=list(provider.audiences),
        forward=True,  # the processor removes it, and other policies may need the same header
        from_headers=[jwt.JwtHeader(name=place.header, value_prefix=place.prefix)] if place.header else [],
        from_params=[place.param] if place.param else [],
        from_cookies=[place.cookie] if place.cookie else [],
        payload_in_metadata=key,
        failed_status_in_metadata=f"{key}{FAULT_SUFFIX}",
        local_jwks=core.DataSource(inline_string=local) if local is not None else None,
        remote_jwks=_remote(provider.keys) if isinstance(provider.keys, RemoteKeys) else None,
    )


def _remote(keys: RemoteKeys) -> jwt.RemoteJwks:
    return jwt.RemoteJwks(
        http_uri=core.HttpUri(uri=keys.uri, cluster=keys.upstream.cluster, timeout=KEYS_TIMEOUT),
        cache_duration=timedelta(seconds=keys.cache_seconds),
        retry_policy=core.RetryPolicy(num_retries=keys.retries) if keys.retries else None,
    )


def _ext_authz(service: ExtAuth) -> core.TypedExtensionConfig:
    timeout = timedelta(seconds=service.timeout_seconds)
    config = ext_authz.ExtAuthz(
        transport_api_version=core.ApiVersion.V3,
        failure_mode_allow=service.fail_open,
        # Not a 403: a client that repeats the request may be let in.
        status_on_error=type_v3.HttpStatus(code=type_v3.StatusCode.ServiceUnavailable),
        allowed_headers=_names(service.headers),
        with_request_body=ext_authz.BufferSettings(max_request_bytes=service.body_bytes)
        if service.body_bytes
        else None,
    )
    if service.grpc:
        envoy_grpc = core.GrpcServiceEnvoyGrpc(cluster_name=service.upstream.cluster)
        config.grpc_service = core.GrpcService(envoy_grpc=envoy_grpc, timeout=timeout)
    else:
        config.http_service = _http_service(service, timeout)
    return core.TypedExtensionConfig(name="envoy.filters.http.ext_authz", typed_config=Any.pack(config))


def _http_service(service: ExtAuth, timeout: timedelta) -> ext_authz.HttpService:
    scheme = "https" if service.upstream.tls else "http"
    uri = core.HttpUri(uri=f"{scheme}://{service.upstream.host}", cluster=service.upstream.cluster, timeout=timeout)
    return ext_authz.HttpService(
        server_uri=uri,
        path_prefix=service.path,
        authorization_response=ext_authz.AuthorizationResponse(
            # Metadata, not headers: a client cannot set it.
            dynamic_metadata_from_headers=_names(service.to_upstream),
            allowed_client_headers_on_success=_names(service.to_client),
        ),
    )


def _address() -> core.TypedExtensionConfig:
    """Return a filter that sets the client's address in a header, whatever the client has sent there."""
    header = core.HeaderValue(key=ADDRESS_HEADER, value="%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")
    overwrite = core.HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD
    change = mutation_rules.HeaderMutation(append=core.HeaderValueOption(header=header, append_action=overwrite))
    config = header_mutation.HeaderMutation(mutations=header_mutation.Mutations(request_mutations=[change]))
    return core.TypedExtensionConfig(name="envoy.filters.http.header_mutation", typed_config=Any.pack(config))


def _noted(*names: str) -> core.TypedExtensionConfig:
    """Return a filter that notes for the processor that Envoy gets here, and so that the filter before has run."""
    fields: dict[str, AnyValue] = dict.fromkeys(names, True)
    note = set_metadata.Metadata(
        metadata_namespace=ASKED_NAMESPACE, value=Struct.from_dict(fields), allow_overwrite=True
    )
    config = set_metadata.Config(metadata=[note])
    return core.TypedExtensionConfig(name=f"noted {', '.join(names)}", typed_config=Any.pack(config))


def _names(names: tuple[str, ...]) -> matcher.ListStringMatcher | None:
    if not names:
        return None
    return matcher.ListStringMatcher(patterns=[matcher.StringMatcher(exact=name, ignore_case=True) for name in names])


def _cors_policy(policy: Cors) -> cors.CorsPolicy:
    return cors.CorsPolicy(
        allow_origin_string_match=[_origin(origin) for origin in policy.origins],
        allow_methods=", ".join(policy.methods),
        allow_headers=", ".join(policy.headers),
        expose_headers=", ".join(policy.expose_headers),
        max_age="" if policy.max_age_seconds is None else str(policy.max_age_seconds),
        allow_credentials=True if policy.credentials else None,
    )


def _origin(origin: str) -> matcher.StringMatcher:
    """Return the matcher of an origin, in which `*` stands for one part of a host, or for the port."""
    if "*" not in origin:
        return matcher.StringMatcher(exact=origin)
    pattern = ".*" if origin == "*" else re.escape(origin).replace(r"\*", "[^/]*")
    return matcher.StringMatcher(safe_regex=matcher.RegexMatcher(regex=pattern))
