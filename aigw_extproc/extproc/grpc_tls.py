"""TLS of gRPC's own server: replaced files are used from the next connection on.

https://grpc.github.io/grpc/python/grpc.html#grpc.dynamic_ssl_server_credentials
"""

from __future__ import annotations

import logging

import grpc

from aigw_extproc.extproc.tls import ServerTls

log = logging.getLogger(__name__)

_Contents = tuple[bytes, bytes, bytes | None]


def server_credentials(tls: ServerTls) -> grpc.ServerCredentials:
    """For a port of gRPC's. Files that become unusable change nothing, and are told in the log.

    Raises:
        OSError: a file cannot be read, or is not what it should be.
    """
    fetch = _Fetch(tls)
    return grpc.dynamic_ssl_server_credentials(
        fetch.configuration(),
        fetch,  # type: ignore[arg-type] # the stubs do not know that None keeps what there is
        require_client_authentication=tls.client_ca is not None,
    )


class _Fetch:
    """Asked by gRPC at every handshake, from threads of its own."""

    def __init__(self, tls: ServerTls) -> None:
        self._tls = tls
        tls.validate()
        self._contents = self._seen = _read(tls)

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        certificate, key, client_ca = self._contents
        return grpc.ssl_server_certificate_configuration([(key, certificate)], client_ca)

    def __call__(self) -> grpc.ServerCertificateConfiguration | None:
        """Another configuration; None to keep what there is."""
        try:
            contents = _read(self._tls)
            if contents == self._seen:
                return None
            self._seen = contents
            self._tls.validate()
        except OSError as error:
            log.error("the certificate stays what it was: %s", error)
            return None
        self._contents = contents
        log.info("another certificate: %s", self._tls.certificate)
        return self.configuration()


def _read(tls: ServerTls) -> _Contents:
    client_ca = tls.client_ca.read_bytes() if tls.client_ca else None
    return tls.certificate.read_bytes(), tls.key.read_bytes(), client_ca
