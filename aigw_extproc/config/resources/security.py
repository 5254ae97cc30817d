"""SecurityPolicy, field by field: who may come in.

https://gateway.envoyproxy.io/docs/api/extension_types/#securitypolicy
What is not served is refused: without it, a request would come in that the file keeps out.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from aigw_extproc.config.resources.ai_gateway import Name, ObjectRef, Resource, ResourcePart
from aigw_extproc.config.resources.decode import Discarded, refused

_Refused = Annotated[
    Discarded, refused("not supported yet: without it, more requests would be accepted than this file allows")
]
_Merging = Annotated[
    Discarded, refused("not supported: a route's policy replaces the gateway's; write both into the route's")
]
_Undecidable = Annotated[
    Discarded, refused("not supported: here a client is known by its API key only; use principal.headers")
]
_Selected = Annotated[Discarded, refused("not supported: there are no labels here; name the targets in targetRefs")]


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


class PrincipalHeader(ResourcePart, frozen=True, kw_only=True):
    """A header with the client's id, and ids of clients."""

    name: Name
    values: tuple[Name, ...]


class Principal(ResourcePart, frozen=True, kw_only=True):
    """`principal`: the clients that a rule is for."""

    headers: tuple[PrincipalHeader, ...] = ()
    client_cidrs: _Undecidable = msgspec.field(default=None, name="clientCIDRs")
    jwt: _Undecidable = None


class AuthorizationRule(ResourcePart, frozen=True, kw_only=True):
    """One rule; the first that is for a client decides."""

    name: str | None = None
    action: Literal["Allow", "Deny"]
    principal: Principal
    operation: Annotated[Discarded, refused("not supported: a client may use a route or not")] = None


class Authorization(ResourcePart, frozen=True, kw_only=True):
    """`authorization`: which of the clients with a key may come in."""

    rules: tuple[AuthorizationRule, ...] = ()
    default_action: Literal["Allow", "Deny"] = "Deny"


class SecurityPolicySpec(ResourcePart, frozen=True, kw_only=True):
    """`spec` of SecurityPolicy."""

    target_ref: ObjectRef | None = None
    target_refs: tuple[ObjectRef, ...] = ()
    api_key_auth: ApiKeyAuth | None = msgspec.field(default=None, name="apiKeyAuth")
    target_selectors: _Selected = None
    merge_type: _Merging = None
    authorization: Authorization | None = None
    basic_auth: _Refused = None
    cors: _Refused = None
    ext_auth: _Refused = None
    jwt: _Refused = None
    oidc: _Refused = None


class SecurityPolicy(Resource, frozen=True, kw_only=True):
    """Who may use a gateway, or a route."""

    spec: SecurityPolicySpec
