"""TLS of gRPC's own server, which uses replaced files from the next connection on.

https://grpc.github.io/grpc/python/grpc.html#grpc.dynamic_ssl_server_credentials
"""

from __future__ import annotations

import grpc

from aigw_extproc.extproc.tls import CertificateFiles, ServerTls


def server_credentials(tls: ServerTls) -> grpc.ServerCredentials:
    """Return the credentials of a gRPC port. Files that become unusable are logged, and change nothing.

    Raises:
        OSError: a file cannot be read, or has the wrong content.
    """
    files = CertificateFiles(tls)
    return grpc.dynamic_ssl_server_credentials(
        _configuration(files),
        # gRPC calls it at every handshake, from its own threads; None keeps the configuration.
        lambda: _configuration(files) if files.changed() else None,  # type: ignore[arg-type,return-value] # the stubs do not know None
        require_client_authentication=tls.client_ca is not None,
    )


def _configuration(files: CertificateFiles) -> grpc.ServerCertificateConfiguration:
    certificate, key, client_ca = files.contents
    return grpc.ssl_server_certificate_configuration([(key, certificate)], client_ca)
