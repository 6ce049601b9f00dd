"""What sources.toml may say of a Sparkplug group, and how tags are called."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sensormon.model.errors import UsageError
from sensormon.model.tags import NAME
from sensormon.sources.named_edit import with_source
from sensormon.sources.named_text import parse_sources
from sensormon.sources.sparkplug.kind import SparkplugSource, place_of
from sensormon.sources.sparkplug.tag_names import TAG, check_pattern, tag_name

SHORT = """
[sources.line]
kind = "sparkplug"
url = "mqtt://127.0.0.1:1883"
group = "Plant1"
"""
LONG = """
[sources.line]
kind = "sparkplug"
new_tags = false
password_env = "LINE_PASSWORD"
url = "mqtts://broker.plant.example:8884"
group = "Plant1"
nodes = ["edge*"]
devices = ["pump*"]
tag = "{group}.{node}.{device}.{metric}"
host = "monitor"
rebirth = false
browse_rebirth = true
client_id = "me"
user = "ada"
version = "3.1.1"
keepalive = 5
expiry = 60
ca_file = "/etc/ca.pem"
certificate_file = "/etc/me.pem"
key_file = "/etc/me.key"

[[sources.line.metrics]]
metric = "edge1/pump/Motor/Speed"
tag = "speed"
"""


def source(text: str) -> SparkplugSource:
    parsed = parse_sources(text)["line"]
    assert isinstance(parsed, SparkplugSource)
    return parsed


def test_url_and_group_are_enough() -> None:
    line = source(SHORT)
    assert line.common.new_tags
    assert line.place == "mqtt://127.0.0.1:1883 Plant1"
    assert (line.tag, line.tags, line.rebirth, line.browse_rebirth) == (TAG, (), True, False)
    assert line.broker.client_id == "sensormon-line"
    assert ("spBv1.0/Plant1/DDATA/+/+", 1) in line.subscriptions
    assert not any("CMD" in topic for topic, _ in line.subscriptions)


@pytest.mark.parametrize("text", [SHORT, LONG])
def test_what_is_read_is_written_back(text: str) -> None:
    assert with_source("", source(text)).split() == text.split()
    assert parse_sources(with_source(SHORT, source(text))) == parse_sources(text)


def test_named_metrics_are_the_only_ones_unless_a_pattern_is_there() -> None:
    row = '\n[[sources.line.metrics]]\nmetric = "e//a/b"\ntag = "x"\n'
    line = source(SHORT + row)
    assert (line.named, line.tags, line.tag) == (((("e", "", "a/b"), "x"),), ("x",), "")
    assert source(f'{SHORT}tag = "{{metric}}"{row}').tag == "{metric}"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('tag = "{node}"', "{metric} is needed"),
        ('tag = "{metric}{line}"', "{line} is not one of"),
        ('tag = "ä {metric}"', "letters, digits"),
        ('password_env = "X"', "a password is named, but no user"),
        ('version = "4"', "version: use 5, 3.1.1"),
        ('host = "a/b"', "without / + #"),
        ("expiry = -1", "expiry"),
        ('grup = "x"', "Was 'group' meant"),
        ('ca_file = "/x"', "write mqtts://"),
        ('[[sources.line.metrics]]\nmetric = "edge1"\ntag = "x"', "is not NODE/DEVICE/METRIC"),
        ('[[sources.line.metrics]]\nmetric = "e/d/m"\ntag = "x y"', "cannot be a tag's name"),
        ('[[sources.line.metrics]]\nmetric = "e/d/m"', "tag is not set"),
        (2 * '[[sources.line.metrics]]\nmetric = "e/d/m"\ntag = "x"\n', "named twice"),
        ('nodes = ["f"]\n[[sources.line.metrics]]\nmetric = "e/d/m"\ntag = "x"', "leave it out"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(more: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        source(SHORT + more)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("group", ["", "a/b", "+", "a#"])
def test_a_group_is_the_name_of_one(group: str) -> None:
    with pytest.raises(UsageError, match="group"):
        source(SHORT.replace("Plant1", group))


def test_a_place_has_a_node_a_device_and_a_name_with_slashes() -> None:
    assert place_of("e/d/m/n") == ("e", "d", "m/n")
    assert place_of("e//m") == ("e", "", "m")


@pytest.mark.parametrize("metric", ["Temp", "Öl Druck (bar)", "a//b", "/lead", "..", "x" * 100])
@pytest.mark.parametrize("device", ["", "pump 7", "-"])
@pytest.mark.parametrize("pattern", [TAG, "{metric}", "s.{group}:{metric}", "{device}-{metric}"])
def test_every_name_is_one_that_a_tag_may_have_or_is_refused(pattern: str, device: str, metric: str) -> None:
    check_pattern(pattern)
    try:
        name = tag_name(pattern, "g", "edge", device, metric)
    except ValueError:
        assert metric in ("..", "/lead") or pattern.startswith("{device}")
    else:
        assert NAME.fullmatch(name)


def test_a_name_that_is_too_long_is_refused_with_its_length() -> None:
    with pytest.raises(ValueError, match="205 characters, more than 128"):
        tag_name(TAG, "g", "edge", "", "x" * 200)


def test_reading_the_configuration_imports_no_library() -> None:
    code = "import sys, sensormon.sources.kinds as k; k.KINDS['sparkplug']; print(*sys.modules, sep=',')"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"paho", "google.protobuf"} & set(modules.strip().split(","))
