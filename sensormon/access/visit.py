"""What a request or a page's connection says about who sent it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sensormon.model.addresses import address_of

COOKIE = "sensormon_session"
"""The cookie with a session's token."""
PEER = "x-sensormon-peer"
"""The header in which the server passes the socket's peer on; a client's own is removed."""
SERVICE = "x-sensormon-service"
"""The header that the server adds if a service, such as a proxy, holds the other end of the socket."""
FORWARDING = (
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-originating-ip",
    "x-remote-addr",
    "x-remote-ip",
    "client-ip",
    "true-client-ip",
    "fastly-client-ip",
    SERVICE,
)
"""Headers that only a proxy adds; so does each that begins with x-forwarded, x-original- or cf-."""
_FORWARDING = ("x-forwarded", "x-original-", "cf-")
_HOST = re.compile(r"(?P<name>[a-z0-9.]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)


@dataclass(frozen=True)
class Visit:
    """The facts. `headers` has lower-case names; `cookie` is the session's token, `claims` are what an
    identity provider said, `peer` is the address at the other end of the socket, empty if unknown.
    """

    peer: str
    headers: Mapping[str, str] = field(repr=False)
    cookie: str = field(default="", repr=False)
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def browser(self) -> str:
        """What the browser calls itself."""
        return self.headers.get("user-agent", "")

    @property
    def at_this_machine(self) -> bool:
        """Whether somebody at this machine, and no proxy, opened this page.

        The peer and the Host are loopback names, the Origin is a page of that very Host, and nothing
        was forwarded. In doubt it was not. On Linux the server also looks whose socket it is and says
        so in `SERVICE`. A proxy that adds no header and runs under a person's account or as root
        cannot be told apart, so behind a proxy `users`, `oidc` or `proxy` is the setting.
        """
        host = self.headers.get("host", "").lower()
        origin = self.headers.get("origin", "").lower()
        peer = address_of(self.peer)
        return (
            not any(name in FORWARDING or name.startswith(_FORWARDING) for name in self.headers)
            and peer is not None
            and peer.is_loopback
            and _names_loopback(host)
            and origin in (f"http://{host}", f"https://{host}")
        )


def _names_loopback(host: str) -> bool:
    known = _HOST.fullmatch(host)
    if known is None:
        return False
    name = known["name"]
    address = address_of(name.strip("[]"))
    return name == "localhost" or (address is not None and address.is_loopback)
