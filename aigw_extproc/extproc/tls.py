"""TLS on the processor's port: its certificate, and which clients it accepts."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


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
        """Check the files, since the servers do not report what is wrong with them.

        Raises:
            OSError: a file cannot be read, or has the wrong content.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except ssl.SSLError as error:
            reason = error.reason or "they cannot be read, or the key is encrypted"
            raise OSError(f"{self.certificate} and {self.key} are not a certificate and key: {reason}") from None
        try:
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
        except ssl.SSLError as error:
            raise OSError(f"{self.client_ca} holds no certificates: {error.reason}") from None


def _no_password() -> str:
    """Keep OpenSSL from prompting at the terminal."""
    return ""
