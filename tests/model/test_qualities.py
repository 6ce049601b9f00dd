"""Words and numbers of quality as people and devices write them."""

from __future__ import annotations

import pytest

from sensormon.model.qualities import quality_of
from sensormon.model.readings import Quality


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Good", 0),
        (" GOOD ", 0),
        ("The operation succeeded. StatusGood (0x0)", 0),
        ("Bad (0x80000000)", Quality.BAD),
        ("Bad - sensor failure", Quality.BAD_SENSOR_FAILURE),
        ("BadSensorFailure", Quality.BAD_SENSOR_FAILURE),
        ("Uncertain Engineering Units Exceeded", Quality.UNCERTAIN_ENGINEERING_UNITS_EXCEEDED),
        ("Bad, of a kind nobody knows", Quality.BAD),
        ("questionable", Quality.UNCERTAIN),
        ("192", 0),
        (64, Quality.UNCERTAIN),
        (0, 0),
        (0x808C0000, Quality.BAD_SENSOR_FAILURE),
        (192.0, 0),
    ],
)
def test_a_word_or_a_number_says_the_quality(said: object, code: int) -> None:
    assert quality_of(said) == code


NONE = ["", "maybe", "goodish", "24", 24, -1, 1.5, True, None, 2**33, "9" * 40, []]
NONE += [10**400, float("nan"), float("inf"), "²", "١٩٢", "Good" + " " * 1_000_000, "0x0 " * 1_000]


@pytest.mark.parametrize("said", NONE, ids=lambda said: repr(said)[:20])
def test_what_says_no_quality_is_none(said: object) -> None:
    assert quality_of(said) is None
