"""The rule that names a field of line protocol."""

from __future__ import annotations

import pytest

from sensormon.model.line_tags import LineTag, MissingPart

TAGS = {"host": "a", "cpu": "cpu0", "measurement": "shadowed", "data center": "x"}


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("{host}.{measurement}.{field}", "a.cpu.idle"),
        ("{host}/{cpu}:{field}", "a/cpu0:idle"),
        ("site1.{data center}.{field}.raw", "site1.x.idle.raw"),
        ("{host}{host}", "aa"),
        ("", "cpu.idle"),
    ],
)
def test_rule_names_the_field(rule: str, name: str) -> None:
    assert LineTag(rule).name("cpu", TAGS, "idle") == name


@pytest.mark.parametrize(
    ("tags", "field", "name"),
    [
        ({"sensor": "ph"}, "value", "ph"),
        ({"sensor": "ph", "tag": "ph2"}, "raw", "ph2.raw"),
        ({"host": "a"}, "value", "plant"),
    ],
)
def test_without_a_rule_the_tags_tag_and_sensor_count(tags: dict[str, str], field: str, name: str) -> None:
    assert LineTag().name("plant", tags, field) == name


def test_line_without_a_tag_that_the_rule_needs_has_no_name() -> None:
    with pytest.raises(MissingPart) as missing:
        LineTag("{rack}.{field}").name("cpu", TAGS, "idle")
    assert missing.value.part == "rack"
