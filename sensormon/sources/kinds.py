"""All kinds of named sources."""

from __future__ import annotations

from typing import Any

from sensormon.sources.connected import SourceKind
from sensormon.sources.folder.kind import KIND as FOLDER
from sensormon.sources.influxdb.kind import KIND as INFLUXDB
from sensormon.sources.modbus.kind import KIND as MODBUS
from sensormon.sources.mqtt.kind import KIND as MQTT
from sensormon.sources.opcua.kind import KIND as OPC_UA
from sensormon.sources.polled.kind import REPLAY_KIND, SIMULATOR_KIND
from sensormon.sources.sparkplug.kind import KIND as SPARKPLUG
from sensormon.sources.sql.kind import KIND as SQL

_ALL: tuple[SourceKind[Any], ...] = (
    OPC_UA,
    MQTT,
    SPARKPLUG,
    MODBUS,
    SQL,
    INFLUXDB,
    FOLDER,
    SIMULATOR_KIND,
    REPLAY_KIND,
)
KINDS: dict[str, SourceKind[Any]] = {kind.kind: kind for kind in _ALL}
"""By the `kind` of sources.toml, in the order in which a page offers them."""
