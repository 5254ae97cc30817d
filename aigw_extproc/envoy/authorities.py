"""The files in which distributions keep trusted certificate authorities."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CA_FILES: Final = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Ubuntu, Alpine, Arch, the official Envoy image
    Path("/etc/pki/tls/certs/ca-bundle.crt"),  # Fedora, RHEL, Amazon Linux
    Path("/etc/ssl/ca-bundle.pem"),  # openSUSE
    Path("/etc/ssl/cert.pem"),  # macOS, FreeBSD, Alpine
)
"""Paths by distribution, in the order of the search."""


def find_ca_file() -> Path:
    """Return the first of `CA_FILES` that exists, or the first one: Envoy may run on another machine."""
    return next((path for path in CA_FILES if path.is_file()), CA_FILES[0])
