"""Which MQTT broker, and how to sign in there: values only, without the library and without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

VERSIONS = ("5", "3.1.1")
PORTS: Mapping[str, int] = {"mqtt": 1883, "mqtts": 8883}
"""The usual port of each scheme."""
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Will:
    """What the broker publishes when it loses this client without a farewell."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True)
class Broker:
    """A broker and one client's account there.

    `client_id` names the session that the broker keeps: two clients with the same one throw each other out.
    `expiry` is how many seconds a broker of MQTT 5 keeps the session while nobody is connected; with 3.1.1 it
    decides itself. `keepalive` is in seconds. Without `ca_file` TLS trusts what the system trusts.
    """

    host: str
    port: int
    client_id: str
    tls: bool = False
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    user: str = ""
    version: str = "5"
    keepalive: int = 20
    expiry: int = 7 * _SECONDS_A_DAY
    will: Will | None = None

    @property
    def place(self) -> str:
        """Its URL, without secrets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def broker_of(
    url: str,
    client_id: str,
    *,
    ca_file: Path | None = None,
    certificate_file: Path | None = None,
    key_file: Path | None = None,
    user: str = "",
    version: str = "5",
    keepalive: int = 20,
    expiry: int = 7 * _SECONDS_A_DAY,
    will: Will | None = None,
) -> Broker:
    """The broker of this URL, mqtt://HOST[:PORT] or, for TLS, mqtts://HOST[:PORT].

    Raises ValueError, in words for the person who wrote it, if it is another URL, has a user or a password in
    it, or files are named that only TLS needs.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its text may hold a password, as what follows could quote one
        raise ValueError("the port is not a number from 1 to 65535, or the host cannot be read") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL has no user and no password in it: use user and password_env")
    if parts.scheme not in PORTS:
        raise ValueError("it is not mqtt://HOST:1883 or mqtts://HOST:8883")
    if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("it is not a scheme, a host and a port alone, as in mqtt://HOST:1883")
    tls = parts.scheme == "mqtts"
    if not tls and (ca_file or certificate_file or key_file):
        raise ValueError("certificates are for TLS: write mqtts:// in the URL")
    if (certificate_file is None) != (key_file is None):
        raise ValueError("a client certificate needs its key, and a key its certificate")
    if version not in VERSIONS:
        raise ValueError(f"MQTT {version} is not one of {', '.join(VERSIONS)}")
    return Broker(
        parts.hostname,
        port or PORTS[parts.scheme],
        client_id,
        tls=tls,
        ca_file=ca_file,
        certificate_file=certificate_file,
        key_file=key_file,
        user=user,
        version=version,
        keepalive=keepalive,
        expiry=expiry,
        will=will,
    )
