"""SKAB's row scores on cases counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sensormon.analysis.skab import RowCounts, score_rows


def test_counted_by_hand() -> None:
    first = (np.array([0, 0, 1, 1, 1], bool), np.array([1, 1, 1, 0, 1], bool))
    second = (np.array([1, 0, 0], bool), np.array([1, 0, 0], bool))
    counts = score_rows([first, second], baseline=1)
    assert counts == RowCounts(true_positive=2, false_positive=1, false_negative=1, true_negative=2)
    assert counts.f1 == pytest.approx(4 / 6)
    assert counts.far == pytest.approx(1 / 3)
    assert counts.mar == pytest.approx(1 / 3)


def test_nothing_to_divide_by() -> None:
    assert math.isnan(score_rows([]).f1)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="labels"):
        score_rows([(np.zeros(2, bool), np.zeros(3, bool))])
