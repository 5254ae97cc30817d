"""TLS to upstreams and to the processor: their names, and trusted authorities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.transport_sockets.tls import v3 as tls
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.resources.names import is_ip
from aigw_extproc.config.snapshot import Tls
from aigw_extproc.envoy.authorities import find_ca_file
from aigw_extproc.envoy.options import ProcessorTls


def upstream_tls(policy: Tls, ca_file: Path | None, *, alpn: str = "http/1.1") -> core.TransportSocket:
    """Return the transport socket of an upstream's cluster."""
    return _socket(policy.server_name, alpn=alpn, trusted=_trusted(policy, ca_file))


def processor_tls(policy: ProcessorTls) -> core.TransportSocket:
    """Return the transport socket of the processor's cluster, with Envoy's client certificate if it has one."""
    client = []
    if policy.certificate and policy.key:
        client.append(tls.TlsCertificate(certificate_chain=_file(policy.certificate), private_key=_file(policy.key)))
    return _socket(policy.name, alpn="h2", trusted=_file(policy.ca), client=client)


def _socket(
    name: str, *, alpn: str, trusted: core.DataSource, client: Sequence[tls.TlsCertificate] = ()
) -> core.TransportSocket:
    """Return a TLS context in a transport socket.

    https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/tls.proto
    """
    kinds = tls.SubjectAltNameMatcherSanType
    expected = tls.SubjectAltNameMatcher(
        san_type=kinds.IP_ADDRESS if is_ip(name) else kinds.DNS, matcher=matcher.StringMatcher(exact=name)
    )
    context = tls.UpstreamTlsContext(
        # RFC 6066 §3: an IP address is not a server name.
        sni="" if is_ip(name) else name,
        common_tls_context=tls.CommonTlsContext(
            alpn_protocols=[alpn],
            tls_params=tls.TlsParameters(tls_minimum_protocol_version=tls.TlsParametersTlsProtocol.TLSv1_2),
            tls_certificates=list(client),
            validation_context=tls.CertificateValidationContext(
                trusted_ca=trusted, match_typed_subject_alt_names=[expected]
            ),
        ),
    )
    return core.TransportSocket(name="envoy.transport_sockets.tls", typed_config=Any.pack(context))


def _file(path: Path) -> core.DataSource:
    return core.DataSource(filename=str(path))


def _trusted(policy: Tls, ca_file: Path | None) -> core.DataSource:
    if policy.ca_pem is not None:
        return core.DataSource(inline_string=policy.ca_pem)
    return _file(ca_file or find_ca_file())
