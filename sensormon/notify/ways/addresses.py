"""Which addresses a message may be sent to.

A URL in the notification file makes this machine open a connection, so it must not reach what only
this machine should: its own services, its neighbours on the link, a cloud's metadata. Allowed are
addresses of the internet and the plant's private networks (PLANT). With `allow_private` everything
is but METADATA.

A name is resolved once, each of its addresses is judged, and the connection goes to a judged address,
not to the name again: an answer that changes between two look-ups gains nothing.

What it is not: a firewall. This machine's address as seen from outside (NAT) cannot be known here.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from sensormon.model.errors import UsageError

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], list[str]]
"""Gives the addresses of a host, as text. Raises OSError."""

PLANT = [ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]
METADATA = [
    ip_network(text)
    for text in (
        "169.254.169.254/32",  # AWS, Azure, Google and most others
        "169.254.170.2/32",  # AWS ECS
        "169.254.170.23/32",  # AWS EKS
        "169.254.42.42/32",  # Scaleway
        "169.254.0.23/32",  # Tencent
        "fe80::a9fe:a9fe/128",  # OpenStack
        "fd00:ec2::/32",  # AWS
        "fd00:42::42/128",  # Scaleway
        "fd20:ce::254/128",  # Google
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure
        "192.0.0.192/32",  # Oracle
    )
]
"""Where a cloud gives its machines their credentials. Never allowed."""
_GLOBAL = ip_network("2000::/3")
"""The part of IPv6 that is given out; `is_global` is also true of what lies outside."""
_NAT64 = ip_network("64:ff9b::/96")
_COMPATIBLE = ip_network("::/96")
_TRANSLATED = ip_network("::ffff:0:0:0/96")
_MOST_ADDRESSES = 16
"""Of one name; a name with more is tried at the first of them."""


def refusal(text: str, allow_private: bool) -> str | None:
    """Why this address cannot be called; None if it can.

    >>> refusal("127.0.0.1", False), refusal("2002:7f00:1::", True)
    ("this machine's own address", None)
    """
    try:
        address = _plain(ip_address(text.partition("%")[0]))
    except ValueError:
        return "no address"
    if any(address in network for network in METADATA):
        return "an address of a cloud's metadata"
    return None if allow_private else _not_outside(address)


def _not_outside(address: Address) -> str | None:
    """Why this is an address of neither the internet nor the plant; None if it is one."""
    given_out = address.is_global and (address.version == 4 or address in _GLOBAL)
    reasons = {
        "this machine's own address": address.is_loopback or _own(address),
        "an unspecified address, which is this machine": address.is_unspecified,
        "a link-local address": address.is_link_local,
        "a multicast address": address.is_multicast,
        "an address of neither the internet nor a private network": not (
            given_out or any(address in network for network in PLANT)
        ),
    }
    return next((why for why, holds in reasons.items() if holds), None)


def _plain(address: Address) -> Address:
    """The address that is reached: the IPv4 address in one of IPv6 that stands for it."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
    if inner is not None:
        return inner
    compatible = address in _COMPATIBLE and int(address) > 1  # not :: and ::1
    if compatible or address in _NAT64 or address in _TRANSLATED:
        return IPv4Address(address.packed[-4:])
    return address


def _own(address: Address) -> bool:
    """Whether this machine has the address: then the kernel would call it from itself. Nothing is sent."""
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))
            return ip_address(probe.getsockname()[0].partition("%")[0]) == address
    except OSError:  # this machine has no way to it, or no addresses of this kind
        return False


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name as the system gives them; also of what is written as 2130706433 or 0x7f.1."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def check_written(host: str, allow_private: bool, where: str) -> None:
    """Refuse what is written as an address, or as localhost, and cannot be called. Asks no name server.

    Raises UsageError.
    """
    name = host.rstrip(".").lower()
    written = ["127.0.0.1"] if name == "localhost" or name.endswith(".localhost") else _numbers(host)
    for address in written:
        _refuse(host, address, allow_private, where)


def _numbers(host: str) -> list[str]:
    """The addresses that a number stands for, in whatever notation; none for a name."""
    try:
        entries = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [str(entry[4][0]) for entry in entries]


def checked(host: str, port: int, until: float, allow_private: bool, ask: Resolve = resolve) -> list[str]:
    """The addresses of the host, all of which may be called.

    Raises UsageError if one of them may not, TimeoutError if the resolver has not answered at `until`
    (monotonic, s), other OSErrors for a name that has no address.
    """
    addresses = _resolved(host, port, until, ask)[:_MOST_ADDRESSES]
    for address in addresses:
        _refuse(host, address, allow_private, host)
    return addresses


def _refuse(host: str, address: str, allow_private: bool, where: str) -> None:
    why = refusal(address, allow_private)
    if why is not None:
        is_it = why if address == host else f"{address}, {why}"
        raise UsageError(
            f"{host} is {is_it}" if address == host else f"{host} leads to {is_it}",
            where=where if where != host else "",
            hint="Messages do not go there"
            + ("" if allow_private else " unless the contact has allow_private = true"),
        )


def _resolved(host: str, port: int, until: float, ask: Resolve) -> list[str]:
    """Ask in a thread of its own, since the system's resolver knows no deadline."""
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(ask(host, port))
        except OSError as error:
            answers.put(error)
        except UnicodeError:  # a label that no name can have
            answers.put(socket.gaierror(socket.EAI_NONAME, "no such name"))

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(0.0, until - time.monotonic()))
    except queue.Empty:
        raise TimeoutError("the name server does not answer") from None
    if isinstance(answer, OSError):
        raise answer
    return answer
