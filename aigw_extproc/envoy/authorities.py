"""Where a system keeps the certificate authorities that it trusts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CA_FILES: Final = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Ubuntu, Alpine, Arch, the official Envoy image
    Path("/etc/pki/tls/certs/ca-bundle.crt"),  # Fedora, RHEL, Amazon Linux
    Path("/etc/ssl/ca-bundle.pem"),  # openSUSE
    Path("/etc/ssl/cert.pem"),  # macOS, FreeBSD, Alpine
)
"""Where they may be, in the order in which they are looked for."""


def find_ca_file() -> Path:
    """The first of `CA_FILES` that exists here, or the first of all: Envoy may run on another machine."""
    return next((path for path in CA_FILES if path.is_file()), CA_FILES[0])
