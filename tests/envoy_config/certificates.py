"""Certificates for tests, created by the openssl command."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "ca.pem"

    def server(self, *names: str) -> ssl.SSLContext:
        """Return a server's TLS context; its certificate has these subject alternative names (`DNS:a.example`)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate("server", *names))
        return context

    def certificate(self, name: str, *names: str) -> tuple[Path, Path]:
        """Create a certificate with these names and its key, and return their files, `name.pem` and `name.key`."""
        key, request, certificate = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        openssl("req", "-new", *NEW_KEY, "-keyout", key, "-subj", f"/CN={name}", "-out", request)
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={','.join(names)}\n")
        signer = ("-CA", self.file, "-CAkey", self.folder / "ca.key", "-CAcreateserial")
        openssl("x509", "-req", "-in", request, *signer, "-extfile", extensions, "-days", "1", "-out", certificate)
        return certificate, key


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def authority(folder: Path) -> Authority:
    """Create an authority in `folder`."""
    ca = Authority(folder)
    subject = ("-subj", "/CN=tests", "-days", "1")
    openssl("req", "-x509", *NEW_KEY, "-keyout", folder / "ca.key", *subject, "-out", ca.file)
    return ca


def openssl(*arguments: str | Path) -> None:
    command = shutil.which("openssl")
    if command is None:
        pytest.skip("the openssl command, which creates the certificates, is not installed")
    subprocess.run([command, *arguments], check=True, capture_output=True)
