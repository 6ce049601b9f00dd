"""From a topic to the store: values, words, times and qualities, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.model import timestamps
from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.settings import Settings
from sensormon.model.source_health import Link
from sensormon.monitor.monitor import Monitor
from tests.support.mosquitto import Device, Mosquitto
from tests.support.mqtt_listener import until
from tests.support.mqtt_plant import health, monitoring, sources, stored

UNCERTAIN_LAST_USABLE = 0x4090_0000
NOW = SystemClock().now() // SECOND * SECOND - 3_600 * SECOND


@pytest.fixture
def plain(settings: Settings, tmp_path: Path) -> Settings:
    """Without the table of tests: every tag is one of the source."""
    tags = tmp_path / "none.toml"
    tags.write_text("[tags.known]\nvalid = [0, 100]\n")
    return replace(settings, tags=tags)


def until_stored(monitor: Monitor, count: int) -> list[tuple[str, int, float, int]]:
    until(lambda: health(monitor).stored + health(monitor).repeated >= count)
    monitor.drain()
    return stored(monitor)


def refusals(monitor: Monitor) -> list[tuple[str, str, str]]:
    monitor.drain()
    frame = monitor.parts.store.readings.rejected(100)
    return list(zip(frame["reason"], frame["value"], frame["detail"], strict=True))


def test_values_words_and_times_of_payloads(plain: Settings, mosquitto: Mosquitto) -> None:
    rows = """
topic = "hall/+/temp"
tag = "hall_{1}"
unit = "°C"
---
topic = "json/+"
tag = "{1}.level"
value = '$.levels[1]["in mm"]'
time = "$.t"
quality = "$.q"
---
topic = "json/+"
tag = "{1}.valve"
value = "$.open"
time = "$.t"
---
topic = "gateway/#"
tag = "{#}/{$.values[*].id}"
value = "$.values[*].v"
time = "$.values[*].t"
"""
    device = Device(mosquitto)
    with monitoring(plain, sources(mosquitto, rows, "new_tags = true")) as monitor:
        until(lambda: health(monitor).link is Link.CONNECTED)
        assert health(monitor).detail == "3 subscriptions"
        device.publish("hall/a/temp", "21.5")
        device.publish("hall/b/temp", " -1e2\n")
        levels = {"levels": [1, {"in mm": 3}], "open": True, "t": NOW / SECOND, "q": "Uncertain"}
        device.publish("json/tank", json.dumps(levels))
        values = [
            {"id": "x", "v": 1, "t": timestamps.render(NOW)},
            {"id": "x", "v": 2, "t": NOW // 1_000 + 1},
            {"id": "y", "v": "running", "t": (NOW + 2) * 1_000},
        ]
        device.publish("gateway/plc/1", json.dumps({"values": values}))
        rows_stored = until_stored(monitor, 7)
        got = {(tag, time, value, quality) for tag, time, value, quality in rows_stored if "hall" not in tag}
        assert got == {
            ("tank.level", NOW, 3.0, 0x4000_0000),
            ("tank.valve", NOW, 1.0, 0),
            ("plc/1/x", NOW, 1.0, 0),
            ("plc/1/x", NOW + 1_000, 2.0, 0),
            ("plc/1/y", NOW + 2, 0.0, 0),
        }
        assert [(tag, value) for tag, _, value, _ in rows_stored if "hall" in tag] == [
            ("hall_a", 21.5),
            ("hall_b", -100.0),
        ]
        tags = monitor.tags
        assert [tags["hall_a"].unit, tags["tank.valve"].kind, tags["plc/1/y"].kind] == [
            "°C",
            "boolean",
            "text",
        ]
        assert not tags["hall_a"].simulated
        assert monitor.ledger.now().total.difference == 0
    device.close()


def test_what_cannot_be_read_is_refused_with_topic_payload_and_reason(
    plain: Settings, mosquitto: Mosquitto
) -> None:
    rows = """
