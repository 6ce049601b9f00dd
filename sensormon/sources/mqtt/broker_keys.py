"""The keys of a table of sources.toml that say which MQTT broker, and how to sign in there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sensormon.model.errors import UsageError
from sensormon.model.toml_table import Table, text, whole, word
from sensormon.sources.mqtt.broker import VERSIONS, Broker, broker_of
from sensormon.sources.named import Common


def read_broker(common: Common, content: Table) -> Broker:
    """The keys that say which broker and how to sign in there. Raises UsageError."""
    url = content.needed("url", text, '"mqtt://127.0.0.1:1883"')
    usual = Broker("", 0, default_client_id(common.name))
    user = content.usual("user", text, "")
    if not user and (common.password_env or common.password_file):
        raise UsageError("a password is named, but no user", where=content.where, hint='Write user = "…"')
    try:
        broker = broker_of(
            url,
            content.usual("client_id", _client_id, usual.client_id),
            ca_file=content.take("ca_file", _file),
            certificate_file=content.take("certificate_file", _file),
            key_file=content.take("key_file", _file),
            user=user,
            version=content.usual("version", word(*VERSIONS), usual.version),
            keepalive=content.usual("keepalive", whole(1, 3_600), usual.keepalive),
            expiry=content.usual("expiry", whole(0, (1 << 32) - 1), usual.expiry),
        )
    except ValueError as error:
        raise UsageError(f"url: {error}", where=content.where) from error
    return broker


def broker_items(common: Common, broker: Broker) -> dict[str, Any]:
    """The same keys for the file, None for what is usual."""
    usual = Broker("", 0, default_client_id(common.name))
    return {
        "url": broker.place,
        "client_id": _unless(broker.client_id, usual.client_id),
        "user": broker.user or None,
        "version": _unless(broker.version, usual.version),
        "keepalive": _unless(broker.keepalive, usual.keepalive),
        "expiry": _unless(broker.expiry, usual.expiry),
        "ca_file": str(broker.ca_file) if broker.ca_file else None,
        "certificate_file": str(broker.certificate_file) if broker.certificate_file else None,
        "key_file": str(broker.key_file) if broker.key_file else None,
    }


def default_client_id(name: str) -> str:
    """The client id of a source with this name: the same after a restart, and in another collector."""
    return f"sensormon-{name}"


def _unless(value: Any, usual: Any) -> Any:
    return None if value == usual else value


def _file(value: Any) -> Path:
    return Path(text(value))


def _client_id(value: Any) -> str:
    name = text(value)
    if len(name.encode()) > 200:
        raise ValueError("a client id has at most 200 bytes")
    return name
