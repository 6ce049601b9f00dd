"""A reading of bad quality without a value keeps its quality, with the last usable value of its tag."""

from __future__ import annotations

import math
from dataclasses import replace

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


def test_a_late_reading_does_not_become_the_last_value() -> None:
    values = LastValues()
    live = batch(("a", 1.0, 0), ("a", 2.0, 0), ("a", 3.0, 0))
    values.filled(replace(live, time=live.time + 100))
    late = batch(("a", 7.0, 0), ("a", math.nan, BAD))
    assert values.filled(late).value.tolist() == [7.0, 7.0]
    after = batch(("a", math.nan, BAD))
    assert values.filled(replace(after, time=after.time + 200)).value.tolist() == [3.0]


def test_a_state_without_a_word_keeps_its_last_word() -> None:
    values = LastValues()
    values.filled(batch(("s", "open", 0), ("s", "closed", 0)))
    filled = values.filled(batch(("a", 1.0, 0), ("a", 1.0, 0), ("a", 1.0, 0), ("s", math.nan, BAD)))
    assert filled.words == ("closed",)
    assert filled.word is not None
    assert filled.word.tolist() == [-1, -1, -1, 0]


def test_what_was_before_the_run_is_asked_for() -> None:
    def earlier(tag: str) -> float | str | None:
        return {"a": 5.0}.get(tag) or {"s": "open"}.get(tag)

    values = LastValues(earlier)
    filled = values.filled(batch(("a", math.nan, BAD), ("s", math.nan, BAD), ("b", math.nan, BAD)))
    assert filled.value.tolist()[0] == 5.0
    assert filled.words == ("open",)
    assert math.isnan(filled.value[2])
