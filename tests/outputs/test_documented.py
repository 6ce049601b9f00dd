"""docs/outputs.md: its examples are files that work, and it explains every key."""

from __future__ import annotations

import re
from dataclasses import fields
from textwrap import dedent

from sensormon.model.settings import ROOT
from sensormon.outputs.config import Broker, Common, Server, Tls
from sensormon.outputs.config_text import parse_outputs
from tests.outputs.conftest import Start
from tests.support.mosquitto import Mosquitto
from tests.support.published import TEMP, spike, usual
from tests.support.subscriber import Subscriber

PAGE = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
EXAMPLES = [
    dedent(block)
    for block in re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE)
    if block.startswith("    [outputs")
]


def test_the_examples_make_one_file() -> None:
    broker, server = parse_outputs("\n".join(EXAMPLES)).values()
    assert isinstance(broker, Broker)
    assert isinstance(server, Server)


def test_every_key_is_explained() -> None:
    named = {field.name for kind in (Common, Broker, Server, Tls) for field in fields(kind)}
    explained = set(re.findall(r"`(\w+)`", "\n".join(line for line in PAGE.splitlines() if line[:1] == "|")))
    assert named - {"name", "common", "secret", "tls"} <= explained


def test_the_example_of_a_broker_publishes_what_the_page_says(broker: Mosquitto, start: Start) -> None:
    listener = Subscriber(broker)
    monitor = start(EXAMPLES[0].replace("127.0.0.1:1883", f"127.0.0.1:{broker.port}"))
    usual(monitor)
    spike(monitor)
    topics = {
        "value": f"sensormon/tags/{TEMP}/value",
        "state": f"sensormon/tags/{TEMP}/state",
        "event": f"sensormon/events/{TEMP}",
    }
    listener.wait(lambda: all(listener.payloads(topic) for topic in topics.values()))
    listener.wait(lambda: listener.objects(topics["state"])[-1]["state"] == "flagged")
    for name, topic in topics.items():
        assert set(listener.objects(topic)[-1]) <= set(re.findall(r"[\"`](\w+)[\"`]", PAGE)), name
    assert listener.payloads("sensormon/status") == [b"online"]
    listener.close()
