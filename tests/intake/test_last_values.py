"""A reading of bad quality without a value keeps its quality, with the last usable value of its tag."""

from __future__ import annotations

import math

import pytest

from sensormon.intake import last_values
from sensormon.intake.last_values import LastValues
from sensormon.model.readings import Batch, Quality, Reading

BAD = Quality.BAD_SENSOR_FAILURE


def batch(*rows: tuple[str, float | str, int]) -> Batch:
    readings = [Reading(tag, number, value, quality) for number, (tag, value, quality) in enumerate(rows)]
    return Batch.of(readings, source="line", received=0)


def test_the_last_value_of_the_tag_takes_its_place() -> None:
    values = LastValues()
    filled = values.filled(batch(("a", 1.0, 0), ("b", 2.0, 0), ("a", math.nan, BAD), ("a", math.nan, BAD)))
    assert filled.value.tolist() == [1.0, 2.0, 1.0, 1.0]
    assert filled.quality.tolist() == [0, 0, BAD, BAD]
    assert values.filled(batch(("b", math.nan, BAD), ("b", 3.0, BAD))).value.tolist() == [2.0, 3.0]
    assert values.filled(batch(("b", math.nan, BAD))).value.tolist() == [3.0]


def test_without_a_value_before_it_stays_without() -> None:
    values = LastValues()
    assert math.isnan(values.filled(batch(("a", math.nan, BAD))).value[0])
    assert math.isnan(values.filled(batch(("a", 1.0, 0), ("b", math.nan, BAD))).value[1])


def test_what_is_good_or_a_word_is_left_alone() -> None:
    values = LastValues()
    values.filled(batch(("a", 1.0, 0)))
    given = batch(("a", math.nan, 0), ("a", math.inf, 0), ("s", "open", BAD))
    assert values.filled(given) is given


def test_endless_names_push_out_those_that_are_long_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_values, "MOST", 4)
    values = LastValues()
    values.filled(batch(("silent", 1.0, 0)))
    for number in range(40):
        values.filled(batch(("a", 5.0, 0), (f"flood_{number}", 2.0, 0)))
        assert len(values._last) <= 8
    filled = values.filled(batch(("a", math.nan, BAD), ("silent", math.nan, BAD)))
    assert filled.value[0] == 5.0
    assert math.isnan(filled.value[1])
