"""Backends, TLS policies, secrets, gateways and client policies, field by field.

* Backend, ClientTrafficPolicy: https://gateway.envoyproxy.io/docs/api/extension_types/
* Gateway, BackendTLSPolicy: https://gateway-api.sigs.k8s.io/reference/spec/
* Secret, ConfigMap: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from aigw_extproc.config.resources.ai_gateway import (
    Name,
    NotEnforced,
    ObjectRef,
    OtherSystem,
    RequestCostSpecs,
    Resource,
    ResourcePart,
    Unsupported,
)
from aigw_extproc.config.resources.decode import Discarded, refused, unused

ENVOY_GATEWAY: Final = "gateway.envoyproxy.io"
GATEWAY_API: Final = "gateway.networking.k8s.io"

_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_ListenerSetting = Annotated[Discarded, unused("the listener is set on the command line (--host, --port)")]
_Unix = Annotated[Discarded, refused("unix sockets are not supported yet; use fqdn or ip")]
_BackendTls = Annotated[
    Discarded, refused("not supported yet; attach a BackendTLSPolicy, or requests would be sent in plaintext")
]
_ClientCertificates = Annotated[
    Discarded, refused("client certificates are not verified here, so everyone would be let in; remove it")
]
_OtherAddress = Annotated[Discarded, refused("not supported; use xForwardedFor.numTrustedHops")]
_AltNames = Annotated[Discarded, refused("not supported yet; only `hostname` is verified")]


class FqdnEndpoint(ResourcePart, frozen=True, kw_only=True):
    """An endpoint by DNS name."""

    hostname: Name
    port: _Port


class IpEndpoint(ResourcePart, frozen=True, kw_only=True):
    """An endpoint by address."""

    address: Name
    port: _Port


class BackendEndpoint(ResourcePart, frozen=True, kw_only=True):
    """One endpoint; exactly one of `fqdn`, `ip`, `unix`."""

    hostname: str | None = None
    fqdn: FqdnEndpoint | None = None
    ip: IpEndpoint | None = None
    unix: _Unix = None
    zone: Unsupported = None


class BackendSpec(ResourcePart, frozen=True, kw_only=True):
    """`spec` of Backend."""

    type: Literal["Endpoints", "DynamicResolver"] = "Endpoints"
    endpoints: tuple[BackendEndpoint, ...] = ()
    tls: _BackendTls = None
    app_protocols: Unsupported = None
    fallback: Annotated[Discarded, unused("the `priority` of a rule's backendRefs decides")] = None


class BackendResource(Resource, frozen=True, kw_only=True):
    """Backend: where Envoy connects."""

    spec: BackendSpec


class TlsValidation(ResourcePart, frozen=True, kw_only=True):
    """`validation` of BackendTLSPolicy: the trusted certificates."""

    hostname: Name
    well_known_ca_certificates: Literal["System", ""] = msgspec.field(default="", name="wellKnownCACertificates")
    ca_certificate_refs: tuple[ObjectRef, ...] = ()
    subject_alt_names: _AltNames = None


class TlsPolicySpec(ResourcePart, frozen=True, kw_only=True):
    """`spec` of BackendTLSPolicy, v1alpha3 and later."""

    target_refs: tuple[ObjectRef, ...]
    validation: TlsValidation
    options: Unsupported = None


class BackendTLSPolicy(Resource, frozen=True, kw_only=True):
    """TLS to a Backend."""

    spec: TlsPolicySpec


class TlsValidationAlpha2(ResourcePart, frozen=True, kw_only=True):
    """`tls` of BackendTLSPolicy in v1alpha2: the trusted certificates."""

    hostname: Name
    well_known_ca_certificates: Literal["System", ""] = msgspec.field(default="", name="wellKnownCACerts")
    ca_certificate_refs: tuple[ObjectRef, ...] = msgspec.field(default=(), name="caCertRefs")


class TlsPolicySpecAlpha2(ResourcePart, frozen=True, kw_only=True):
    """`spec` of BackendTLSPolicy, v1alpha2: one target."""

    target_ref: ObjectRef
    tls: TlsValidationAlpha2


class BackendTLSPolicyAlpha2(Resource, frozen=True, kw_only=True):
    """TLS to a Backend, in v1alpha2."""

    spec: TlsPolicySpecAlpha2


class SecretResource(Resource, frozen=True, kw_only=True):
    """A Secret: `data` is base64, `stringData` is text and takes precedence."""

    data: dict[str, str] = msgspec.field(default_factory=dict)
    string_data: dict[str, str] = msgspec.field(default_factory=dict)
    type: str = "Opaque"
    immutable: Discarded = None

    def __repr__(self) -> str:
        return f"Secret {self.metadata.namespace}/{self.metadata.name}"


class MountedSecret(SecretResource, frozen=True, kw_only=True):
    """A Secret mounted as a folder with a file for each key."""


class ConfigMap(Resource, frozen=True, kw_only=True):
    """A ConfigMap, which may hold trusted certificates."""

    data: dict[str, str] = msgspec.field(default_factory=dict)
    binary_data: Discarded = None
    immutable: Discarded = None


class ClientConnection(ResourcePart, frozen=True, kw_only=True):
    """`connection` of ClientTrafficPolicy."""

    buffer_limit: int | str | None = None
    connection_limit: NotEnforced = None
    max_accept_per_socket_event: Unsupported = None
    socket_buffer_limit: Unsupported = None


class ClientTls(ResourcePart, frozen=True, kw_only=True):
    """`tls` of ClientTrafficPolicy; TLS to clients is configured at the listener."""

    client_validation: _ClientCertificates = None
    alpn_protocols: _ListenerSetting = None
    ciphers: _ListenerSetting = None
    ecdh_curves: _ListenerSetting = None
    fingerprints: _ListenerSetting = None
    max_version: _ListenerSetting = None
    min_version: _ListenerSetting = None
    session: _ListenerSetting = None
    signature_algorithms: _ListenerSetting = None


class XForwardedFor(ResourcePart, frozen=True, kw_only=True):
    """`xForwardedFor`: how many proxies in front of the gateway are trusted."""

    num_trusted_hops: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    trusted_cidrs: _OtherAddress = msgspec.field(default=None, name="trustedCIDRs")


class ClientIPDetection(ResourcePart, frozen=True, kw_only=True):
    """`clientIPDetection`: which address is the client's."""

    x_forwarded_for: XForwardedFor = XForwardedFor()
    custom_header: _OtherAddress = None
    direct_remote_address: Discarded = None


