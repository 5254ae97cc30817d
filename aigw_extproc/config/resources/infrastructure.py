"""The kinds around a route, field by field: where to connect, with which TLS and secrets, and how clients connect.

* Backend, ClientTrafficPolicy: https://gateway.envoyproxy.io/docs/api/extension_types/
* Gateway, BackendTLSPolicy: https://gateway-api.sigs.k8s.io/reference/spec/
* Secret, ConfigMap: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from aigw_extproc.config.resources.ai_gateway import Name, NotYet, ObjectRef, OtherSystem, Part, Resource
from aigw_extproc.config.resources.decode import Ambient, Secret, refused, unused

ENVOY_GATEWAY: Final = "gateway.envoyproxy.io"
GATEWAY_API: Final = "gateway.networking.k8s.io"

_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_Elsewhere = Annotated[Ambient, unused("the listener is set by the command line (--host, --port)")]
_Unix = Annotated[Ambient, refused("unix sockets are not supported yet; use fqdn or ip")]
_BackendTls = Annotated[
    Ambient, refused("not supported yet; attach a BackendTLSPolicy, or requests would go out in clear")
]
_AltNames = Annotated[Ambient, refused("not supported yet; the hostname is what is verified")]


class FqdnEndpoint(Part, frozen=True, kw_only=True):
    """An endpoint by DNS name."""

    hostname: Name
    port: _Port


class IpEndpoint(Part, frozen=True, kw_only=True):
    """An endpoint by address."""

    address: Name
    port: _Port


class Endpoint(Part, frozen=True, kw_only=True):
    """One endpoint; exactly one of `fqdn`, `ip`, `unix`."""

    hostname: str | None = None
    fqdn: FqdnEndpoint | None = None
    ip: IpEndpoint | None = None
    unix: _Unix = None
    zone: NotYet = None


class BackendSpec(Part, frozen=True, kw_only=True):
    """`spec` of Backend."""

    type: Literal["Endpoints", "DynamicResolver"] = "Endpoints"
    endpoints: tuple[Endpoint, ...] = ()
    tls: _BackendTls = None
    app_protocols: NotYet = None
    fallback: Annotated[Ambient, unused("the `priority` of a rule's backendRefs decides")] = None


class Backend(Resource, frozen=True, kw_only=True):
    """Where Envoy connects."""

    spec: BackendSpec


class TlsValidation(Part, frozen=True, kw_only=True):
    """Whom to trust."""

    hostname: Name
    well_known_ca_certificates: Literal["System", ""] = msgspec.field(default="", name="wellKnownCACertificates")
    ca_certificate_refs: tuple[ObjectRef, ...] = ()
    subject_alt_names: _AltNames = None


class TlsPolicySpec(Part, frozen=True, kw_only=True):
    """`spec` of BackendTLSPolicy, v1alpha3 and later."""

    target_refs: tuple[ObjectRef, ...]
    validation: TlsValidation
    options: NotYet = None


class BackendTLSPolicy(Resource, frozen=True, kw_only=True):
    """TLS to a Backend."""

    spec: TlsPolicySpec


class TlsValidationAlpha2(Part, frozen=True, kw_only=True):
    """Whom to trust, as v1alpha2 wrote it."""

    hostname: Name
    well_known_ca_certs: Literal["System", ""] = msgspec.field(default="", name="wellKnownCACerts")
    ca_cert_refs: tuple[ObjectRef, ...] = ()


class TlsPolicySpecAlpha2(Part, frozen=True, kw_only=True):
    """`spec` of BackendTLSPolicy, v1alpha2: one target."""

    target_ref: ObjectRef
    tls: TlsValidationAlpha2


class BackendTLSPolicyAlpha2(Resource, frozen=True, kw_only=True):
    """TLS to a Backend, as v1alpha2 wrote it."""

    spec: TlsPolicySpecAlpha2


class SecretResource(Resource, frozen=True, kw_only=True):
    """A Secret: `data` is base64, `stringData` is text and wins."""

    data: Annotated[dict[str, str], Secret] = msgspec.field(default_factory=dict)
    string_data: Annotated[dict[str, str], Secret] = msgspec.field(default_factory=dict)
    type: str = "Opaque"
    immutable: Ambient = None

    def __repr__(self) -> str:
        return f"Secret {self.metadata.namespace}/{self.metadata.name}"


class MountedSecret(SecretResource, frozen=True, kw_only=True):
    """A Secret that is mounted as a folder, a file for each key."""


class ConfigMap(Resource, frozen=True, kw_only=True):
    """A ConfigMap: trusted certificates may stand in one."""

    data: dict[str, str] = msgspec.field(default_factory=dict)
    binary_data: Ambient = None
    immutable: Ambient = None


class ClientConnection(Part, frozen=True, kw_only=True):
    """`connection` of ClientTrafficPolicy."""

    buffer_limit: int | str | None = None
    connection_limit: NotYet = None
    max_accept_per_socket_event: NotYet = None
    socket_buffer_limit: NotYet = None


class ClientTrafficPolicySpec(Part, frozen=True, kw_only=True):
    """`spec` of ClientTrafficPolicy."""

    connection: ClientConnection = ClientConnection()
    target_ref: Ambient = None
    target_refs: Ambient = None
    target_selectors: Ambient = None
    client_ip_detection: NotYet = msgspec.field(default=None, name="clientIPDetection")
    enable_proxy_protocol: NotYet = None
    grpc: NotYet = None
    headers: NotYet = None
    health_check: NotYet = None
    http1: NotYet = None
    http2: NotYet = None
    http3: NotYet = None
    path: NotYet = None
    proxy_protocol: NotYet = None
    scheme: NotYet = None
    tcp_keepalive: NotYet = None
    timeout: NotYet = None
    tls: NotYet = None


class ClientTrafficPolicy(Resource, frozen=True, kw_only=True):
    """How clients connect; of its settings the size of a body matters here."""

    spec: ClientTrafficPolicySpec


class GatewaySpec(Part, frozen=True, kw_only=True):
    """`spec` of Gateway."""

    gateway_class_name: Ambient = None
    listeners: _Elsewhere = None
    addresses: _Elsewhere = None
    allowed_listeners: _Elsewhere = None
    infrastructure: OtherSystem = None
    backend_tls: NotYet = msgspec.field(default=None, name="backendTLS")
    default_scope: Ambient = None
    tls: NotYet = None


class Gateway(Resource, frozen=True, kw_only=True):
    """The gateway itself: everything about it is set on the command line."""

    spec: GatewaySpec
