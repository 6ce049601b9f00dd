"""What outputs.toml says of each output. Values only, and no secret among them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate
from typing import ClassVar
from urllib.parse import urlsplit

WHAT = ("values", "flags", "events", "health")
"""What a broker can be sent."""
SHAPES = ("json", "sparkplug")
VERSIONS = ("3.1.1", "5")
SECURITY = ("none", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss")
"""How an OPC UA server protects its connections; all but `none` sign and encrypt."""


@dataclass(frozen=True)
class Common:
    """What every output has. `on`: it runs. `collector`: the name of the process that runs it, where several
    use the store; empty: any. `tags` are patterns as in notify.toml.
    """

    name: str
    on: bool = True
    collector: str = ""
    tags: tuple[str, ...] = ("*",)

    @property
    def where(self) -> str:
        """Its table, for errors."""
        return f"[outputs.{self.name}]"

    def takes(self) -> Callable[[str], bool]:
        """Says of a tag's name whether the patterns have it."""
        patterns = re.compile("|".join(translate(pattern) for pattern in self.tags))
        return lambda tag: patterns.match(tag) is not None


@dataclass(frozen=True)
class Secret:
    """Where a secret is: in this environment variable, or in this file of mode 0600; empty: nowhere."""

    variable: str = ""
    file: str = ""


@dataclass(frozen=True)
class Tls:
    """Files in PEM, relative to the data folder: who signed the broker's certificate (empty: whom this
    machine trusts), and our own certificate and key, if the broker asks for one.
    """

    ca: str = ""
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True)
class Broker:
    """An MQTT broker that is published to; `kind = "mqtt"`."""

    kind: ClassVar[str] = "mqtt"
    common: Common
    url: str
    version: str = "3.1.1"
    client_id: str = ""
    user: str = ""
    secret: Secret = Secret()
    tls: Tls = Tls()
    prefix: str = "sensormon"
    shape: str = "json"
    group: str = "sensormon"
    node: str = ""
    qos: int = 1
    retain: bool = True
    what: tuple[str, ...] = WHAT

    @property
    def host(self) -> str:
        """Name or address."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """As the URL says, or the protocol's own."""
        return urlsplit(self.url).port or (8883 if self.encrypted else 1883)

    @property
    def encrypted(self) -> bool:
        """Whether the connection is by TLS."""
        return urlsplit(self.url).scheme == "mqtts"

    @property
    def place(self) -> str:
        """Where it publishes, without secrets."""
        below = f"spBv1.0/{self.group}" if self.shape == "sparkplug" else self.prefix
        return f"{self.host}:{self.port}, {below}/"


@dataclass(frozen=True)
class ServerUser:
    """Somebody who may read from the OPC UA server."""

    name: str
    secret: Secret


@dataclass(frozen=True)
class Server:
    """An OPC UA server of our own; `kind = "opcua"`.

    `trusted` is a folder with the certificates (DER or PEM) of the clients that may connect; empty: any that
    speaks the policy. Without `users` whoever reaches the port reads. `sessions` bounds the connections.
    """

    kind: ClassVar[str] = "opcua"
    common: Common
    port: int
    address: str = "127.0.0.1"
    security: str = "none"
    trusted: str = ""
    users: tuple[ServerUser, ...] = ()
    sessions: int = 20

    @property
    def url(self) -> str:
        """What a client connects to."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"opc.tcp://{host}:{self.port}/"

    @property
    def place(self) -> str:
        """The same."""
        return self.url


Output = Broker | Server
