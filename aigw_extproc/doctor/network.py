"""The network checks: DNS, a TCP connection, and TLS over it."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from aigw_extproc.aws.credentials.threads import to_daemon_thread
from aigw_extproc.config.resources.names import is_ip
from aigw_extproc.config.snapshot import Address, Tls, Upstream
from aigw_extproc.doctor.checks import Check, failed, ok, skipped
from aigw_extproc.doctor.probe import ReachedEndpoint
from aigw_extproc.envoy.authorities import find_ca_file

RESOLVE_SECONDS = 5.0
CONNECT_SECONDS = 5.0
HANDSHAKE_SECONDS = 5.0
PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachability:
    """The checks of an upstream, and the endpoint if it could be reached."""

    checks: tuple[Check, ...]
    endpoint: ReachedEndpoint | None = None


async def reach(upstream: Upstream) -> Reachability:
    """Connect to every address of an upstream; the first that accepts is the endpoint."""
    results = await asyncio.gather(*(_reach_one(upstream, address) for address in upstream.addresses))
    return Reachability(
        checks=tuple(check for result in results for check in result.checks),
        endpoint=next((result.endpoint for result in results if result.endpoint), None),
    )


async def _reach_one(upstream: Upstream, address: Address) -> Reachability:
    result = await _reach(upstream, address)
    if len(upstream.addresses) == 1:
        return result
    return replace(result, checks=tuple(replace(check, subject=str(address)) for check in result.checks))


async def _reach(upstream: Upstream, address: Address) -> Reachability:
    dns, ips = await _resolve(address)
    if not ips:
        return Reachability(checks=(dns, skipped("tcp", _NO_NAME), skipped("tls", _NO_NAME)))
    tcp, ip, writer = await _connect(ips, address.port)
    if writer is None:
        return Reachability(checks=(dns, tcp, skipped("tls", "there is no connection")))
    try:
        tls, context = await _secure(writer, upstream.tls)
    finally:
        writer.transport.abort()
    if upstream.tls is not None and context is None:
        return Reachability(checks=(dns, tcp, tls))
    server_name = upstream.tls.server_name if upstream.tls else None
    endpoint = ReachedEndpoint(ip=ip, port=address.port, host=upstream.host, server_name=server_name, tls=context)
    return Reachability(checks=(dns, tcp, tls), endpoint=endpoint)


_NO_NAME = "the name has no address"


async def _resolve(address: Address) -> tuple[Check, tuple[str, ...]]:
    if is_ip(address.host):
        return skipped("dns", f"{address.host} is an IP address"), (address.host,)
    begun = time.monotonic()
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            records = await to_daemon_thread(socket.getaddrinfo, address.host, address.port, 0, socket.SOCK_STREAM)
    except OSError as failure:
        detail = f"{address.host}: {_reason(failure, RESOLVE_SECONDS)}"
        return failed("dns", detail, _DNS_STEP, seconds=time.monotonic() - begun), ()
    ips = tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in records))
    check = ok(
        "dns",
        f"{address.host} is {', '.join(ips[:4])}{'…' if len(ips) > 4 else ''}",
        notes=network_notes(address.host, ips, os.environ),
        seconds=time.monotonic() - begun,
    )
    return check, ips


_DNS_STEP = (
    "check the spelling of the host in the Backend, and that its region has Bedrock "
    "(https://docs.aws.amazon.com/general/latest/gr/bedrock.html); a VPC endpoint's private name needs private DNS"
)


def network_notes(host: str, ips: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what the addresses and the environment show about VPC endpoints and proxies."""
    notes = []
    if re.search(r"\.(amazonaws\.com(\.cn)?|api\.aws)$", host) and all(map(_is_private, ips)):
        notes.append("private addresses: requests go to a VPC endpoint, whose policy also applies")
    proxy = next((name for name in PROXY_VARIABLES if environment.get(name)), None)
    if proxy is not None:
        notes.append(f"{proxy} is set: requests to STS use that proxy, Envoy and this check connect directly")
    return tuple(notes)


def _is_private(ip: str) -> bool:
    return ipaddress.ip_address(ip.partition("%")[0]).is_private


async def _connect(ips: tuple[str, ...], port: int) -> tuple[Check, str, asyncio.StreamWriter | None]:
    begun = time.monotonic()
    reasons = []
    for ip in ips[:4]:
        address = Address(host=ip, port=port)
        try:
            async with asyncio.timeout(CONNECT_SECONDS / min(len(ips), 4)):
                _, writer = await asyncio.open_connection(ip, port)
        except OSError as failure:
            reasons.append(f"{address}: {_reason(failure, CONNECT_SECONDS / min(len(ips), 4))}")
        else:
            return ok("tcp", f"connected to {address}", seconds=time.monotonic() - begun), ip, writer
    return failed("tcp", "; ".join(reasons), _TCP_STEP, seconds=time.monotonic() - begun), "", None


_TCP_STEP = (
    "check that the port in the Backend is right and that a server listens there; AWS needs a route to the internet "
    "(NAT) or a VPC endpoint, and security groups and network policies that allow outgoing port 443"
)


async def _secure(writer: asyncio.StreamWriter, policy: Tls | None) -> tuple[Check, ssl.SSLContext | None]:
    """Do the handshake that the policy asks for.

    The context is for further connections, None without TLS or after a failure.
    """
    if policy is None:
        return skipped("tls", "no BackendTLSPolicy: requests are sent in plaintext"), None
    begun = time.monotonic()
    try:
        context = _tls_context(policy)
        async with asyncio.timeout(HANDSHAKE_SECONDS):
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


def _tls_context(policy: Tls) -> ssl.SSLContext:
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
    return f"the handshake failed: {_reason(failure, HANDSHAKE_SECONDS)}", _CUT_OFF


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


def _reason(error: OSError, seconds: float) -> str:
    """Return the operating system's text of an error, without the addresses that asyncio adds."""
    if isinstance(error, TimeoutError) and error.errno is None:
        return f"no answer within {seconds:.3g} s"
    if isinstance(error, socket.gaierror):
        return error.strerror or str(error)
    return os.strerror(error.errno) if error.errno else str(error)
