"""Reads the text of `outputs.toml`: every key is known, every value checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sensormon.access.agreed_file import AgreedFile, FileKind
from sensormon.access.documents import Documents
from sensormon.model.errors import UsageError
from sensormon.model.toml_table import (
    Table,
    entries,
    flag,
    meant,
    some,
    table,
    tables,
    text,
    texts,
    variable,
    whole,
    word,
)
from sensormon.model.toml_text import TomlBounds, read_toml
from sensormon.outputs.config import (
    SECURITY,
    SHAPES,
    VERSIONS,
    WHAT,
    Broker,
    Common,
    Output,
    Secret,
    Server,
    ServerUser,
    Tls,
)

BOUNDS = TomlBounds(characters=1 << 20, lines=20_000, keys=10_000, tables=2_000, values=20_000)
"""The most that the file may have."""
MOST_SESSIONS = 200
DOCUMENTED = "docs/outputs.md"
KINDS = ("mqtt", "opcua")

Outputs = Mapping[str, Output]
OutputsFile = AgreedFile[Outputs]

_LEVEL = re.compile(r"[^+#/\x00-\x1f\x7f]+")
"""A level of a topic: MQTT's wildcards stand for others."""


def outputs_file(path: Path, folder: Path, documents: Documents | None) -> OutputsFile:
    """That of one monitor; see `AgreedFile`."""
    kind = FileKind(
        "outputs",
        parse_outputs,
        BOUNDS.characters,
        "outputs",
        DOCUMENTED,
        "to publish nothing, leave it empty",
    )
    return AgreedFile(kind, path, folder, documents)


def parse_outputs(content: str, path: Path | str = "outputs.toml") -> Outputs:
    """The outputs by name, in the order of the file. Raises UsageError, one line that names table and key."""
    try:
        document = read_toml(content, BOUNDS)
    except ValueError as error:
        raise UsageError(
            f"it cannot be read ({error})", where=str(path), hint=f"{DOCUMENTED} shows such a file"
        ) from error
    top = Table(str(path), document)
    named = top.take("outputs", tables) or {}
    top.end()
    outputs = {name: _output(name, keys, str(path)) for name, keys in named.items()}
    _check_apart(outputs, str(path))
    return outputs


def _output(name: str, keys: Mapping[str, Any], path: str) -> Output:
    own = Table(f"{path}, [outputs.{name}]", keys)
    kind = own.needed("kind", _kind, '"mqtt"')
    common = Common(
        name,
        own.usual("on", flag, True),
        own.usual("collector", text, ""),
        own.usual("tags", texts, ("*",)),
    )
    output = _broker(common, own) if kind == "mqtt" else _server(common, own)
    own.end()
    return output


def _kind(value: Any) -> str:
    if value not in KINDS:
        raise ValueError(f"{str(value)[:100]!r} is not one of {', '.join(KINDS)}. {meant(str(value), KINDS)}")
    return str(value)


def _broker(common: Common, own: Table) -> Broker:
    default = Broker(common, "")
    broker = Broker(
        common,
        own.needed("url", _url, '"mqtt://127.0.0.1:1883"'),
        own.usual("version", word(*VERSIONS), default.version),
        own.usual("client_id", text, f"sensormon-{common.name}"),
        own.usual("user", text, ""),
        _secret(own),
        Tls(own.usual("ca", text, ""), own.usual("certificate", text, ""), own.usual("key", text, "")),
        own.usual("prefix", _prefix, default.prefix),
        own.usual("shape", word(*SHAPES), default.shape),
        own.usual("group", _level, default.group),
        own.usual("node", _level, common.name),
        own.usual("qos", whole(0, 1), default.qos),
        own.usual("retain", flag, default.retain),
        own.usual("what", some(WHAT), default.what),
    )
    if broker.secret != Secret() and not broker.user:
        raise UsageError("there is a password but no user", where=own.where, hint='Write user = "…"')
    if broker.tls != Tls() and not broker.encrypted:
        raise UsageError("these files need TLS", where=own.where, hint="Begin url with mqtts://")
    if bool(broker.tls.certificate) != bool(broker.tls.key):
        raise UsageError("certificate and key go together", where=own.where, hint="Name both or neither")
    return broker


