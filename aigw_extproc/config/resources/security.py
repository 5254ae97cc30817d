"""SecurityPolicy, field by field: who may come in.

https://gateway.envoyproxy.io/docs/api/extension_types/#securitypolicy
What is not served is refused: without it, a request would come in that the file keeps out.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from aigw_extproc.config.resources.ai_gateway import Name, ObjectRef, Resource, ResourcePart
from aigw_extproc.config.resources.decode import Discarded, refused, unused

_Refused = Annotated[
    Discarded, refused("not supported: without it, more requests would be accepted than this file allows")
]
_Login = Annotated[
    Discarded,
    refused("not supported: it is a login for browsers, and API clients cannot follow its redirects; use jwt"),
]
_Csrf = Annotated[
    Discarded,
    refused("not needed and not supported: cookies admit nobody here, unless extractFrom names them; remove it"),
]
_Merging = Annotated[
    Discarded, refused("not supported: a route's policy replaces the gateway's; write both into the route's")
]
_ClientCertificate = Annotated[
    Discarded, refused("not supported: client certificates are not verified here; use jwt or apiKeyAuth")
]
_Location = Annotated[Discarded, refused("not supported: there is no database of locations here; use clientCIDRs")]
_Operation = Annotated[Discarded, refused("not supported: a client may use a route or not")]
_Selected = Annotated[Discarded, refused("not supported: there are no labels here; name the targets in targetRefs")]
_Recomputed = Annotated[Discarded, unused("a route is always chosen after the client is known")]
_NotServed = Annotated[Discarded, refused("not supported; remove it")]


class ExtractFrom(ResourcePart, frozen=True, kw_only=True):
    """Where keys are in a request; exactly one of the three."""

    headers: tuple[Name, ...] = ()
    params: tuple[Name, ...] = ()
    cookies: tuple[Name, ...] = ()


class ApiKeyAuth(ResourcePart, frozen=True, kw_only=True):
    """`apiKeyAuth`: Secrets whose entries are client id and key."""

    credential_refs: tuple[ObjectRef, ...]
    extract_from: tuple[ExtractFrom, ...] = ()
    forward_client_id_header: Name | None = msgspec.field(default=None, name="forwardClientIDHeader")
    sanitize: bool = True


class BasicAuth(ResourcePart, frozen=True, kw_only=True):
    """`basicAuth`: a Secret with users in the format of htpasswd."""

    users: ObjectRef
    forward_username_header: Name | None = None


class ServiceRef(ResourcePart, frozen=True, kw_only=True):
    """A reference to a Backend, or to a Service of Kubernetes and its port."""

    name: Name
    namespace: str | None = None
    group: str | None = None
    kind: str | None = None
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    weight: Annotated[Discarded, unused("there is one reference")] = None


class Retry(ResourcePart, frozen=True, kw_only=True):
    """`backendSettings.retry`: how often a fetch of keys is tried again."""

    num_retries: Annotated[int, msgspec.Meta(ge=0)] = 2
    per_retry: Annotated[Discarded, unused("the interval between attempts grows by itself")] = None
    retry_on: Annotated[Discarded, unused("every failed fetch is tried again")] = None


class ServiceSettings(ResourcePart, frozen=True, kw_only=True):
    """`backendSettings`: the connection to a service; only retries have an effect."""

    retry: Retry | None = None
    circuit_breaker: Annotated[Discarded, unused("the limits are those of this program")] = None
    connection: Annotated[Discarded, unused("the limits are those of this program")] = None
    dns: Annotated[Discarded, unused("names are resolved as those of upstreams")] = None
    health_check: Annotated[Discarded, unused("services have no health checks here")] = None
    http2: Annotated[Discarded, unused("the limits are those of this program")] = None
    load_balancer: Annotated[Discarded, unused("requests are distributed evenly")] = None
    proxy_protocol: Annotated[Discarded, refused("not supported; remove it")] = None
    tcp_keepalive: Annotated[Discarded, unused("connections are probed already")] = None
    timeout: Annotated[Discarded, unused("the timeout is 10 seconds")] = None


class RemoteJwks(ResourcePart, frozen=True, kw_only=True):
    """`remoteJWKS`: keys that Envoy fetches."""

    uri: Name
    cache_duration: str | None = None
    backend_ref: Annotated[Discarded, refused("write it as backendRefs")] = None
    backend_refs: tuple[ServiceRef, ...] = ()
    backend_settings: ServiceSettings | None = None


class LocalJwks(ResourcePart, frozen=True, kw_only=True):
    """`localJWKS`: keys in the file, or in a ConfigMap."""

    type: Literal["Inline", "ValueRef"] = "Inline"
    inline: str | None = None
    value_ref: ObjectRef | None = None


class ClaimToHeader(ResourcePart, frozen=True, kw_only=True):
    """A header with a claim."""

    header: Name
    claim: Name


class TokenHeader(ResourcePart, frozen=True, kw_only=True):
    """A header that may have a token."""

    name: Name
    value_prefix: str = ""


class TokenPlaces(ResourcePart, frozen=True, kw_only=True):
    """`extractFrom` of a provider: where tokens are."""

    headers: tuple[TokenHeader, ...] = ()
    cookies: tuple[Name, ...] = ()
    params: tuple[Name, ...] = ()


class JwtProvider(ResourcePart, frozen=True, kw_only=True):
    """An issuer of tokens."""

    name: Name
    issuer: str = ""
    audiences: tuple[Name, ...] = ()
    remote_jwks: RemoteJwks | None = msgspec.field(default=None, name="remoteJWKS")
    local_jwks: LocalJwks | None = msgspec.field(default=None, name="localJWKS")
    claim_to_headers: tuple[ClaimToHeader, ...] = ()
    recompute_route: _Recomputed = None
    extract_from: TokenPlaces | None = None


class Jwt(ResourcePart, frozen=True, kw_only=True):
    """`jwt`: tokens of one of these providers."""

    optional: bool = False
    providers: tuple[JwtProvider, ...]


class PrincipalHeader(ResourcePart, frozen=True, kw_only=True):
    """A header that the gateway sets by who the client is, and values of it."""

    name: Name
    values: tuple[Name, ...]


class JwtClaim(ResourcePart, frozen=True, kw_only=True):
    """A claim, and the values of which one must be there."""

    name: Name
    value_type: Literal["String", "StringArray"] = "String"
    values: tuple[Name, ...]


class JwtPrincipal(ResourcePart, frozen=True, kw_only=True):
    """`principal.jwt`: scopes and claims of a token."""

    provider: Name
    scopes: tuple[Name, ...] = ()
    claims: tuple[JwtClaim, ...] = ()


class Principal(ResourcePart, frozen=True, kw_only=True):
    """`principal`: the clients that a rule is for."""

    headers: tuple[PrincipalHeader, ...] = ()
    client_cidrs: tuple[Name, ...] = msgspec.field(default=(), name="clientCIDRs")
    jwt: JwtPrincipal | None = None
    client_cert: _ClientCertificate = None
    client_ip_geo_locations: _Location = msgspec.field(default=None, name="clientIPGeoLocations")
    source_cidrs: Annotated[Discarded, refused("not supported; use clientCIDRs")] = msgspec.field(
        default=None, name="sourceCIDRs"
    )


class AuthorizationRule(ResourcePart, frozen=True, kw_only=True):
    """One rule; the first that is for a client decides."""

    name: str | None = None
    action: Literal["Allow", "Deny"]
    principal: Principal
    operation: _Operation = None


class Authorization(ResourcePart, frozen=True, kw_only=True):
    """`authorization`: which of the known clients may come in."""

    rules: tuple[AuthorizationRule, ...] = ()
    default_action: Literal["Allow", "Deny"] = "Deny"


class GrpcExtAuth(ResourcePart, frozen=True, kw_only=True):
    """`grpc`: a service of Envoy's protocol for authorization."""

    backend_ref: ServiceRef | None = None
    backend_refs: tuple[ServiceRef, ...] = ()
    backend_settings: ServiceSettings | None = None