class ClientHeaders(ResourcePart, frozen=True, kw_only=True):
    """`headers` of ClientTrafficPolicy."""

    request_id: Literal["Generate", "PreserveOrGenerate"] = msgspec.field(default="Generate", name="requestID")
    preserve_x_request_id: bool = msgspec.field(default=False, name="preserveXRequestID")
    disable_rate_limit_headers: Unsupported = None
    early_request_headers: Unsupported = None
    enable_envoy_headers: Unsupported = None
    late_response_headers: Unsupported = None
    with_underscores_action: Unsupported = None
    x_forwarded_client_cert: Unsupported = None

    @property
    def trust_request_id(self) -> bool:
        """Whether a client's `x-request-id` is used as the request's."""
        return self.preserve_x_request_id or self.request_id == "PreserveOrGenerate"


class ClientTrafficPolicySpec(ResourcePart, frozen=True, kw_only=True):
    """`spec` of ClientTrafficPolicy."""

    connection: ClientConnection = ClientConnection()
    target_ref: Discarded = None
    target_refs: Discarded = None
    target_selectors: Discarded = None
    client_ip_detection: ClientIPDetection | None = msgspec.field(default=None, name="clientIPDetection")
    enable_proxy_protocol: Unsupported = None
    grpc: Unsupported = None
    headers: ClientHeaders | None = None
    health_check: Unsupported = None
    http1: Unsupported = None
    http2: Unsupported = None
    http3: Unsupported = None
    path: Unsupported = None
    proxy_protocol: Unsupported = None
    scheme: Unsupported = None
    tcp_keepalive: Unsupported = None
    timeout: Unsupported = None
    tls: ClientTls | None = None


class ClientTrafficPolicy(Resource, frozen=True, kw_only=True):
    """How clients connect."""

    spec: ClientTrafficPolicySpec


class GatewayTls(ResourcePart, frozen=True, kw_only=True):
    """`tls` of Gateway."""

    backend: Unsupported = None
    frontend: _ClientCertificates = None


class GatewaySpec(ResourcePart, frozen=True, kw_only=True):
    """`spec` of Gateway."""

    gateway_class_name: Discarded = None
    listeners: _ListenerSetting = None
    addresses: _ListenerSetting = None
    allowed_listeners: _ListenerSetting = None
    infrastructure: OtherSystem = None
    backend_tls: Unsupported = msgspec.field(default=None, name="backendTLS")
    default_scope: Discarded = None
    tls: GatewayTls | None = None


class Gateway(Resource, frozen=True, kw_only=True):
    """The gateway itself, which is configured on the command line."""

    spec: GatewaySpec


class GatewayConfigSpec(ResourcePart, frozen=True, kw_only=True):
    """`spec` of GatewayConfig."""

    ext_proc: OtherSystem = None
    forward_proxy: Annotated[Discarded, refused("not supported yet; requests would go to AWS directly")] = None
    global_llm_request_costs: RequestCostSpecs = msgspec.field(default=(), name="globalLLMRequestCosts")


class GatewayConfig(Resource, frozen=True, kw_only=True):
    """Settings of the reference's processor, of which only the costs are used."""

    spec: GatewayConfigSpec = GatewayConfigSpec()
