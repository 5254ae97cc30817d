"""The TLS check: a handshake with the certificates that Envoy would trust."""

from __future__ import annotations

import asyncio
import ssl
import time

from aigw_extproc.config.snapshot import Tls
from aigw_extproc.doctor.checks import Check, failed, ok, skipped
from aigw_extproc.doctor.timeouts import STEP_SECONDS, reason
from aigw_extproc.envoy.authorities import find_ca_file


async def secure(writer: asyncio.StreamWriter, policy: Tls | None) -> tuple[Check, ssl.SSLContext | None]:
    """Do the handshake that the policy asks for.

    The context is for further connections, None without TLS or after a failure.
    """
    if policy is None:
        return skipped("tls", "no BackendTLSPolicy: requests are sent in plaintext"), None
    begun = time.monotonic()
    try:
        context = _context(policy)
        async with asyncio.timeout(STEP_SECONDS):
            await writer.start_tls(context, server_hostname=policy.server_name)
    except OSError as failure:
        detail, next_step = _tls_failure(failure, policy)
        return failed("tls", detail, next_step, seconds=time.monotonic() - begun), None
    session = writer.get_extra_info("ssl_object")
    ends = (session.getpeercert() or {}).get("notAfter", "an unknown date")
    detail = (
        f"{session.version()}, certificate for {policy.server_name} until {ends}, trusted by {_authorities(policy)}"
    )
    return ok("tls", detail, seconds=time.monotonic() - begun), context


def _context(policy: Tls) -> ssl.SSLContext:
    """Return Envoy's settings: the policy's certificates or the system's, never both; TLS 1.2 or newer; HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if policy.ca_pem is not None:
        context.load_verify_locations(cadata=policy.ca_pem)
    else:
        context.load_verify_locations(cafile=find_ca_file())
    return context


def _authorities(policy: Tls) -> str:
    return "the policy's certificates" if policy.ca_pem is not None else str(find_ca_file())


_WRONG_NAME = (62, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL's x509_vfy.h."""
_OUT_OF_DATE = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""


def _tls_failure(failure: OSError, policy: Tls) -> tuple[str, str]:
    """Return what is wrong with a handshake, and the next step."""
    match failure:
        case ssl.SSLCertVerificationError(verify_code=code) if code in _WRONG_NAME:
            return f"the certificate is not for {policy.server_name}", _OTHER_NAME
        case ssl.SSLCertVerificationError(verify_code=code) if code in _OUT_OF_DATE:
            return f"the certificate is not valid now: {failure.verify_message}", _RENEW
        case ssl.SSLCertVerificationError():
            return (
                f"the certificate is not trusted by {_authorities(policy)}: {failure.verify_message}",
                _NAME_AUTHORITY,
            )
        case FileNotFoundError():
            return f"there is no {find_ca_file()}", "install the system's certificates (package ca-certificates)"
        case ssl.SSLError(reason=text):
            return f"the handshake failed: {(text or 'connection closed').replace('_', ' ').lower()}", _SPEAK_TLS
    return f"the handshake failed: {reason(failure, STEP_SECONDS)}", _CUT_OFF


_OTHER_NAME = (
    "set `hostname` in the BackendTLSPolicy to a name in the certificate, or check that the Backend's host is right"
)
_RENEW = "renew the certificate, or set this machine's clock"
_NAME_AUTHORITY = (
    "add the authority that signed the certificate to `caCertificateRefs` of the BackendTLSPolicy (a proxy that "
    "intercepts TLS has its own); to use the system's authorities, install or update ca-certificates"
)
_SPEAK_TLS = (
    "check that the port in the Backend speaks TLS 1.2 or newer: one that speaks plain HTTP needs no BackendTLSPolicy"
)
_CUT_OFF = "check that nothing between this machine and the endpoint blocks TLS: firewalls that inspect SNI, proxies"
