"""The page on Sparkplug: its examples run, and it explains every key."""

from __future__ import annotations

import re
from pathlib import Path

from sensormon.sources.named_text import parse_sources
from sensormon.sources.sparkplug.kind import SparkplugSource, items
from sensormon.sources.sparkplug.payload import DataType
from tests.support.edge_node import EdgeNode
from tests.support.kept_intake import running, until
from tests.support.mosquitto import Mosquitto

PAGE = (Path(__file__).parents[3] / "docs" / "sources-sparkplug.md").read_text(encoding="utf-8")
SHORT, NAMED, _ = (block.replace("\n    ", "\n") for block in re.findall(r"(?:^ {4}.*\n)+", PAGE, re.M))


def test_the_examples_run(mosquitto: Mosquitto) -> None:
    short = SHORT.strip().replace("mqtt://127.0.0.1:1883", mosquitto.url)
    devices = {"": {"Load": (DataType.FLOAT, 0.5)}, "pump": {"Motor/Speed": (DataType.INT32, 7)}}
    for text, tags in (
        (short, {"edge1/Load", "edge1/pump/Motor/Speed"}),
        (f"{short}\n{NAMED.strip()}", {"pump_speed"}),
    ):
        (config,) = parse_sources(text).values()
        with running(config) as line:
            until(lambda line=line: line.health.link == "connected")
            node = EdgeNode(mosquitto.port, devices, group="Plant1", node="edge1")
            until(lambda line=line, tags=tags: tags == {n for b in [*line.intake.batches] for n in b.tags})
            assert {tag.name for tag in line.intake.offered} == tags
            node.close()


def test_every_key_is_explained() -> None:
    (config,) = parse_sources(SHORT).values()
    assert isinstance(config, SparkplugSource)
    explained = set(re.findall(r"`(\w+)`", "\n".join(row for row in PAGE.splitlines() if row[:1] == "|")))
    assert items(config).keys() - {"url", "group", "metrics"} <= explained
