"""Cells of a database as values: exactly, or refused with the reason."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from sensormon.model.readings import Reason
from sensormon.sources.values import EXACT, values_of


@pytest.mark.parametrize("kind", [int, Decimal])
def test_a_whole_number_that_a_float_cannot_hold_is_refused(kind: type) -> None:
    cells = [kind(EXACT), kind(EXACT + 1), kind(EXACT + 2), kind(-EXACT - 1), 1.5]
    values = values_of(cells)
    assert {row: why[0] for row, why in values.wrong.items()} == {
        1: Reason.NOT_A_NUMBER,
        3: Reason.NOT_A_NUMBER,
    }
    assert "too large to be kept exactly" in values.wrong[1][1]
    assert values.number[[0, 2, 4]].tolist() == [2.0**53, 2.0**53 + 2, 1.5]


def test_large_floats_and_fractions_are_taken_as_they_are() -> None:
    values = values_of([1e300, float("inf"), float("nan"), 3])
    assert not values.wrong
    assert values.number[0] == 1e300
    fractions = values_of([Decimal("9007199254740993.5"), Decimal("0.1"), None])
    assert not fractions.wrong
    assert np.isclose(fractions.number[0], 9.007199254740994e15)
    assert fractions.empty.tolist() == [False, False, True]
