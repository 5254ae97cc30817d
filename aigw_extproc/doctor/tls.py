"""The TLS handshake with an endpoint, which trusts what Envoy would trust."""

from __future__ import annotations

import asyncio
import ssl
import time

from aigw_extproc.config.snapshot import Tls
from aigw_extproc.doctor.checks import Check, failed, ok, skipped
from aigw_extproc.doctor.timeouts import STEP_SECONDS, reason
from aigw_extproc.envoy.authorities import find_ca_file


async def secure(writer: asyncio.StreamWriter, policy: Tls | None) -> tuple[Check, ssl.SSLContext | None]:
    """Shakes hands as the policy wants it; the context is for connections to come, None where there is no TLS."""
    if policy is None:
        return skipped("tls", "no BackendTLSPolicy: requests travel in clear"), None
    begun = time.monotonic()
    try:
        context = _trust(policy)
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


def _trust(policy: Tls) -> ssl.SSLContext:
    """As Envoy is told: the policy's certificates or the system's, never both; TLS 1.2 at least; HTTP/1.1."""
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
    """What is wrong with a handshake, and what to do."""
    match failure:
        case ssl.SSLCertVerificationError(verify_code=code) if code in _WRONG_NAME:
            return f"the certificate is not for {policy.server_name}", _OTHER_NAME
        case ssl.SSLCertVerificationError(verify_code=code) if code in _OUT_OF_DATE:
            return f"the certificate does not hold now: {failure.verify_message}", _RENEW
        case ssl.SSLCertVerificationError():
            return (
                f"the certificate is not trusted by {_authorities(policy)}: {failure.verify_message}",
                _NAME_AUTHORITY,
            )
        case FileNotFoundError():
            return f"there is no {find_ca_file()}", "install the system's certificates (package ca-certificates)"
        case ssl.SSLError(reason=words):
            return f"the handshake failed: {(words or 'connection closed').replace('_', ' ').lower()}", _SPEAK_TLS
    return f"the handshake failed: {reason(failure, STEP_SECONDS)}", _CUT_OFF


_OTHER_NAME = (
    "set `hostname` in the BackendTLSPolicy to a name that the certificate carries, or see whether the Backend's host "
    "leads to the right place"
)
_RENEW = "renew the certificate, or set this machine's clock"
_NAME_AUTHORITY = (
    "name the authority that signed the certificate in `caCertificateRefs` of the BackendTLSPolicy (a proxy that "
    "breaks TLS open has one of its own); if the system's are meant, install or update ca-certificates"
)
_SPEAK_TLS = (
    "see that the port in the Backend speaks TLS 1.2 or newer: one that speaks plain HTTP needs no BackendTLSPolicy"
)
_CUT_OFF = "see that nothing between here and the endpoint cuts TLS off: firewalls that look at SNI, proxies"
