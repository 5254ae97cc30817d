"""Tests for aigw_extproc.outbound.addresses: which addresses are public, and look-ups with a real name server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.outbound.addresses import is_public, resolve

PRIVATE = [
    "127.0.0.1",
    "127.8.9.1",
    "0.0.0.0",  # noqa: S104 - to be refused
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "169.254.170.23",
    "168.63.129.16",
    "192.0.0.9",
    "192.0.0.192",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "::1",
    "::",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "100::1",
    "5f00::1",
    "3fff::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:168.63.129.16",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
]
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "192.0.1.1",
    "168.63.129.17",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]

# https://www.iana.org/assignments/iana-ipv4-special-registry/ without the anycast addresses in 192.0.0.0/24
SPECIAL_IPV4 = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
]
# https://www.iana.org/assignments/iana-ipv6-special-registry/ and what is deprecated or not unicast
SPECIAL_IPV6 = [
    "::1/128",
    "::/128",
    "::/96",
    "::ffff:0:0:0/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


def within(network: str) -> st.SearchStrategy[int]:
    """Return a strategy for the addresses of a network, its first and last among them, as numbers."""
    block = IPv6Network(network) if ":" in network else IPv4Network(network)
    return st.integers(int(block.network_address), int(block.broadcast_address))


special_ipv4 = st.sampled_from(SPECIAL_IPV4).flatmap(within).map(IPv4Address)


@given(special_ipv4)
def test_no_address_of_the_special_purpose_registry_of_ipv4_is_public(address: IPv4Address) -> None:
    number = int(address)
    embedded = (
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(int(IPv6Address("64:ff9b::")) | number),
        IPv6Address(0x2002 << 112 | number << 80),
    )
    assert [each for each in (address, *embedded) if is_public(each)] == []


@given(st.sampled_from(SPECIAL_IPV6).flatmap(within).map(IPv6Address))
def test_no_address_of_the_special_purpose_registry_of_ipv6_is_public(address: IPv6Address) -> None:
    assert not is_public(address)


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_an_embedded_address_is_judged_as_itself(address: IPv4Address) -> None:
    mapped, nat64 = IPv6Address(f"::ffff:{address}"), IPv6Address(f"64:ff9b::{address}")
    assert is_public(mapped) == is_public(nat64) == is_public(address)


# --- look-ups ---------------------------------------------------------------------------------------------------


class NameServer(asyncio.DatagramProtocol):
    """Answers questions for its names, does not know others, and stays silent about `*.hangs.test`."""

    names = {"both.test.": ["192.0.2.7", "2001:db8::7"], "six.test.": ["2001:db8::8"]}  # noqa: RUF012 - never changed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        [question] = query.question
        if question.name.to_text().endswith("hangs.test."):
            return
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        known = self.names.get(question.name.to_text())
        kind = "AAAA" if question.rdtype == 28 else "A"
        found = [each for each in known or () if (":" in each) == (kind == "AAAA")]
        if found:
            reply.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, found))
        elif known is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(reply.to_wire(), address)  # type: ignore[attr-defined] # a datagram transport


@pytest.fixture
async def name_server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Let the resolver use a name server on loopback, as a resolv.conf would."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(NameServer, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]

    def read_resolv_conf(self: dns.asyncresolver.Resolver, _file: object) -> None:
        self.nameservers, self.port = ["127.0.0.1"], port

    monkeypatch.setattr(dns.asyncresolver.Resolver, "read_resolv_conf", read_resolv_conf)
    yield
    transport.close()


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("both.test", ["192.0.2.7", "2001:db8::7"]),
        ("BOTH.test.", ["192.0.2.7", "2001:db8::7"]),
        ("six.test", ["2001:db8::8"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("::1", ["::1"]),
        ("0x7f.1", ["127.0.0.1"]),
        ("2130706433", ["127.0.0.1"]),
        ("localhost", ["127.0.0.1"]),
        ("a.localhost.", ["127.0.0.1"]),
    ],
)
@pytest.mark.usefixtures("name_server")
async def test_addresses_of_a_host(host: str, addresses: list[str]) -> None:
    assert [str(address) for address in await resolve(host, 5)] == addresses


@pytest.mark.parametrize("host", ["nowhere.test", "x" * 64 + ".test", "a..test", ""])
@pytest.mark.usefixtures("name_server")
async def test_hosts_without_an_address(host: str) -> None:
    with pytest.raises(OSError, match=r"^\w+$"):
        await resolve(host, 5)


@pytest.mark.usefixtures("name_server")
async def test_names_that_hang_do_not_delay_others() -> None:
    hanging = [asyncio.ensure_future(resolve(f"{number}.hangs.test", 30)) for number in range(200)]
    assert len(await resolve("both.test", 20)) == 2
    assert not any(each.done() for each in hanging)
    for each in hanging:
        each.cancel()
    outcomes = await asyncio.gather(*hanging, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {asyncio.CancelledError}


@pytest.mark.usefixtures("name_server")
async def test_a_name_that_hangs_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        await resolve("hangs.test", 0.2)
