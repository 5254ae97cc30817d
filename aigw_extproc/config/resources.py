"""The resource kinds that have a meaning here, field by field, as users write them.

The formats are other projects' own, and are followed field by field so that a user's files work unchanged:

* AIGatewayRoute, AIServiceBackend, BackendSecurityPolicy: https://aigateway.envoyproxy.io/docs/api/
* Backend, ClientTrafficPolicy: https://gateway.envoyproxy.io/docs/api/extension_types/
* Gateway, BackendTLSPolicy: https://gateway-api.sigs.k8s.io/reference/spec/
* Secret, ConfigMap: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/

A field that is missing here is an error in a user's file. `Ambient` fields are accepted in silence, `unused` ones
are reported as having no effect.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from aigw_extproc.config.decode import Ambient, Secret, unused

AI_GATEWAY: Final = "aigateway.envoyproxy.io"
ENVOY_GATEWAY: Final = "gateway.envoyproxy.io"
GATEWAY_API: Final = "gateway.networking.k8s.io"

_Name = Annotated[str, msgspec.Meta(min_length=1)]
_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_Count = Annotated[int, msgspec.Meta(ge=0)]
_MAX_MUTATIONS = msgspec.Meta(max_length=16)  # the limit of the formats' own CRDs

_Elsewhere = Annotated[Ambient, unused("the listener is set by the command line (--host, --port)")]
_NotYet = Annotated[Ambient, unused("not supported yet, so it has no effect")]
_OtherSystem = Annotated[Ambient, unused("a setting of another system, without effect here")]


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class Metadata(_Part, frozen=True, kw_only=True):
    """`metadata` of every resource: only the names matter, and the time for the list of models."""

    name: _Name
    namespace: _Name = "default"
    creation_timestamp: str | None = None
    annotations: Ambient = None
    deletion_grace_period_seconds: Ambient = None
    deletion_timestamp: Ambient = None
    finalizers: Ambient = None
    generate_name: Ambient = None
    generation: Ambient = None
    labels: Ambient = None
    managed_fields: Ambient = None
    owner_references: Ambient = None
    resource_version: Ambient = None
    self_link: Ambient = None
    uid: Ambient = None


class Resource(_Part, frozen=True, kw_only=True):
    """What every resource begins with."""

    api_version: str
    kind: str
    metadata: Metadata
    status: Ambient = None


class NamedValue(_Part, frozen=True, kw_only=True):
    """A header of a mutation."""

    name: _Name
    value: str


class HeaderMutation(_Part, frozen=True, kw_only=True):
    """`headerMutation`: headers to set and to remove."""

    set: Annotated[tuple[NamedValue, ...], _MAX_MUTATIONS] = ()
    remove: Annotated[tuple[_Name, ...], _MAX_MUTATIONS] = ()


class BodyField(_Part, frozen=True, kw_only=True):
    """A top-level field of a body mutation; `value` is JSON."""

    path: _Name
    value: str


class BodyMutation(_Part, frozen=True, kw_only=True):
    """`bodyMutation`: top-level fields to set and to remove."""

    set: Annotated[tuple[BodyField, ...], _MAX_MUTATIONS] = ()
    remove: Annotated[tuple[_Name, ...], _MAX_MUTATIONS] = ()


class HeaderMatch(_Part, frozen=True, kw_only=True):
    """One condition on a request header."""

    name: _Name
    value: str
    type: Literal["Exact", "RegularExpression"] = "Exact"


class Match(_Part, frozen=True, kw_only=True):
    """A conjunction of header conditions."""

    headers: tuple[HeaderMatch, ...] = ()


class RouteBackendRef(_Part, frozen=True, kw_only=True):
    """One destination of a rule."""

    name: _Name
    namespace: str | None = None
    group: str | None = None
    kind: str | None = None
    model_name_override: str | None = None
    weight: _Count = 1
    priority: _Count = 0
    header_mutation: HeaderMutation = HeaderMutation()
    body_mutation: BodyMutation = BodyMutation()


class RouteRule(_Part, frozen=True, kw_only=True):
    """One rule of a route."""

    name: str | None = None
    matches: tuple[Match, ...] = ()
    backend_refs: tuple[RouteBackendRef, ...] = ()
    models_owned_by: str = "Envoy AI Gateway"
    models_created_at: str | None = None
    timeouts: _NotYet = None
    stream_idle_timeout: _NotYet = None


class RouteSpec(_Part, frozen=True, kw_only=True):
    """`spec` of AIGatewayRoute."""

    rules: tuple[RouteRule, ...]
    hostnames: tuple[_Name, ...] = ()
    parent_refs: Ambient = None
    target_refs: Ambient = None
    llm_request_costs: _NotYet = None
    rate_limits_from_headers: _NotYet = None
    filter_config: _OtherSystem = None
    schema: _OtherSystem = None  # v1alpha1 named the clients' API here; it was always OpenAI


class AIGatewayRoute(Resource, frozen=True, kw_only=True):
    """Which model goes to which backend."""

    spec: RouteSpec


class ApiSchema(_Part, frozen=True, kw_only=True):
    """`schema` of a backend: the API it speaks."""

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


class ObjectRef(_Part, frozen=True, kw_only=True):
    """A reference to a resource by name; what may be left out depends on where it stands."""

    name: _Name
    namespace: str | None = None
    group: str | None = None
    kind: str | None = None
    section_name: str | None = None
    port: Ambient = None


class ServiceBackendSpec(_Part, frozen=True, kw_only=True):
    """`spec` of AIServiceBackend."""

    schema: ApiSchema
    backend_ref: ObjectRef
    header_mutation: HeaderMutation = HeaderMutation()
    body_mutation: BodyMutation = BodyMutation()
    response_body_mutation: _NotYet = None
    timeouts: _NotYet = None
    backend_security_policy_ref: ObjectRef | None = None


class AIServiceBackend(Resource, frozen=True, kw_only=True):
    """A backend and the API that it speaks."""

    spec: ServiceBackendSpec


class CredentialsFile(_Part, frozen=True, kw_only=True):
    """An AWS credentials file in a Secret."""

    secret_ref: ObjectRef
    profile: str = "default"


class AwsCredentials(_Part, frozen=True, kw_only=True):
    """`awsCredentials`: the region, and where credentials come from."""

    region: _Name
    credentials_file: CredentialsFile | None = None
    oidc_exchange_token: Ambient = None


class SecurityPolicySpec(_Part, frozen=True, kw_only=True):
    """`spec` of BackendSecurityPolicy."""

    type: Literal["AWSCredentials", "APIKey", "AnthropicAPIKey", "AzureAPIKey", "AzureCredentials", "GCPCredentials"]
    target_refs: tuple[ObjectRef, ...] = ()
    aws_credentials: AwsCredentials | None = None
    api_key: Ambient = None
    anthropic_api_key: Ambient = msgspec.field(default=None, name="anthropicAPIKey")
    azure_api_key: Ambient = msgspec.field(default=None, name="azureAPIKey")
    azure_credentials: Ambient = None
    gcp_credentials: Ambient = None
    credential_override: Ambient = None


class BackendSecurityPolicy(Resource, frozen=True, kw_only=True):
    """With which credentials requests to a backend are signed."""

    spec: SecurityPolicySpec


class FqdnEndpoint(_Part, frozen=True, kw_only=True):
    """An endpoint by DNS name."""

    hostname: _Name
    port: _Port


class IpEndpoint(_Part, frozen=True, kw_only=True):
    """An endpoint by address."""

    address: _Name
    port: _Port


class Endpoint(_Part, frozen=True, kw_only=True):
    """One endpoint; exactly one of `fqdn`, `ip`, `unix`."""

    hostname: str | None = None
    fqdn: FqdnEndpoint | None = None
    ip: IpEndpoint | None = None
    unix: Ambient = None
    zone: _NotYet = None


class BackendSpec(_Part, frozen=True, kw_only=True):
    """`spec` of Backend."""

    type: Literal["Endpoints", "DynamicResolver"] = "Endpoints"
    endpoints: tuple[Endpoint, ...] = ()
    tls: Ambient = None
    app_protocols: _NotYet = None
    fallback: Annotated[Ambient, unused("the `priority` of a rule's backendRefs decides")] = None


class Backend(Resource, frozen=True, kw_only=True):
    """Where Envoy connects."""

    spec: BackendSpec


class TlsValidation(_Part, frozen=True, kw_only=True):
    """Whom to trust."""

    hostname: _Name
    well_known_ca_certificates: Literal["System", ""] = msgspec.field(default="", name="wellKnownCACertificates")
    ca_certificate_refs: tuple[ObjectRef, ...] = ()
    subject_alt_names: Ambient = None


class TlsPolicySpec(_Part, frozen=True, kw_only=True):
    """`spec` of BackendTLSPolicy, v1alpha3 and later."""

    target_refs: tuple[ObjectRef, ...]
    validation: TlsValidation
    options: _NotYet = None


class BackendTLSPolicy(Resource, frozen=True, kw_only=True):
    """TLS to a Backend."""

    spec: TlsPolicySpec


class TlsValidationAlpha2(_Part, frozen=True, kw_only=True):
    """Whom to trust, as v1alpha2 wrote it."""

    hostname: _Name
    well_known_ca_certs: Literal["System", ""] = msgspec.field(default="", name="wellKnownCACerts")
    ca_cert_refs: tuple[ObjectRef, ...] = ()


class TlsPolicySpecAlpha2(_Part, frozen=True, kw_only=True):
    """`spec` of BackendTLSPolicy, v1alpha2: one target."""

    target_ref: ObjectRef
    tls: TlsValidationAlpha2


class BackendTLSPolicyAlpha2(Resource, frozen=True, kw_only=True):
    """TLS to a Backend, as v1alpha2 wrote it."""

    spec: TlsPolicySpecAlpha2


class SecretResource(Resource, frozen=True, kw_only=True):
    """A Secret: `data` is base64, `stringData` is text and wins."""

    data: Annotated[dict[str, str], Secret] = {}
    string_data: Annotated[dict[str, str], Secret] = {}
    type: str = "Opaque"
    immutable: Ambient = None

    def __repr__(self) -> str:
        return f"Secret {self.metadata.namespace}/{self.metadata.name}"


class ConfigMap(Resource, frozen=True, kw_only=True):
    """A ConfigMap: trusted certificates may stand in one."""

    data: dict[str, str] = {}
    binary_data: Ambient = None
    immutable: Ambient = None


class ClientConnection(_Part, frozen=True, kw_only=True):
    """`connection` of ClientTrafficPolicy."""

    buffer_limit: int | str | None = None
    connection_limit: _NotYet = None
    max_accept_per_socket_event: _NotYet = None
    socket_buffer_limit: _NotYet = None


class ClientTrafficPolicySpec(_Part, frozen=True, kw_only=True):
    """`spec` of ClientTrafficPolicy."""

    connection: ClientConnection = ClientConnection()
    target_ref: Ambient = None
    target_refs: Ambient = None
    target_selectors: Ambient = None
    client_ip_detection: _NotYet = msgspec.field(default=None, name="clientIPDetection")
    enable_proxy_protocol: _NotYet = None
    grpc: _NotYet = None
    headers: _NotYet = None
    health_check: _NotYet = None
    http1: _NotYet = None
    http2: _NotYet = None
    http3: _NotYet = None
    path: _NotYet = None
    proxy_protocol: _NotYet = None
    scheme: _NotYet = None
    tcp_keepalive: _NotYet = None
    timeout: _NotYet = None
    tls: _NotYet = None


class ClientTrafficPolicy(Resource, frozen=True, kw_only=True):
    """How clients connect; of its settings the size of a body matters here."""

    spec: ClientTrafficPolicySpec


class GatewaySpec(_Part, frozen=True, kw_only=True):
    """`spec` of Gateway."""

    gateway_class_name: Ambient = None
    listeners: _Elsewhere = None
    addresses: _Elsewhere = None
    allowed_listeners: _Elsewhere = None
    infrastructure: _OtherSystem = None
    backend_tls: _NotYet = msgspec.field(default=None, name="backendTLS")
    default_scope: Ambient = None
    tls: _NotYet = None


class Gateway(Resource, frozen=True, kw_only=True):
    """The gateway itself: everything about it is set on the command line."""

    spec: GatewaySpec


KINDS: Final[dict[tuple[str, str], dict[str, type[Resource]]]] = {
    (AI_GATEWAY, "AIGatewayRoute"): {"v1beta1": AIGatewayRoute, "v1alpha1": AIGatewayRoute},
    (AI_GATEWAY, "AIServiceBackend"): {"v1beta1": AIServiceBackend, "v1alpha1": AIServiceBackend},
    (AI_GATEWAY, "BackendSecurityPolicy"): {"v1beta1": BackendSecurityPolicy, "v1alpha1": BackendSecurityPolicy},
    (ENVOY_GATEWAY, "Backend"): {"v1alpha1": Backend},
    (ENVOY_GATEWAY, "ClientTrafficPolicy"): {"v1alpha1": ClientTrafficPolicy},
    (GATEWAY_API, "BackendTLSPolicy"): {
        "v1": BackendTLSPolicy,
        "v1alpha3": BackendTLSPolicy,
        "v1alpha2": BackendTLSPolicyAlpha2,
    },
    (GATEWAY_API, "Gateway"): {"v1": Gateway, "v1beta1": Gateway},
    ("", "Secret"): {"v1": SecretResource},
    ("", "ConfigMap"): {"v1": ConfigMap},
}
"""(group, kind) → version → how it is written there."""
