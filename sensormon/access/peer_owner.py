"""Whose program is at the other end of a connection from this machine, as Linux tells.

A reverse proxy runs as a service's account, a browser as a person's. What it is not: known on other
systems, for other machines, or for a proxy that somebody runs under their own account or as root.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from sensormon.model.addresses import address_of

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
PEOPLE = range(1_000, 65_534)
"""The accounts of people: below are those of the system, above nobody's and those of containers."""

GONE = 65_534
"""Nobody's account."""
_OPEN = "01"

Address = IPv4Address | IPv6Address
Ends = tuple[tuple[str, int], tuple[str, int]]


def is_service(owner: int) -> bool:
    """Whether this account (uid) is a service's: not a person's, not root, not the one of this program."""
    return owner not in (0, os.getuid()) and owner not in PEOPLE


def owner_of(client: Any, server: Any) -> int | None:
    """The account (uid) of the socket from `client` to `server`, (address, port) each.

    None if this system does not say; `GONE` if it has no such open socket, since whoever held it
    may have been a service.
    """
    try:
        wanted = address_of(str(client[0])), int(client[1]), int(server[1])
    except (TypeError, ValueError, IndexError):
        return None
    if wanted[0] is None:
        return None
    tables = [table for table in TABLES if table.exists()]
    for table in tables:
        for address, port, remote_port, owner in _sockets(table):
            if (port, remote_port) == wanted[1:] and address == wanted[0]:
                return owner
    return GONE if tables else None


def _sockets(table: Path) -> Iterator[tuple[Address, int, int, int]]:
    """Address and port of each open socket's own end, the port of the other, and its owner.

    A socket that its owner has closed belongs to root in this table.
    """
    try:
        lines = table.read_text("ascii").splitlines()[1:]
    except OSError:
        return
    for line in lines:
        _, own, other, state, *_rest = fields = line.split()
        if state != _OPEN:
            continue
        address, _, port = own.partition(":")
        yield _address(address), int(port, 16), int(other.rpartition(":")[2], 16), int(fields[7])


def _address(digits: str) -> Address:
    """The kernel writes each four bytes as a number in its own order."""
    words = [bytes.fromhex(digits[start : start + 8])[::-1] for start in range(0, len(digits), 8)]
    packed = b"".join(words)
    address = IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)
    return getattr(address, "ipv4_mapped", None) or address
