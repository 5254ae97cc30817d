"""TLS to upstreams: who they must be, and whose word is taken for it."""

from __future__ import annotations

from pathlib import Path

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.transport_sockets.tls import v3 as tls
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.snapshot import Tls
from aigw_extproc.envoy.addresses import is_ip
from aigw_extproc.envoy.authorities import find_ca_file


def upstream_tls(policy: Tls, ca_file: Path | None) -> core.TransportSocket:
    """The transport socket of a cluster that is reached over TLS.

    https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/tls.proto
    """
    context = tls.UpstreamTlsContext(
        # RFC 6066 §3: an IP address is not a server name.
        sni="" if is_ip(policy.server_name) else policy.server_name,
        common_tls_context=tls.CommonTlsContext(
            alpn_protocols=["http/1.1"],
            tls_params=tls.TlsParameters(tls_minimum_protocol_version=tls.TlsParametersTlsProtocol.TLSv1_2),
            validation_context=_validation(policy, ca_file),
        ),
    )
    return core.TransportSocket(name="envoy.transport_sockets.tls", typed_config=Any.pack(context))


def _validation(policy: Tls, ca_file: Path | None) -> tls.CertificateValidationContext:
    return tls.CertificateValidationContext(
        trusted_ca=_trusted(policy, ca_file),
        match_typed_subject_alt_names=[
            tls.SubjectAltNameMatcher(
                san_type=_san_type(policy.server_name),
                matcher=matcher.StringMatcher(exact=policy.server_name),
            )
        ],
    )


def _trusted(policy: Tls, ca_file: Path | None) -> core.DataSource:
    if policy.ca_pem is not None:
        return core.DataSource(inline_string=policy.ca_pem)
    return core.DataSource(filename=str(ca_file or find_ca_file()))


def _san_type(server_name: str) -> tls.SubjectAltNameMatcherSanType:
    kinds = tls.SubjectAltNameMatcherSanType
    return kinds.IP_ADDRESS if is_ip(server_name) else kinds.DNS
