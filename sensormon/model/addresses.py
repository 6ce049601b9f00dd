"""Network addresses as they are written: the usual form of each, and the part that belongs to one client."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The address, an IPv4 address that came over IPv6 as such; None if it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(1024)
def plain_address(text: str) -> str:
    """The address in its usual form; text that is no address as it is."""
    return str(address_of(text) or text)


def household(text: str) -> str:
    """The address, or for IPv6 its network of 64 bits, of which one client has all addresses.

    >>> household("192.0.2.7"), household("2001:db8::1:2"), household("")
    ('192.0.2.7', '2001:db8::/64', '')
    """
    address = address_of(text)
    if isinstance(address, IPv6Address):
        return str(ip_network((address.packed[:8] + bytes(8), 64)))
    return str(address or text)
