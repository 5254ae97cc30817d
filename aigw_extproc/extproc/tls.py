"""TLS on the processor's port: who it is, and whom it lets in."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """Files in PEM."""

    certificate: Path
    """The server's, with those between it and its authority."""
    key: Path
    client_ca: Path | None = None
    """Authorities of clients' certificates; None to let in clients without one."""

    def arguments(self) -> Iterator[str]:
        """The same, in the words of the command line."""
        yield from ("--tls-cert", str(self.certificate), "--tls-key", str(self.key))
        if self.client_ca is not None:
            yield from ("--tls-client-ca", str(self.client_ca))

    def validate(self) -> None:
        """Does nothing if the files can be used. The servers themselves would not say what is wrong with them.

        Raises:
            OSError: a file cannot be read, or is not what it should be.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except ssl.SSLError as error:
            reason = error.reason or "they cannot be read, or the key is encrypted"
            raise OSError(f"{self.certificate} and {self.key} are no certificate and its key: {reason}") from None
        try:
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
        except ssl.SSLError as error:
            raise OSError(f"{self.client_ca} holds no certificates: {error.reason}") from None


def _no_password() -> str:
    """Else OpenSSL asks for one at the terminal."""
    return ""
