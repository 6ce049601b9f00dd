"""What sources.toml may say of an MQTT source, and what is refused in which words."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.model import timestamps
from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.readings import Reason
from sensormon.sources.kinds import KINDS
from sensormon.sources.mqtt.json_path import LONGEST, follow, parse_path, written
from sensormon.sources.mqtt.kind import MqttSource, TopicRow
from sensormon.sources.mqtt.payloads import Gathered, PayloadReader
from sensormon.sources.mqtt.times import read_time
from sensormon.sources.mqtt.topics import TopicFilter, tag_pattern, topic_filter
from sensormon.sources.mqtt.waiting import Arrived
from sensormon.sources.named_text import parse_sources

HEAD = '[sources.line]\nkind = "mqtt"\nurl = "mqtts://plant.example"\n'
FULL = """
client_id = "hall 7"
user = "line"
password_env = "LINE_PASSWORD"
version = "3.1.1"
keepalive = 60
expiry = 3600
ca_file = "/etc/ca.pem"
certificate_file = "/etc/own.pem"
key_file = "/etc/own.key"
qos = 0
[[sources.line.topics]]
topic = "$share/monitors/site/+/value"
tag = "{1}.{$.values[*].id}"
value = "$.values[*].v"
time = "$.t"
quality = "$.values[*].q"
time_unit = "ms"
zone = "Europe/Berlin"
unit = "°C"
kind = "number"
optional = true
"""


def source(text: str) -> MqttSource:
    read = parse_sources(HEAD + text)["line"]
    assert isinstance(read, MqttSource)
    return read


def test_every_key_is_read_and_written_back() -> None:
    read = source(FULL)
    assert read.broker.place == "mqtts://plant.example:8883"
    assert read.subscriptions == (("$share/monitors/site/+/value", 0),)
    assert read.broker.ca_file == Path("/etc/ca.pem")
    items = {name: value for name, value in KINDS["mqtt"].items(read).items() if value is not None}
    assert items["topics"][0]["value"] == "$.values[*].v"
    assert set(items) == {
        *("url", "client_id", "user", "version", "keepalive", "expiry", "ca_file", "certificate_file"),
        *("key_file", "qos", "topics"),
    }


def test_the_fewest_keys_are_the_usual_ones() -> None:
    read = source('[[sources.line.topics]]\ntopic = "a/b"')
    assert (read.broker.client_id, read.broker.version, read.qos) == ("sensormon-line", "5", 1)
    assert read.tags == ()
    kept = {name for name, value in KINDS["mqtt"].items(read).items() if value is not None}
    assert kept == {"url", "topics"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("qos = 2", "QoS 2 is confirmed before it is durable"),
        ('version = "4"', "version"),
        ('password_env = "X"', "no user"),
        ('certificate_file = "/a"', "needs its key"),
        ('[[sources.line.topics]]\ntag = "a"', "topic is not set"),
        ('[[sources.line.topics]]\ntopic = "a/#/b"', "at the end"),
        ('[[sources.line.topics]]\ntopic = "a+/b"', "a whole level"),
        ('[[sources.line.topics]]\ntopic = "$share/x"', r"\$share/GROUP/FILTER"),
        ('[[sources.line.topics]]\ntopic = "a/+"\ntag = "{2}"', "stands for nothing"),
        ('[[sources.line.topics]]\ntopic = "a/+"\ntag = "a b"', "characters that no tag has"),
        ('[[sources.line.topics]]\ntopic = "a"\nvalue = "v"', "is not a path"),
        ('[[sources.line.topics]]\ntopic = "a"\nvalue = "$.a[*].b[*]"', "more than once"),
        ('[[sources.line.topics]]\ntopic = "a"\nvalue = "$..a"', "cannot be read from"),
        ('[[sources.line.topics]]\ntopic = "a"\ntime = "$.t"', "without a value in JSON"),
        ('[[sources.line.topics]]\ntopic = "a"\nvalue = "$[*].v"', "would be the same tag"),
        (
            '[[sources.line.topics]]\ntopic = "a"\ntag = "{key}"\nvalue = "$.a[*].v"\ntime = "$.b[*].t"',
            "not of the elements",
        ),
        ('[[sources.line.topics]]\ntopic = "a"\ntag = "{key}"\nvalue = "$.v"', "for a value with"),
        ('[[sources.line.topics]]\ntopic = "a"\nzone = "Berlin"', "no time zone"),
        ('[[sources.line.topics]]\ntopic = "a"\nqos = 1', "'qos' is not known"),
        ('[[sources.line.topics]]\ntopic = "a"\n[[sources.line.topics]]\ntopic = "a"', "twice"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        source(text)


def test_topics_match_as_the_standard_says() -> None:
    for text, topic, parts in (
        ("a/+/c", "a/b/c", ("b",)),
        ("a/+/c", "a/b/d", None),
        ("a/+", "a/b/c", None),
        ("a/#", "a", ("",)),
        ("a/#", "a/b/c", ("b/c",)),
        ("+/+", "/b", ("", "b")),
        ("#", "a/b", ("a/b",)),
        ("+/b", "$SYS/b", None),
        ("$SYS/#", "$SYS/broker/load", ("broker/load",)),
        ("$share/g/a/+", "a/b", ("b",)),
    ):
        assert topic_filter(text).match(topic) == parts, (text, topic)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.text(min_size=1, max_size=5) | st.integers(0, 999_999), max_size=6))
def test_a_path_is_read_back_as_it_is_written(steps: list[str | int]) -> None:
    text = written(tuple(steps))
    if len(text) <= LONGEST:
        assert parse_path(text).steps == tuple(steps)


def reader(*rows: str) -> PayloadReader:
    text = "".join(f"[[sources.line.topics]]\n{row}\n" for row in rows)
    return PayloadReader("line", source(text).topics, new_tags=True)


READERS = (
    reader('topic = "a/#"'),
    reader('topic = "a/#"\ntag = "{#}"\nvalue = "$.v"\ntime = "$.t"\nquality = "$.q"'),
    reader(
        'topic = "+/+"\ntag = "{1}.{key}.{$.r[*].id}"\nvalue = "$.r[*].v"\ntime = "$.r[*].t"\nzone = "UTC"'
    ),
)


def read(payload: bytes, own: PayloadReader, topic: str = "a/b") -> Gathered:
    gathered = Gathered()
    own.read(Arrived(topic, payload, 1, False, 1_790_000_000 * SECOND), gathered)
    return gathered


@given(
    st.binary(max_size=60)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries(
        {
            "v": JSON,
            "t": JSON,
            "q": JSON,
            "r": st.lists(st.fixed_dictionaries({"v": JSON, "t": JSON, "id": JSON})),
        }
    ).map(lambda value: json.dumps(value).encode()),
    st.sampled_from(READERS),
    st.text(max_size=8),
)
def test_every_payload_is_read_or_refused_and_nothing_else(
    payload: bytes, own: PayloadReader, level: str
) -> None:
    gathered = read(payload, own, f"a/{level}")
    for reading in gathered.readings:
        assert isinstance(reading.value, str) or reading.quality >> 30 == 2 or math.isfinite(reading.value)
        assert timestamps.FIRST <= reading.time <= timestamps.LAST
        assert 0 <= reading.quality <= 0xFFFF_FFFF
    for rejection in gathered.refused:
        f"{rejection.detail}{rejection.value}{rejection.tag}{rejection.time}".encode()
        assert len(rejection.value) <= 201
        assert "topic a/" in rejection.detail
    empty_array = own is READERS[2] and (b'"r": []' in payload or b'"r": {}' in payload)
    assert gathered.readings or gathered.refused or empty_array


@given(
    st.integers() | st.floats() | st.text(max_size=30) | JSON, st.sampled_from(["", "s", "ms", "us", "ns"])
)
def test_a_time_is_read_or_refused(value: object, unit: str) -> None:
    with suppress(ValueError):
        assert timestamps.FIRST <= read_time(value, unit) <= timestamps.LAST


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1_790_000_000, "", "2026-09-21T14:13:20.000Z"),
        (1_790_000_000.25, "", "2026-09-21T14:13:20.250Z"),
        ("1790000000123", "", "2026-09-21T14:13:20.123Z"),
        (1_790_000_000_123_456, "", "2026-09-21T14:13:20.123456Z"),
        (1_790_000_000_123_456_789, "", "2026-09-21T14:13:20.123456Z"),
        (17, "s", "1970-01-01T00:00:17.000Z"),
        ("2026-09-21T16:13:20+02:00", "", "2026-09-21T14:13:20.000Z"),
    ],
)
def test_times_are_read_by_their_size(value: object, unit: str, text: str) -> None:
    assert timestamps.render(read_time(value, unit)) == text


def test_optional_values_are_left_out_in_silence_and_counted() -> None:
    own = reader(
        'topic = "a/b"\ntag = "x"\nvalue = "$.x"\noptional = true', 'topic = "a/b"\ntag = "y"\nvalue = "$.y"'
    )
    gathered = read(b'{"y": 1}', own)
    assert ([reading.tag for reading in gathered.readings], gathered.left_out) == (["y"], 1)


def test_a_row_for_one_topic_goes_before_those_with_wildcards() -> None:
    own = reader('topic = "a/+"\ntag = "{1}"', 'topic = "a/b"\ntag = "special"')
    assert [reading.tag for reading in read(b"1", own).readings] == ["special"]
    assert [reading.tag for reading in read(b"1", own, "a/c").readings] == ["c"]


def test_a_whole_number_that_would_be_rounded_is_refused() -> None:
    plain, of_json = reader('topic = "a/b"\ntag = "x"'), reader('topic = "a/b"\ntag = "x"\nvalue = "$"')
    for own in (plain, of_json):
        for number in (2**53 + 1, -(2**53) - 1):
            (refused,) = read(str(number).encode(), own).refused
            assert "too large to be kept exactly" in refused.detail
        (kept,) = read(str(2**53).encode(), own).readings
        assert kept.value == float(2**53)
    (refused,) = read(b"9" * 5_000, plain).refused
    assert "too large for a number" in refused.detail


def test_a_bad_quality_excuses_a_missing_value() -> None:
    own = reader('topic = "a/b"\ntag = "x"\nvalue = "$.v"\nquality = "$.q"')
    good, bad = read(b'{"v": null, "q": true}', own), read(b'{"v": null, "q": false}', own)
    assert [rejection.reason for rejection in good.refused] == [Reason.NOT_A_NUMBER]
    assert [reading.quality for reading in bad.readings] == [0x8000_0000]


def test_names_come_from_topics_keys_and_payloads() -> None:
    row = TopicRow(TopicFilter("a/+/#"), tag_pattern("{1}:{2}", topic_filter("a/+/#")))
    gathered = Gathered()
    PayloadReader("line", [row], new_tags=False).read(Arrived("a/b/c/d", b"1", 1, False, 5), gathered)
    assert [reading.tag for reading in gathered.readings] == ["b:c/d"]
    assert not gathered.tags, "patterns bring new tags only with new_tags"
    assert follow({"a": [{"b": 1}]}, parse_path("$.a[0].b").steps) == 1


def test_topics_without_end_are_not_remembered() -> None:
    own = reader('topic = "a/#"\ntag = "t"')
    for number in range(20):
        read(b"1", own, f"a/{number}/{'x' * 60_000}")
        assert len(read(b"1", own, f"a/{number}").readings) == 1
    assert sum(map(len, own._by_topic)) < 1_000
