"""TLS on the processor's port: its certificate, and which clients it accepts."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """PEM files of a TLS server."""

    certificate: Path
    """The server's certificate and its intermediates."""
    key: Path
    client_ca: Path | None = None
    """Authorities of clients' certificates; None to accept clients without a certificate."""

    def arguments(self) -> Iterator[str]:
        """Yield the command line's arguments for these files."""
        yield from ("--tls-cert", str(self.certificate), "--tls-key", str(self.key))
        if self.client_ca is not None:
            yield from ("--tls-client-ca", str(self.client_ca))

    def validate(self) -> None:
        """Check the files, since gRPC's server does not report what is wrong with them.

        Raises:
            OSError: a file cannot be read, or has the wrong content.
        """
        self.context()

    def context(self) -> ssl.SSLContext:
        """Return the context of an HTTP/2 server with these files.

        Raises:
            OSError: a file cannot be read, or has the wrong content.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["h2"])
        # A resumed session would not be checked against a new `client_ca`, and Envoy's connections are few and long.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except ssl.SSLError as error:
            reason = error.reason or "they cannot be read, or the key is encrypted"
            raise OSError(f"{self.certificate} and {self.key} are not a certificate and key: {reason}") from None
        try:
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
        except ssl.SSLError as error:
            raise OSError(f"{self.client_ca} holds no certificates: {error.reason}") from None
        return context


class CertificateFiles:
    """The contents of a server's files, read again whenever they may have changed."""

    def __init__(self, tls: ServerTls) -> None:
        """Read the files.

        Raises:
            OSError: a file cannot be read, or has the wrong content.
        """
        self._tls = tls
        tls.validate()
        self.contents = self._seen = _read(tls)

    def changed(self) -> bool:
        """Read the files, and return whether there is a new certificate. Bad files are logged, and change nothing."""
        try:
            contents = _read(self._tls)
            if contents == self._seen:
                return False
            self._seen = contents
            self._tls.validate()
        except OSError as error:
            log.error("kept the previous certificate: %s", error)
            return False
        self.contents = contents
        log.info("loaded a new certificate: %s", self._tls.certificate)
        return True


def _read(tls: ServerTls) -> tuple[bytes, bytes, bytes | None]:
    client_ca = tls.client_ca.read_bytes() if tls.client_ca else None
    return tls.certificate.read_bytes(), tls.key.read_bytes(), client_ca


def server_context(tls: ServerTls) -> ssl.SSLContext:
    """Return the context of a server, which uses replaced files from the next connection on.

    Raises:
        OSError: a file cannot be read, or has the wrong content.
    """
    files = CertificateFiles(tls)
    context = tls.context()

    def use_newest(connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext) -> None:
        nonlocal context
        if files.changed():
            context = tls.context()
        connection.context = context

    first = tls.context()
    first.sni_callback = use_newest  # OpenSSL calls it for each connection, whether there is a name or not
    return first


def _no_password() -> str:
    """Keep OpenSSL from prompting at the terminal."""
    return ""
