"""An output of kind "mqtt": puts its parts together."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from sensormon.model.clock import MINUTE
from sensormon.model.reading_ids import COLLECTORS, PER_SLICE
from sensormon.outputs.config import Broker
from sensormon.outputs.mqtt_link import MqttLink
from sensormon.outputs.opening import Around
from sensormon.outputs.published import Published
from sensormon.outputs.publishing import Publishing
from sensormon.outputs.report import OutputReport
from sensormon.outputs.shapes import JsonShape, Shape

COLLECTION = "output_positions"
"""Where each output stands, among the documents."""
_SLICES = 2 * COLLECTORS * PER_SLICE
"""Ids of several collectors are in order except within two slices of time."""


def _sparkplug(config: Broker, around: Around) -> Shape:
    documents, key = around.documents, f"{config.common.name} bdSeq"
    kept = documents.of(COLLECTION).get(key)

    def keep(bd_seq: int) -> None:
        documents.keep(COLLECTION, key, {"bdSeq": bd_seq}, f"output {config.common.name}")

    # Imported only here: protobuf is needed by nobody else.
    from_module = import_module("sensormon.outputs.sparkplug_shape")
    before = int(kept.content["bdSeq"]) if kept else -1
    shape: Shape = from_module.SparkplugShape(config, around.monitor.clock, before, keep)
    return shape


def run(config: Broker, around: Around, report: OutputReport, stopping: threading.Event) -> None:
    """Publish until `stopping` is set. Raises OutputError, UsageError and StoreError."""
    name, documents = config.common.name, around.documents

    def keep(position: Mapping[str, Any]) -> None:
        documents.keep(COLLECTION, name, position, f"output {name}")

    shape = _sparkplug(config, around) if config.shape == "sparkplug" else JsonShape(config)
    kept = documents.of(COLLECTION).get(name)
    overlap = _SLICES if around.shared else 0
    since = max(around.monitor.started, around.monitor.clock.now() - MINUTE)
    published = Published(kept.content if kept else None, since, overlap)
    password = around.password(config.secret, config.common.where)
    folder = around.monitor.settings.data_dir
    link = MqttLink(config, password, folder, shape.will, shape.subscribes)
    Publishing(around.monitor, config, around.looks, shape, link, report, published, keep).run(stopping)
