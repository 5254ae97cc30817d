"""AIGatewayRoute, AIServiceBackend and BackendSecurityPolicy, field by field.

The format is Envoy AI Gateway's (https://aigateway.envoyproxy.io/docs/api/), so that its users' files work unchanged;
`config.resources.infrastructure` has the other kinds. A field that is missing here is an error in a user's file.
`Discarded` fields are accepted silently, `unused` ones are reported as having no effect.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from aigw_extproc.config.costs import CostType
from aigw_extproc.config.resources.decode import Discarded, refused, unused

AI_GATEWAY: Final = "aigateway.envoyproxy.io"

Name = Annotated[str, msgspec.Meta(min_length=1)]
_Count = Annotated[int, msgspec.Meta(ge=0)]
_MAX_MUTATIONS = msgspec.Meta(max_length=16)  # the limit of the format's CRDs

Unsupported = Annotated[Discarded, unused("not supported yet, so it has no effect")]
NotEnforced = Annotated[Discarded, refused("not supported yet, so it would not be enforced; remove it")]
OtherSystem = Annotated[Discarded, unused("a setting of another system, without effect here")]
_Metadata = Annotated[
    Discarded, refused("not supported: Envoy sends no metadata to the processor; use fromRequestHeaders")
]


class ResourcePart(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of all parts of a resource: immutable, with fields in camel case."""


class ResourceMetadata(ResourcePart, frozen=True, kw_only=True):
    """`metadata` of a resource; `creationTimestamp` is used in the list of models."""

    name: Name
    namespace: Name = "default"
    creation_timestamp: str | None = None
    annotations: dict[str, Any] | None = None
    deletion_grace_period_seconds: Discarded = None
    deletion_timestamp: Discarded = None
    finalizers: Discarded = None
    generate_name: Discarded = None
    generation: Discarded = None
    labels: Discarded = None
    managed_fields: Discarded = None
    owner_references: Discarded = None
    resource_version: Discarded = None
    self_link: Discarded = None
    uid: Discarded = None


class Resource(ResourcePart, frozen=True, kw_only=True):
    """Base of all resources."""

    api_version: str
    kind: str
    metadata: ResourceMetadata
    status: Discarded = None


class NamedValue(ResourcePart, frozen=True, kw_only=True):
    """A header of a mutation."""

    name: Name
    value: str


class HeaderMutationSpec(ResourcePart, frozen=True, kw_only=True):
    """`headerMutation`: headers to set and to remove."""

    set: Annotated[tuple[NamedValue, ...], _MAX_MUTATIONS] = ()
    remove: Annotated[tuple[Name, ...], _MAX_MUTATIONS] = ()


class BodyField(ResourcePart, frozen=True, kw_only=True):
    """A top-level field of a body mutation; `value` is JSON."""

    path: Name
    value: str


class BodyMutationSpec(ResourcePart, frozen=True, kw_only=True):
    """`bodyMutation`: top-level fields to set and to remove."""

    set: Annotated[tuple[BodyField, ...], _MAX_MUTATIONS] = ()
    remove: Annotated[tuple[Name, ...], _MAX_MUTATIONS] = ()


class HeaderMatchSpec(ResourcePart, frozen=True, kw_only=True):
    """One condition on a request header."""

    name: Name
    value: str
    type: Literal["Exact", "RegularExpression"] = "Exact"


class Match(ResourcePart, frozen=True, kw_only=True):
    """A conjunction of header conditions."""

    headers: tuple[HeaderMatchSpec, ...] = ()


class RouteBackendRef(ResourcePart, frozen=True, kw_only=True):
    """One destination of a rule."""

    name: Name
    namespace: str | None = None
    group: str | None = None
    kind: str | None = None
    model_name_override: str | None = None
    weight: _Count = 1
    priority: _Count = 0
    header_mutation: HeaderMutationSpec = HeaderMutationSpec()
    body_mutation: BodyMutationSpec = BodyMutationSpec()


class RouteTimeouts(ResourcePart, frozen=True, kw_only=True):
    """`timeouts` of a rule: limits of the whole request, and of each attempt."""

    request: str | None = None
    backend_request: str | None = None


class RouteRule(ResourcePart, frozen=True, kw_only=True):
    """One rule of a route."""

    name: str | None = None
    matches: tuple[Match, ...] = ()
    backend_refs: tuple[RouteBackendRef, ...] = ()
    models_owned_by: str = "Envoy AI Gateway"
    models_created_at: str | None = None
    timeouts: RouteTimeouts = RouteTimeouts()
    stream_idle_timeout: str | None = None


class RequestCostSpec(ResourcePart, frozen=True, kw_only=True):
    """A cost of a request: a count of tokens, or an expression of them, for Envoy's metadata."""

    metadata_key: Name
    type: CostType
    cel: str | None = None


RequestCostSpecs = Annotated[tuple[RequestCostSpec, ...], msgspec.Meta(max_length=36)]  # the limit of the CRDs


class RouteSpec(ResourcePart, frozen=True, kw_only=True):
    """`spec` of AIGatewayRoute."""

    rules: tuple[RouteRule, ...]
    hostnames: tuple[Name, ...] = ()
    parent_refs: Discarded = None
    target_refs: Discarded = None
    llm_request_costs: RequestCostSpecs = ()
    rate_limits_from_headers: NotEnforced = None
    filter_config: OtherSystem = None
    schema: OtherSystem = None  # the clients' API in v1alpha1, always OpenAI


