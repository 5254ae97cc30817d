"""TLS of gRPC's own server, which uses replaced files from the next connection on.

https://grpc.github.io/grpc/python/grpc.html#grpc.dynamic_ssl_server_credentials
"""

from __future__ import annotations

import logging

import grpc

from aigw_extproc.extproc.tls import ServerTls

log = logging.getLogger(__name__)

_Contents = tuple[bytes, bytes, bytes | None]


def server_credentials(tls: ServerTls) -> grpc.ServerCredentials:
    """Return the credentials of a gRPC port. Files that become unusable are logged, and change nothing.

    Raises:
        OSError: a file cannot be read, or has the wrong content.
    """
    files = _CertificateFiles(tls)
    return grpc.dynamic_ssl_server_credentials(
        files.configuration(),
        files,  # type: ignore[arg-type] # the stubs do not know that None keeps the configuration
        require_client_authentication=tls.client_ca is not None,
    )


class _CertificateFiles:
    """The files of a certificate. gRPC calls it at every handshake, from its own threads."""

    def __init__(self, tls: ServerTls) -> None:
        self._tls = tls
        tls.validate()
        self._contents = self._seen = _read(tls)

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        certificate, key, client_ca = self._contents
        return grpc.ssl_server_certificate_configuration([(key, certificate)], client_ca)

    def __call__(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the new configuration, or None to keep the current one."""
        try:
            contents = _read(self._tls)
            if contents == self._seen:
                return None
            self._seen = contents
            self._tls.validate()
        except OSError as error:
            log.error("kept the previous certificate: %s", error)
            return None
        self._contents = contents
        log.info("loaded a new certificate: %s", self._tls.certificate)
        return self.configuration()


def _read(tls: ServerTls) -> _Contents:
    client_ca = tls.client_ca.read_bytes() if tls.client_ca else None
    return tls.certificate.read_bytes(), tls.key.read_bytes(), client_ca