def _server(common: Common, own: Table) -> Server:
    server = Server(
        common,
        own.needed("port", whole(1, 65_535), "4841"),
        own.usual("address", _address, "127.0.0.1"),
        own.usual("security", word(*SECURITY), "none"),
        own.usual("trusted", text, ""),
        sessions=own.usual("sessions", whole(1, MOST_SESSIONS), 20),
    )
    listed = own.take("users", entries) or ()
    users = tuple(_user(entry, own.where, place) for place, entry in enumerate(listed))
    server = replace(server, users=users)
    if len({user.name for user in users}) < len(users):
        raise UsageError("users: a name is there twice", where=own.where)
    if server.trusted and server.security == "none":
        raise UsageError(
            "trusted needs security: without it clients have no certificate",
            where=own.where,
            hint='Write security = "Basic256Sha256"',
        )
    if users and server.security == "none" and not ip_address(server.address).is_loopback:
        raise UsageError(
            "without security the users' passwords would travel readable through the network",
            where=own.where,
            hint='Write security = "Basic256Sha256", or address = "127.0.0.1"',
        )
    return server


def _user(entry: Any, where: str, place: int) -> ServerUser:
    try:
        keys = Table(f"{where}, users, no. {place + 1}", table(entry))
    except ValueError as error:
        raise UsageError(f"users: {error}", where=where) from error
    name, secret = keys.needed("name", text, '"scada"'), _secret(keys)
    keys.end()
    if secret == Secret():
        raise UsageError(
            f"{name} has no password", where=keys.where, hint='Write password_env = "SCADA_PASSWORD"'
        )
    return ServerUser(name, secret)


def _secret(own: Table) -> Secret:
    secret = Secret(own.usual("password_env", variable, ""), own.usual("password_file", text, ""))
    if secret.variable and secret.file:
        raise UsageError("password_env and password_file are both set", where=own.where, hint="Use one")
    return secret


def _url(value: Any) -> str:
    url = text(value)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # its text may hold a password
        raise ValueError("the host or the port cannot be read") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("user and password do not belong here: write user and password_env")
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise ValueError("use mqtt://HOST:PORT, or mqtts://HOST:PORT with TLS")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("nothing follows the port")
    return url


def _level(value: Any) -> str:
    if not _LEVEL.fullmatch(level := text(value)):
        raise ValueError("a level of a topic is needed, without / + #")
    return level


def _prefix(value: Any) -> str:
    prefix = text(value).rstrip("/")
    if not all(_LEVEL.fullmatch(level) for level in prefix.split("/")) or prefix.startswith("$"):
        raise ValueError("levels of a topic are needed, such as plant/sensormon, without + # and no $ first")
    return prefix


def _address(value: Any) -> str:
    try:
        return str(ip_address(text(value)))
    except ValueError as error:
        raise ValueError("an address of this machine is needed; 0.0.0.0 means all of them") from error


def _check_apart(outputs: Outputs, path: str) -> None:
    """Raises UsageError if two outputs would be in each other's way."""
    users: dict[tuple[str, ...], str] = {}
    for name, output in outputs.items():
        for place in _taken_by(output) if output.common.on else ():
            if (other := users.setdefault(place, name)) != name:
                raise UsageError(
                    f"it has the same {place[0]} as {other}",
                    where=f"{path}, [outputs.{name}]",
                    hint="Change one of them",
                )


def _taken_by(output: Output) -> tuple[tuple[str, ...], ...]:
    """What no other output may have; first its name in the file."""
    if isinstance(output, Server):
        return (("port", str(output.port)),)
    broker = output.host, str(output.port)
    topics = ("node", *broker, output.group, output.node)
    return (
        ("client_id", *broker, output.client_id),
        topics if output.shape == "sparkplug" else ("prefix", *broker, output.prefix),
    )