class AIGatewayRoute(Resource, frozen=True, kw_only=True):
    """Rules that assign models to backends."""

    spec: RouteSpec


class ApiSchema(ResourcePart, frozen=True, kw_only=True):
    """`schema` of a backend: its API."""

    name: Literal[
        "AWSBedrock",
        "AWSAnthropic",
        "OpenAI",
        "Anthropic",
        "AzureOpenAI",
        "Cohere",
        "GCPVertexAI",
        "GCPAnthropic",
    ]
    version: str = ""
    prefix: str = ""


class ObjectRef(ResourcePart, frozen=True, kw_only=True):
    """A reference to a resource by name; the field that holds it decides what may be omitted."""

    name: Name
    namespace: str | None = None
    group: str | None = None
    kind: str | None = None
    section_name: str | None = None
    port: Discarded = None


class ServiceBackendSpec(ResourcePart, frozen=True, kw_only=True):
    """`spec` of AIServiceBackend."""

    schema: ApiSchema
    backend_ref: ObjectRef
    header_mutation: HeaderMutationSpec = HeaderMutationSpec()
    body_mutation: BodyMutationSpec = BodyMutationSpec()
    response_body_mutation: Unsupported = None
    timeouts: Unsupported = None
    backend_security_policy_ref: ObjectRef | None = None


class AIServiceBackend(Resource, frozen=True, kw_only=True):
    """A backend and its API."""

    spec: ServiceBackendSpec


class CredentialsFile(ResourcePart, frozen=True, kw_only=True):
    """An AWS credentials file in a Secret."""

    secret_ref: ObjectRef
    profile: str = "default"


class OidcProvider(ResourcePart, frozen=True, kw_only=True):
    """The issuer of tokens."""

    issuer: Name
    token_endpoint: str | None = None
    authorization_endpoint: OtherSystem = None
    end_session_endpoint: OtherSystem = None
    backend_ref: Unsupported = None
    backend_refs: Unsupported = None
    backend_settings: Unsupported = None


class Oidc(ResourcePart, frozen=True, kw_only=True):
    """`oidc`: a client of an OpenID provider. Settings of browser logins do not apply to client credentials."""

    provider: OidcProvider
    client_id: Name = msgspec.field(name="clientID")
    client_secret: ObjectRef
    scopes: tuple[Name, ...] = ()
    client_id_ref: Unsupported = msgspec.field(default=None, name="clientIDRef")
    resources: Unsupported = None
    cookie_names: OtherSystem = None
    cookie_config: OtherSystem = None
    cookie_domain: OtherSystem = None
    default_refresh_token_ttl: OtherSystem = msgspec.field(default=None, name="defaultRefreshTokenTTL")
    default_token_ttl: OtherSystem = msgspec.field(default=None, name="defaultTokenTTL")
    deny_redirect: OtherSystem = None
    forward_access_token: OtherSystem = None
    logout_path: OtherSystem = None
    pass_through_auth_header: OtherSystem = None
    redirect_url: OtherSystem = msgspec.field(default=None, name="redirectURL")
    refresh_token: OtherSystem = None


class OidcExchangeToken(ResourcePart, frozen=True, kw_only=True):
    """`oidcExchangeToken`: a provider's token in exchange for a role's credentials."""

    oidc: Oidc
    aws_role_arn: Name
    aud: str | None = None
    grant_type: Literal["client_credentials"] = "client_credentials"


class AwsCredentials(ResourcePart, frozen=True, kw_only=True):
    """`awsCredentials`: the region and the source of credentials."""

    region: Name
    credentials_file: CredentialsFile | None = None
    oidc_exchange_token: OidcExchangeToken | None = None


class ApiKey(ResourcePart, frozen=True, kw_only=True):
    """`apiKey`: a key in a Secret."""

    secret_ref: ObjectRef


class RequestHeaderCredentials(ResourcePart, frozen=True, kw_only=True):
    """`fromRequestHeaders`: for AWS, `header` is the prefix of three headers."""

    header: Name = "x-aigw-aws-"
    fallback_to_configured: bool = True


class CredentialOverride(ResourcePart, frozen=True, kw_only=True):
    """`credentialOverride`: where a request may have its own credentials."""

    from_request_headers: RequestHeaderCredentials | None = None
    from_dynamic_metadata: _Metadata = None


class SecurityPolicySpec(ResourcePart, frozen=True, kw_only=True):
    """`spec` of BackendSecurityPolicy."""

    type: Literal["AWSCredentials", "APIKey", "AnthropicAPIKey", "AzureAPIKey", "AzureCredentials", "GCPCredentials"]
    target_refs: tuple[ObjectRef, ...] = ()
    aws_credentials: AwsCredentials | None = None
    api_key: ApiKey | None = None
    anthropic_api_key: Discarded = msgspec.field(default=None, name="anthropicAPIKey")
    azure_api_key: Discarded = msgspec.field(default=None, name="azureAPIKey")
    azure_credentials: Discarded = None
    gcp_credentials: Discarded = None
    credential_override: CredentialOverride | None = None


class BackendSecurityPolicy(Resource, frozen=True, kw_only=True):
    """The credentials that sign requests to a backend."""

    spec: SecurityPolicySpec
