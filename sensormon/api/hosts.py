"""Which names this server answers to.

A page of another origin can make its own name resolve to this machine (DNS rebinding); the browser
then takes this server for that page's own. What gives it away is the Host header, so a request with
a name that is not known here is refused. An address needs no name and is always known.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from sensormon.api.body import Receive, Scope, Send
from sensormon.api.mount import App
from sensormon.api.problems import Problem
from sensormon.api.refusal import refuse
from sensormon.model.addresses import address_of

CLOUD = "*.streamlit.app"
"""The names of Streamlit Community Cloud."""
HEALTH = "/api/health"
STREAMLIT_HEALTH = "/_stcore/health"

LONGEST = 300
"""Most bytes of a name and its port."""

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,254})(?::([0-9]{1,5}))?", re.ASCII)


@dataclass(frozen=True)
class Authority:
    """A name or an address in lower case, and its port if one is given."""

    name: str
    port: int | None


def authority_of(text: bytes) -> Authority | None:
    """The name and port in a header; None if it is not of the form NAME, NAME:PORT or [V6]:PORT."""
    return _authority_of(text) if len(text) <= LONGEST else None


@lru_cache(1024)
def _authority_of(text: bytes) -> Authority | None:
    match = _AUTHORITY.fullmatch(text.decode("latin-1").lower())
    if match is None or int(match[2] or 0) > 65_535:
        return None
    name, port = match[1].removesuffix("."), int(match[2]) if match[2] else None
    if name.startswith("["):
        try:
            name = str(ipaddress.IPv6Address(name[1:-1]))
        except ValueError:
            return None
    return Authority(name, port) if name.strip(".") else None


def host_of(scope: Scope) -> Authority | None:
    """The Host of a request; None if it has none, several, or one that cannot be read."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return authority_of(bytes(hosts[0])) if len(hosts) == 1 else None


class MachineNames:
    """localhost, this machine's name and, once the resolver has answered, its full name.

    The resolver may take many seconds, so it is asked in a thread of its own. Whatever it says
    counts only if it is this machine's name with a domain.
    """

    def __init__(self, full_name: Callable[[], str] = socket.getfqdn) -> None:
        name = socket.gethostname().lower()
        self._first = name.partition(".")[0]
        self.names = frozenset({"localhost", name, self._first})
        self._full_name = full_name
        threading.Thread(target=self._look_up, name="full-name", daemon=True).start()

    def _look_up(self) -> None:
        with suppress(OSError, UnicodeError):  # then it has no full name
            full = self._full_name().lower().removesuffix(".")
            if full.startswith(self._first + "."):
                self.names |= {full}


class Hosts:
    """The names in force: this machine's, Community Cloud's, and those that an operator added.

    `*.example` stands for every name that ends with `.example`, `*` for all.
    """

    def __init__(self, added: Iterable[str], machine: MachineNames) -> None:
        entries = {CLOUD, *added}
        self._machine = machine
        self._all = "*" in entries
        self._names = frozenset(entries)
        self._endings = tuple(entry[1:] for entry in entries if entry.startswith("*."))

    def know(self, authority: Authority) -> bool:
        """Whether this server answers to that name."""
        name = authority.name
        return (
            self._all
            or name in self._machine.names
            or name in self._names
            or name.endswith(self._endings)
            or _is_address(name)
        )


@lru_cache(1024)
def _is_address(name: str) -> bool:
    return address_of(name) is not None


class KnownHosts:
    """ASGI middleware: 421 for a Host that is not known here.

    Health checks come from load balancers that know no name, so the two health routes answer any Host,
    with the state word alone.
    """

    def __init__(self, app: App, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        host = host_of(scope)
        if host is not None and self._hosts.know(host):
            await self._app(scope, receive, send)
            return
        looks = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if looks and scope["path"] == STREAMLIT_HEALTH:
            await self._app(scope, receive, send)
        elif looks and scope["path"] == HEALTH:
            await _state_word_alone(self._app, scope, receive, send)
        else:
            await refuse(_unknown(host), scope, receive, send)


def _unknown(host: Authority | None) -> Problem:
    if host is None:
        return Problem(
            421,
            "unknown_host",
            "the request has no Host header that can be used, or more than one",
            "Send one Host header with the name or address of this server",
        )
    return Problem(
        421,
        "unknown_host",
        f"this server does not answer to the name {host.name}",
        "Use its address, localhost or its own name, or add the name to SENSORMON_HOSTS and restart",
    )


class _Health(msgspec.Struct):
    status: str = "failing"


async def _state_word_alone(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """What the route answers, cut down to its `status`."""
    status, body = 503, bytearray()

    async def keep(message: Scope) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))

    await app(scope, receive, keep)
    try:
        health = msgspec.json.decode(bytes(body), type=_Health)
    except msgspec.DecodeError:
        health = _Health()
    word = msgspec.json.encode(health)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(word)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": word})
