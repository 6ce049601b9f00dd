"""What a request or a page's connection says about who sent it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

COOKIE = "sensormon_session"
"""The cookie with a session's token."""
PEER = "x-sensormon-peer"
"""The header in which the server passes the socket's peer on; a client's own is removed."""
FORWARDING = ("forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip")
"""Headers that only a proxy adds; so does each that begins with x-forwarded- or cf-."""


@dataclass(frozen=True)
class Visit:
    """The facts. `headers` has lower-case names; `cookie` is the session's token, `claims` are what an
    identity provider said, `peer` is the address at the other end of the socket, empty if unknown.
    """

    peer: str
    headers: Mapping[str, str]
    cookie: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)

    @property
    def browser(self) -> str:
        """What the browser calls itself."""
        return self.headers.get("user-agent", "")

    @property
    def at_this_machine(self) -> bool:
        """Whether somebody at this machine, and no proxy, opened this page.

        The peer, the Host and the Origin are loopback names, and nothing was forwarded. In doubt it
        was not. A program that forges Origin through a proxy that adds no header cannot be told
        apart, so behind a proxy `users`, `oidc` or `proxy` is the setting.
        """
        origin = urlsplit(self.headers.get("origin", ""))
        forwarded = any(
            name in FORWARDING or name.startswith(("x-forwarded-", "cf-")) for name in self.headers
        )
        return (
            not forwarded
            and _loopback(self.peer)
            and _loopback(_hostname(self.headers.get("host", "")))
            and _loopback(_hostname(origin.netloc))
        )


def _hostname(netloc: str) -> str:
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


def _loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