topic = "n"
tag = "known"
---
topic = "j"
tag = "j"
value = "$.v"
time = "$.t"
---
topic = "wild/+"
tag = "{1}"
"""
    device = Device(mosquitto)
    with monitoring(plain, sources(mosquitto, rows)) as monitor:
        until(lambda: health(monitor).link is Link.CONNECTED)
        for topic, payload in (
            ("n", "NaN"),
            ("n", b"\xff\xfe"),
            ("n", ""),
            ("n", "x" * 300),
            ("n", '{"v": 1}'),
            ("n", "closed"),
            ("n", "1e999"),
            ("n", "101"),
            ("j", '{"v": 1'),
            ("j", '{"v": NaN, "t": 1790000000}'),
            ("j", '{"w": 1, "t": 1790000000}'),
            ("j", '{"v": null, "t": 1790000000}'),
            ("j", '{"v": [1], "t": 1790000000}'),
            ("j", '{"v": 1, "v": 2, "t": 1790000000}'),
            ("j", '{"v": 1, "t": 17}'),
            ("j", '{"v": 1, "t": "2026-01-01T00:00:00"}'),
            ("j", "[" * 100_000),
            ("j", '{"v": ' + "9" * 400 + ', "t": 1790000000}'),
            ("j", bytes(3 << 20)),
            ("wild/new", "1"),
            ("wild/no name", "1"),
        ):
            device.publish(topic, payload)
        number = device.publish("n", "50")
        device.flush(number)
        until(lambda: health(monitor).stored == 1)
        said = refusals(monitor)
        for reason, detail in (
            ("not_finite", "topic n: NaN is not a number that can be stored"),
            ("malformed", "topic n: the payload is not text in UTF-8"),
            ("not_a_number", "topic n: the payload is empty, as when a kept value is deleted"),
            ("not_a_number", "topic n: the value is text of 300 characters; a state has at most 200"),
            ("malformed", "topic n: the payload is JSON; name in value what to read of it"),
            ("not_finite", "topic n: the value is too large for a number"),
            ("malformed", "topic j: the payload is no JSON (Expecting ',' delimiter)"),
            ("not_finite", "topic j: NaN is not a number that can be stored"),
            ("malformed", "topic j: nothing at $.v (.v is not there)"),
            ("not_a_number", "topic j: there is no value (null)"),
            ("not_a_number", "topic j: $.v is an array; name in value what to read of it"),
            ("malformed", "topic j: the payload has a field twice"),
            ("bad_timestamp", "topic j: the time 17 is too small to tell its unit; set time_unit"),
            ("bad_timestamp", "topic j: the time '2026-01-01T00:00:00' has no zone; set zone"),
            ("malformed", "topic j: the payload is nested too deeply"),
            ("not_finite", "topic j: the value is too large for a number"),
            ("malformed", "topic j: the payload has more than 1,048,576 bytes"),
            ("unknown_tag", "topic wild/no name: 'no name' is no name of a tag; give the topic a row"),
        ):
            assert (reason, detail) in [(each[0], each[2]) for each in said]
        assert ("unknown_tag", "there is no such tag in tags.toml") in [(each[0], each[2]) for each in said]
        assert {each[0] for each in said if each[1] in ("closed", "101.0")} == {
            "not_a_number",
            "out_of_range",
        }
        assert health(monitor).refused == len(said) == 21
        total = monitor.ledger.now().total
        assert (total.received, total.stored, total.rejected, total.difference) == (22, 1, 21, 0)
    device.close()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_kept_values_are_marked_and_no_news_the_second_time(
    plain: Settings, mosquitto: Mosquitto, version: str
) -> None:
    rows = """
topic = "plain"
tag = "plain"
---
topic = "timed"
tag = "timed"
value = "$.v"
time = "$.t"
"""
    device = Device(mosquitto)
    device.publish("plain", "1", retain=True)
    device.flush(device.publish("timed", json.dumps({"v": 2, "t": NOW / SECOND}), retain=True))
    text = sources(mosquitto, rows, f'version = "{version}"')
    with monitoring(plain, text) as monitor:
        values = until_stored(monitor, 2)
        assert [(tag, value, quality) for tag, _, value, quality in values] == [
            ("plain", 1.0, UNCERTAIN_LAST_USABLE),
            ("timed", 2.0, UNCERTAIN_LAST_USABLE),
        ]
        device.flush(device.publish("timed", json.dumps({"v": 3, "t": NOW / SECOND + 1}), retain=True))
        assert until_stored(monitor, 3)[2][2:] == (3.0, 0), "what is live is not marked"
    with monitoring(plain, text) as monitor:
        device.flush(device.publish("plain", "4"))
        until(lambda: any(row[2] == 4.0 for row in until_stored(monitor, 1)))
        assert len(stored(monitor)) == 4
        known = health(monitor).notes.get("kept values that are known already", 0)
        assert known == (0 if version == "5" else 2), "only MQTT 3.1.1 brings them again"
    device.close()


def test_a_topic_that_is_no_longer_wanted_is_unsubscribed(plain: Settings, mosquitto: Mosquitto) -> None:
    device = Device(mosquitto)
    with monitoring(plain, sources(mosquitto, 'topic = "old"\ntag = "old"')) as monitor:
        until(lambda: health(monitor).link is Link.CONNECTED)
        device.publish("old", "1")
        until_stored(monitor, 1)
    device.flush(device.publish("old", "2"))
    with monitoring(plain, sources(mosquitto, 'topic = "known"\ntag = "known"')) as monitor:
        until(lambda: health(monitor).link is Link.CONNECTED)
        until(lambda: health(monitor).refused == 1)
        assert refusals(monitor)[0][2] == "topic old: no row of sources.toml is about this topic"
        device.publish("old", "3")
        device.flush(device.publish("known", "4"))
        until_stored(monitor, 1)
        assert health(monitor).refused == 1
    device.close()


def test_a_burst_is_stored_whole(plain: Settings, mosquitto: Mosquitto) -> None:
    row = 'topic = "burst/+"\ntag = "b{1}"\nvalue = "$.v"\ntime = "$.t"'
    device = Device(mosquitto)
    with monitoring(plain, sources(mosquitto, row, "new_tags = true")) as monitor:
        until(lambda: health(monitor).link is Link.CONNECTED)
        for number in range(3_000):
            payload = json.dumps({"v": number, "t": (NOW + number * 1_000) // 1_000})
            last = device.publish(f"burst/{number % 10}", payload)
        device.flush(last)
        values = until_stored(monitor, 3_000)
        assert sorted(value for _, _, value, _ in values) == list(range(3_000))
        assert health(monitor).repeated == 0
    device.close()