class HttpExtAuth(ResourcePart, frozen=True, kw_only=True):
    """`http`: a service that answers 200 if a request may come in."""

    backend_ref: ServiceRef | None = None
    backend_refs: tuple[ServiceRef, ...] = ()
    backend_settings: ServiceSettings | None = None
    path: str = ""
    headers_to_backend: tuple[Name, ...] = ()
    headers_to_client_on_success: tuple[Name, ...] = ()


class BodyToExtAuth(ResourcePart, frozen=True, kw_only=True):
    """`bodyToExtAuth`: how much of the body the service gets."""

    max_request_bytes: Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)]


class ExtAuth(ResourcePart, frozen=True, kw_only=True):
    """`extAuth`: a service that decides about each request."""

    grpc: GrpcExtAuth | None = None
    http: HttpExtAuth | None = None
    headers_to_ext_auth: tuple[Name, ...] = ()
    body_to_ext_auth: BodyToExtAuth | None = None
    fail_open: bool = False
    recompute_route: _Recomputed = None
    timeout: str | None = None
    context_extensions: _NotServed = None
    status_on_error: _NotServed = None


class Cors(ResourcePart, frozen=True, kw_only=True):
    """`cors`: which pages of other sites may use the gateway."""

    allow_origins: tuple[Name, ...] = ()
    allow_methods: tuple[Name, ...] = ()
    allow_headers: tuple[Name, ...] = ()
    expose_headers: tuple[Name, ...] = ()
    max_age: str | None = None
    allow_credentials: bool = False


class SecurityPolicySpec(ResourcePart, frozen=True, kw_only=True):
    """`spec` of SecurityPolicy."""

    target_ref: ObjectRef | None = None
    target_refs: tuple[ObjectRef, ...] = ()
    api_key_auth: ApiKeyAuth | None = msgspec.field(default=None, name="apiKeyAuth")
    target_selectors: _Selected = None
    merge_type: _Merging = None
    authentication: _Refused = None
    authorization: Authorization | None = None
    basic_auth: BasicAuth | None = None
    cors: Cors | None = None
    csrf: _Csrf = None
    ext_auth: ExtAuth | None = None
    jwt: Jwt | None = None
    oidc: _Login = None


class SecurityPolicy(Resource, frozen=True, kw_only=True):
    """Who may use a gateway, or a route."""

    spec: SecurityPolicySpec
