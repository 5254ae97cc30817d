"""Judges IP addresses, and finds those of a name.

Names are looked up by dnspython on the event loop: a look-up in a thread cannot be cancelled, so names whose servers do
not answer would occupy all threads. Only DNS is asked, for the name as it is: hosts files and search domains are for
names of the operator's network.
"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from socket import inet_aton

IpAddress = IPv4Address | IPv6Address

# What `is_global` of some supported Python takes for public.
# https://www.iana.org/assignments/iana-ipv4-special-registry/
_RESERVED = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network(
        "168.63.129.16/32"
    ),  # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
)
# https://www.iana.org/assignments/ipv6-address-space/ and https://www.iana.org/assignments/iana-ipv6-special-registry/
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_RESERVED_IPV6 = (IPv6Network("2001::/23"), IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: IpAddress) -> bool:
    """Return whether the address is reachable from the internet. If it embeds an IPv4 address, that one is judged."""
    if isinstance(address, IPv4Address):
        reserved = any(address in network for network in _RESERVED)
        return address.is_global and not address.is_multicast and not reserved
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    if address.sixtofour is not None and not is_public(address.sixtofour):
        return False
    reserved = any(address in network for network in _RESERVED_IPV6)
    return address in _GLOBAL_UNICAST and address.is_global and not reserved


async def resolve(host: str, seconds: float) -> list[IpAddress]:
    """Return the addresses of a name, those of IPv4 first, or of an address in any notation (`0x7f.1`).

    Raises:
        OSError: the name does not exist, or has no address.
        TimeoutError: no name server answered in time.
    """
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):  # https://www.rfc-editor.org/rfc/rfc6761#section-6.3
        return [IPv4Address("127.0.0.1")]
    with suppress(ValueError):
        return [ip_address(name)]
    with suppress(OSError):
        return [IPv4Address(inet_aton(name))]
    return await _look_up(name, seconds)


async def _look_up(host: str, seconds: float) -> list[IpAddress]:
    import dns.asyncresolver
    import dns.exception
    import dns.name

    try:
        resolver = dns.asyncresolver.Resolver()  # reads resolv.conf, which may have changed
        answers = await resolver.resolve_name(dns.name.from_text(host), lifetime=seconds)
    except dns.exception.Timeout:
        raise TimeoutError from None
    except dns.exception.DNSException as error:
        raise OSError(type(error).__name__) from None
    return sorted(map(ip_address, answers.addresses()), key=lambda address: address.version)
